// portreeve.toml: all valid settings, and how each invalid one is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { settingKeys } from '../../test/support/setting-keys.ts';
import { PortreeveError } from '../base/errors.ts';
import { parseSettings } from '../kit/settings-file.ts';
import { SECTIONS } from './sections.ts';

/** The reported errors, one line each. */
async function mistakes(text: string): Promise<string[]> {
  try {
    await parseSettings(text, 'x.toml', SECTIONS);
    return [];
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError);
    assert.deepEqual([thrown.kind, thrown.code], ['usage', 'CONFIG_INVALID']);
    return thrown.message.split('\n  ').slice(1);
  }
}

test('all settings are accepted', async () => {
  const text = `[portmap]
listen = ["0.0.0.0", "::1"]
port = 111
local = "/run/rpcbind.sock"
uid = 60711

[profile]
file = "/etc/profile.tcpip"
racf = "/etc/racf"
zos_names = true
tcpname = "TCPCS"
omvs_job = "UNIX"
authport_jobs = ["FTPD*"]

[guard]
errno = "EPERM"
errno_low = "EACCES"
cgroup = "/sys/fs/cgroup/a.slice"
namespaces = ["web"]

[doctor]
suppress = [{ code = "LISTENER_EPHEMERAL", reason = "they choose", port = 40000 }]
bpxprm = "/etc/bpxprm00"

[job.WEB]
users = ["alice", 1001]
groups = ["www", 33]

[job."A.B"]
`;
  const portmap = { listen: ['0.0.0.0', '::1'], port: 111, local: '/run/rpcbind.sock', uid: 60711 };
  const profile = {
    file: '/etc/profile.tcpip',
    racf: '/etc/racf',
    zos_names: true,
    tcpname: 'TCPCS',
    omvs_job: 'UNIX',
    authport_jobs: ['FTPD*'],
  };
  const guard = {
    errno: 'EPERM',
    errno_low: 'EACCES',
    cgroup: '/sys/fs/cgroup/a.slice',
    namespaces: ['web'],
  };
  const doctor = {
    suppress: [{ code: 'LISTENER_EPHEMERAL', reason: 'they choose', port: 40_000 }],
    bpxprm: '/etc/bpxprm00',
  };
  const job = { WEB: { users: ['alice', 1001], groups: ['www', 33] }, 'A.B': {} };
  assert.deepEqual(await parseSettings(text, 'x.toml', SECTIONS), { portmap, profile, guard, doctor, job });
});

test('an empty file is valid', async () => {
  for (const text of [
    '',
    '# nothing\n',
    '[portmap]\n',
    '[profile]\n',
    '[guard]\n',
    '[doctor]\n',
    '[job]\n',
    '[job.A]\n',
  ])
    assert.deepEqual(await mistakes(text), []);
});

describe('each value has bounds', () => {
  const list = (length: number) => JSON.stringify(Array.from({ length }, (_, i) => `n${i}`));
  const cases: [key: string, good: string[], bad: string[]][] = [
    [
      'portmap.listen',
      ['[]', '["192.0.2.7"]', '["::"]'],
      [
        '"::"',
        '["localhost"]',
        '["fe80::1"]',
        '["224.0.0.1"]',
        '["::ffff:127.0.0.1"]',
        '["1.2.3.4:5"]',
        '[1]',
      ],
    ],
    ['portmap.port', ['1', '65535'], ['0', '65536', '-1', '1.5', '"111"']],
    [
      'portmap.local',
      ['"/a"', `"/${'a'.repeat(105)}"`],
      ['""', '"a"', '"/é"', '"/a b"', '"@a"', `"/${'a'.repeat(106)}"`, '1'],
    ],
    ['portmap.uid', ['1', '4294967294'], ['0', '4294967295', '"nobody"']],
    ['profile.file', ['"/a"', '"/a b"'], ['""', '"a"', '"/a\\u0000"', '1']],
    ['profile.racf', ['"/a"'], ['"a"', '[]']],
    ['profile.zos_names', ['true', 'false'], ['1', '"true"']],
    ['profile.tcpname', ['"TCPIP"', '"@#$45678"'], ['""', '"tcpip"', '"1A"', '"A23456789"', '"A.B"', '1']],
    ['profile.omvs_job', ['"OMVS"', '"A-B.C"'], ['""', '"omvs"', '"OMVS*"', '1']],
    ['profile.authport_jobs', ['[]', '["FTPD1", "FTP?*"]'], ['"FTPD1"', '["ftpd"]', '["A B"]', '[1]']],
    ['guard.errno', ['"EACCES"', '"EPERM"', '"EADDRINUSE"'], ['"eacces"', '"ENOENT"', '13', '""']],
    ['guard.errno_low', ['"EACCES"', '"EPERM"', '"EADDRINUSE"'], ['"EAGAIN"', '98', '[]']],
    ['guard.cgroup', ['"/sys/fs/cgroup/a.slice"'], ['"a.slice"', '""', '"/a\\u0000"', '1']],
    [
      'guard.namespaces',
      ['[]', '["web", "/run/docker/netns/1a2b"]', list(63)],
      ['"web"', '["a/b"]', '["pid:1"]', '[""]', '[1]', list(64)],
    ],
    [
      'doctor.suppress',
      ['[]', '[{ code = "LOW_PORTS_OPEN", reason = "x" }]'],
      ['"LOW_PORTS_OPEN"', '{}', '["LOW_PORTS_OPEN"]', '[1]'],
    ],
    ['doctor.bpxprm', ['"/a"'], ['"a"', '""', '1']],
    [
      'job.NAME.users',
      ['[]', '["a", 0, "b.c$"]'],
      ['"a"', '[""]', '["a:b"]', '["a b"]', '[-1]', '[1.5]', '[[]]'],
    ],
    ['job.NAME.groups', ['["www", 4294967294]'], ['33', '[4294967295]', '[true]']],
  ];
  for (const [setting, good, bad] of cases) {
    test(setting, async () => {
      const [, section, key] = /^(.*)\.(.*)$/.exec(setting) ?? [];
      for (const value of good)
        assert.deepEqual(await mistakes(`[${section}]\n${key} = ${value}\n`), [], value);
      for (const value of bad) {
        const [mistake = '', ...more] = await mistakes(`[${section}]\n${key} = ${value}\n`);
        assert.match(
          mistake,
          new RegExp(`^${section}\\.${key}(\\.0)? is .+; it must be (an?|the|true) `),
          value,
        );
        assert.deepEqual(more, []);
      }
    });
  }

  test('every setting is covered', async () => {
    assert.deepEqual(
      cases.map(([setting]) => setting),
      await settingKeys(SECTIONS),
    );
  });
});

