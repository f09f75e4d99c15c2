// What a portreeve.toml comes to for the guard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../kit/settings-file.ts';
import { guardSettings } from './settings.ts';

test('without a word a refusal is EACCES, and one that bindresvport(3) is to pass over EADDRINUSE', () => {
  assert.deepEqual(guardSettings({}), {
    omvsJob: undefined,
    authportJobs: [],
    errno: 'EACCES',
    errnoLow: 'EADDRINUSE',
    cgroup: undefined,
    namespaces: [],
  });
});

test('all that can be said', () => {
  const text = `[profile]
omvs_job = "UNIX"
authport_jobs = ["FTPD*"]
[guard]
errno = "EPERM"
errno_low = "EACCES"
cgroup = "/sys/fs/cgroup/system.slice"
namespaces = ["web", "/run/docker/netns/1a2b"]
`;
  assert.deepEqual(guardSettings(parseSettings(text, 'x.toml')), {
    omvsJob: 'UNIX',
    authportJobs: ['FTPD*'],
    errno: 'EPERM',
    errnoLow: 'EACCES',
    cgroup: '/sys/fs/cgroup/system.slice',
    namespaces: ['/run/netns/web', '/run/docker/netns/1a2b'],
  });
});
