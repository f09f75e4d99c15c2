// Tests of `portreeve decide`: the verdict, its rule and its details, as exit code, text and JSON.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { workspace } from '../../../test/support/profile-workspace.ts';

const PROFILE = `PORT
  80 TCP WEB NODELAYACKS SHAREPORT
  81 TCP WEB* BIND 192.0.2.7
  82 TCP RESERVED
  83 TCP * SAF A
  UNRSV TCP GOOD
  UNRSV UDP * DENY
PORTRANGE 4000 2 TCP AUTHPORT
`;
const RACF = `RDEFINE SERVAUTH EZB.PORTACCESS.S.TCPIP.A UACC(NONE)
PERMIT EZB.PORTACCESS.S.TCPIP.A CLASS(SERVAUTH) ID(ROOT) ACCESS(READ)
`;

test('prints the verdict, the rule and its line', async (t) => {
  const { run } = workspace(t, { p: PROFILE });
  assert.deepEqual(await run('decide web 80/tcp --profile @p --user root'), {
    code: 0,
    stdout: [
      'allowed: 80/tcp is reserved for WEB',
      'rule     @p:2  80 TCP WEB NODELAYACKS SHAREPORT',
      'shared   several listeners may share the port',
      'acks     NODELAYACKS',
      '',
    ].join('\n'),
    stderr: '',
  });
  assert.deepEqual(await run('decide OTHER 80/tcp --profile @p'), {
    code: 1,
    stdout: [
      'denied: 80/tcp is reserved for other jobs, not for OTHER',
      'rule     @p:2  80 TCP WEB NODELAYACKS SHAREPORT',
      'errno    EACCES',
      '',
    ].join('\n'),
    stderr: '',
  });
});

describe('each reason has a text', () => {
  const cases: Record<string, [question: string, code: number, ...lines: RegExp[]]> = {
    RESERVED: ['WEB 82/tcp', 1, /^denied: 82\/tcp is reserved; no job may bind it\n/],
    'an address set by BIND': [
      'WEB1 81/tcp',
      0,
      /is reserved for WEB1/,
      /^address {2}192\.0\.2\.7 instead of 0\.0\.0\.0/m,
    ],
    'an explicit address': ['WEB1 81/tcp --address 198.51.100.1', 0, /^(?![\s\S]*\naddress)/],
    'a low port that the profile grants': ['WEB 80/tcp --user 4711', 0, /^low {6}granted without CAP_NET/m],
    'a low port that Linux denies': ['WEB 99/tcp', 1, /Linux requires CAP_NET_BIND_SERVICE below 1024/],
    'a low port that Linux permits': ['WEB 99/tcp --low-ports yes', 0, /99\/tcp is not reserved\n/],
    'UNRSV at listen': [
      'WEB 8080/tcp',
      0,
      /is not reserved/,
      /^listen {3}denied: .*no UNRSV entry permits WEB/m,
    ],
    'UNRSV at listen itself': ['WEB 8080/tcp --listen', 1, /no UNRSV entry permits WEB/],
    'UNRSV for the job': ['GOOD 8080/tcp --listen', 0, /an UNRSV entry permits GOOD/],
    'UNRSV with DENY': ['WEB 8080/udp', 1, /an UNRSV entry denies WEB/],
    'port 0': ['WEB 0/udp', 0, /the kernel assigns a port/],
    'AUTHPORT without FTP servers': ['FTPD1 4000/tcp', 1, /reserved for other jobs, not for FTPD1/],
    'SAF without commands': [
      'ANY 83/tcp --user root',
      1,
      /requires READ access to a SAF resource; user root does not have it/,
      /^saf {6}A: not permitted, no RACF profile/m,
    ],
    'SAF that permits': [
      'ANY 83/tcp --user root --racf @racf --symbol SYSNAME=S',
      0,
      /^saf {6}A: permitted, @racf:2 {2}PERMIT /m,
    ],
    'SAF that does not permit': [
      'ANY 83/tcp --user 4711 --racf @racf --symbol SYSNAME=S',
      1,
      /uid 4711 does not have it/,
    ],
  };
  for (const [name, [question, code, ...lines]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { run } = workspace(t, { p: PROFILE, racf: RACF });
      const found = await run(`decide ${question} --profile @p`);
      assert.equal(found.code, code, found.stderr);
      for (const line of lines) assert.match(found.stdout, line);
    });
  }
});

