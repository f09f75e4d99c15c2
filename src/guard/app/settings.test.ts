// The guard's settings in portreeve.toml.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../kit/settings-file.ts';
import { PROFILE_SECTION } from '../../profile/app/settings.ts';
import { GUARD_SECTION, guardSettings } from './settings.ts';

test('by default a refusal is EACCES, and EADDRINUSE where bindresvport(3) is to try the next port', () => {
  assert.deepEqual(guardSettings({}), {
    omvsJob: undefined,
    authportJobs: [],
    errno: 'EACCES',
    errnoLow: 'EADDRINUSE',
    cgroup: undefined,
    namespaces: [],
  });
});

test('all settings are read', async () => {
  const text = `[profile]
omvs_job = "UNIX"
authport_jobs = ["FTPD*"]
[guard]
errno = "EPERM"
errno_low = "EACCES"
cgroup = "/sys/fs/cgroup/system.slice"
namespaces = ["web", "/run/docker/netns/1a2b"]
`;
  assert.deepEqual(guardSettings(await parseSettings(text, 'x.toml', [PROFILE_SECTION, GUARD_SECTION])), {
    omvsJob: 'UNIX',
    authportJobs: ['FTPD*'],
    errno: 'EPERM',
    errnoLow: 'EACCES',
    cgroup: '/sys/fs/cgroup/system.slice',
    namespaces: ['/run/netns/web', '/run/docker/netns/1a2b'],
  });
});