test('a value in place of a section is refused', async () => {
  assert.deepEqual(await mistakes('portmap = 3\n'), ['portmap is 3; it must be a section, [portmap]']);
  assert.deepEqual(await mistakes('profile = 3\n'), ['profile is 3; it must be a section, [profile]']);
  assert.deepEqual(await mistakes('guard = 3\n'), ['guard is 3; it must be a section, [guard]']);
});

test('a suppression has a finding code, a reason, and optionally a port', async () => {
  const given = (entry: string) => mistakes(`[doctor]\nsuppress = [{ ${entry} }]\n`);
  assert.deepEqual(await given('code = "LOW_PORTS_OPEN", reason = "x", port = 65535'), []);
  const wrong: Record<string, RegExp> = {
    'code = "LOW_PORT_OPEN", reason = "x"':
      /^doctor\.suppress\.0\.code is "LOW_PORT_OPEN"; it must be a code of/,
    'reason = "x"': /^doctor\.suppress\.0\.code is missing; it must be a code of/,
    'code = "LOW_PORTS_OPEN"': /^doctor\.suppress\.0\.reason is missing; it must be a text with the reason$/,
    'code = "LOW_PORTS_OPEN", reason = " "': /^doctor\.suppress\.0\.reason is " "; it must be a text/,
    'code = "LOW_PORTS_OPEN", reason = "x", port = 0': /^doctor\.suppress\.0\.port is 0; it must be a number/,
    'code = "LOW_PORTS_OPEN", reason = "x", ports = 1':
      /^"doctor\.suppress\.0\.ports" is not a setting; did you mean "port"\?$/,
  };
  for (const [entry, expected] of Object.entries(wrong)) {
    const [mistake = '', ...more] = await given(entry);
    assert.match(mistake, expected);
    assert.deepEqual(more, []);
  }
});

test('a job section is named after a job that a user can take', async () => {
  for (const name of ['A', 'WEB', '"A@B.C"', '"#1"']) assert.deepEqual(await mistakes(`[job.${name}]\n`), []);
  for (const name of ['web', 'RESERVED', 'AUTHPORT', 'UNKNOWN', '"A*"', '"A?"', '""', '"A B"']) {
    const [mistake = '', ...more] = await mistakes(`[job.${name}]\n`);
    assert.match(
      mistake,
      /^job\..* is ".*"; it must be an uppercase job name, such as WEB, and not RESERVED/,
    );
    assert.deepEqual(more, []);
  }
  assert.deepEqual(await mistakes('job = 3\n'), ['job is 3; it must be sections, [job.NAME]']);
  assert.deepEqual(await mistakes('[job]\nWEB = 3\n'), ['job.WEB is 3; it must be a section, [job.NAME]']);
  assert.deepEqual(await mistakes('[job.WEB]\nuser = []\n'), [
    '"job.WEB.user" is not a setting; did you mean "users"?',
  ]);
});

test('an unknown key is compared with the keys of its section', async () => {
  assert.deepEqual(await mistakes('[profile]\nzos_name = true\nport = 1\n'), [
    '"profile.zos_name" is not a setting; did you mean "zos_names"?',
    '"profile.port" is not a setting; did you mean "file"?',
  ]);
  assert.deepEqual(await mistakes('[guard]\nerrnolow = "EPERM"\nnamespace = []\n'), [
    '"guard.errnolow" is not a setting; did you mean "errno_low"?',
    '"guard.namespace" is not a setting; did you mean "namespaces"?',
  ]);
});

test('an unknown section is refused, at the top level and nested', async () => {
  assert.deepEqual(await mistakes('[portmapp]\nlisten = []\n'), [
    '"portmapp" is not a setting; did you mean "portmap"?',
  ]);
  assert.deepEqual(await mistakes('uid = 0\n[jobs.WEB]\nusers = []\n'), [
    '"uid" is not a setting; did you mean "guard"?',
    '"jobs" is not a setting; did you mean "job"?',
  ]);
});