test('decides by the profile in force, with its RACF commands and symbols', async (t) => {
  const { run, state } = workspace(t, { p: PROFILE, racf: RACF });
  const ask = (question: string) => run(`decide ${question} --state ${state}`);
  const nothing = await ask('WEB 8080/tcp');
  assert.equal(nothing.code, 0);
  assert.match(nothing.stdout, /\nprofile {2}none in force\n/);
  await run(`apply @p --racf @racf --symbol SYSNAME=S --state ${state}`);
  assert.equal((await ask('OTHER 80/tcp')).code, 1);
  assert.equal((await ask('ANY 83/tcp --user root')).code, 0);
  assert.equal((await ask('ANY 83/tcp --user 4711')).code, 1);
  assert.equal((await ask('ANY 83/tcp --user root --racf @p')).code, 3);
});

test('uses the settings of portreeve.toml', async (t) => {
  const toml = '[profile]\nauthport_jobs = ["FTPD*"]\nomvs_job = "WEB9"\n';
  const { run } = workspace(t, { p: `${PROFILE}PORT 90 TCP WEB9\n`, toml });
  assert.equal((await run('decide FTPD1 4000/tcp --profile @p --config @toml')).code, 0);
  assert.equal((await run('decide ANY 90/tcp --profile @p --config @toml')).code, 0);
  assert.equal((await run('decide ANY 90/tcp --profile @p')).code, 1);
});

test('JSON', async (t) => {
  const { run } = workspace(t, { p: PROFILE });
  const yes = JSON.parse((await run('decide WEB1 81/tcp --profile @p --json --user root')).stdout);
  assert.deepEqual(
    [yes.allowed, yes.reason, yes.rule.line, yes.address, yes.profile, yes.revision],
    [true, 'RESERVED_FOR_JOB', 3, '192.0.2.7', '@p', null],
  );
  assert.deepEqual(yes.request, {
    operation: 'bind',
    protocol: 'tcp',
    address: '0.0.0.0',
    port: 81,
    job: 'WEB1',
    aliases: [],
    uid: 0,
    groups: yes.request.groups,
    lowPortCapable: true,
  });
  const no = JSON.parse((await run('decide X 82/tcp --profile @p --json')).stdout);
  assert.deepEqual(
    [no.allowed, no.reason, no.errno, no.rule.text, no.listen, no.saf],
    [false, 'RESERVED_FOR_NO_ONE', 'EACCES', '82 TCP RESERVED', null, null],
  );
});

describe('wrong usage is an error with a hint', () => {
  const cases: Record<string, [question: string, code: number, stderr: RegExp]> = {
    'a port without a protocol': ['WEB 80', 2, /"80" is not a port with a protocol\n.*80\/tcp/],
    'a port that is too high': ['WEB 65536/tcp', 2, /not a port with a protocol/],
    'a port in hexadecimal': ['WEB 0x50/tcp', 2, /not a port with a protocol/],
    'another protocol': ['WEB 80/sctp', 2, /not a port with a protocol/],
    'no job': ['A,B 80/tcp', 2, /"A,B" is not a job name/],
    'a word of the profile': ['RESERVED 80/tcp', 2, /word of the profile/],
    'no user': ['WEB 80/tcp --user nosuchuser', 2, /there is no user "nosuchuser"/],
    'no address': ['WEB 80/tcp --address localhost', 2, /"localhost" is not an IP address/],
    'neither yes nor no': ['WEB 80/tcp --low-ports maybe', 2, /Allowed choices are yes, no/],
    'no file': ['WEB 80/tcp --profile @none', 2, /there is no file/],
    'a file with errors': ['WEB 80/tcp --profile @bad', 3, /@bad could not be evaluated: 1 error/],
  };
  for (const [name, [question, code, stderr]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { run, state } = workspace(t, { bad: 'PORT 80\n' });
      const found = await run(`decide ${question} --state ${state}`);
      assert.deepEqual([found.code, found.stdout], [code, '']);
      assert.match(found.stderr, stderr);
    });
  }
  test('the boundaries of port numbers', async (t) => {
    const { run } = workspace(t, { p: '; none\n' });
    assert.equal((await run('decide WEB 65535/TCP --profile @p')).code, 0);
    assert.equal((await run('decide WEB 1024/udp --profile @p')).code, 0);
    assert.equal((await run('decide WEB 1023/udp --profile @p')).code, 1);
  });
});
