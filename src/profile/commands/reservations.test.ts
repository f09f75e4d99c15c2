// Tests of `portreeve reservations`: of a file and of the profile in force, as text, JSON and NETSTAT PORTLIST.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { workspace } from '../../../test/support/profile-workspace.ts';

const PROFILE = `TCPCONFIG RESTRICTLOWPORTS
PORT
  80 TCP WEB SHAREPORT BIND 192.0.2.7
  53 UDP NAMED
  UNRSV TCP *
PORTRANGE 4000 200 TCP TESTSYS
`;

test('lists a file without creating an archive', async (t) => {
  const { run, state } = workspace(t, { p: PROFILE });
  const { code, stdout, stderr } = await run(`reservations --profile @p --state ${state}`);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    `PORTS      PROTOCOL  FOR      OPTIONS                   RULE
53         udp       NAMED                              @p:4
80         tcp       WEB      SHAREPORT BIND 192.0.2.7  @p:3
4000-4199  tcp       TESTSYS                            @p:6
UNRSV      tcp       *        WHENLISTEN                @p:5

SETTING        VALUE       RULE
tcp low ports  restricted  @p:1
`,
  );
  assert.equal(existsSync(state), false);
});

test('lists the profile in force, or that there is none', async (t) => {
  const { run, state } = workspace(t, { p: PROFILE });
  const nothing = await run(`reservations --state ${state}`);
  assert.deepEqual(nothing, {
    code: 0,
    stdout: 'no profile is in force\n\nno reservations and no settings\n',
    stderr: '',
  });
  await run(`apply @p --state ${state}`);
  const { stdout } = await run(`reservations --state ${state}`);
  assert.match(stdout, /^revision 1, recorded \S+ \S+ by uid 4711\n\nPORTS /);
});

test('--json has the names of SMF 119', async (t) => {
  const { run, state } = workspace(t, { p: PROFILE });
  const { profile, revision, ports, settings } = JSON.parse(
    (await run('reservations --profile @p --json')).stdout,
  );
  assert.deepEqual([profile, revision], ['@p', null]);
  assert.deepEqual(ports[1], {
    flags: { IPV6: false, RANGE: false, UNRSV: false, TCP: true },
    useType: 'JOBNAME',
    rsvOptions: {
      AUTOLOG: true,
      DELAYACKS: true,
      SHAREPORT: true,
      SHAREPORTWLM: false,
      BIND: true,
      SAF: false,
      NOSMC: false,
      SMC: false,
    },
    unrsvOptions: { DENY: false, SAF: false, WHENLISTEN: false, WHENBIND: false },
    portNumber: 80,
    portNumberEnd: 80,
    jobname: 'WEB',
    safname: '',
    bindAddr: '192.0.2.7',
    rule: { file: '@p', line: 3, text: '80 TCP WEB SHAREPORT BIND 192.0.2.7' },
  });
  assert.equal(settings[0].setting, 'tcp low ports');
  await run(`apply @p --state ${state}`);
  assert.equal(JSON.parse((await run(`reservations --json --state ${state}`)).stdout).revision, 1);
});

test('--zos has the form of NETSTAT PORTLIST, and lists the options not shown', async (t) => {
  const { run } = workspace(t, { p: PROFILE, toml: '[profile]\ntcpname = "TCPCS"\n' });
  const { code, stdout, stderr } = await run('reservations --profile @p --zos --config @toml');
  assert.equal(code, 0);
  const [title, ...lines] = stdout.split('\n');
  assert.match(title ?? '', /^portreeve NETSTAT PORTLIST +TCPIP Name: TCPCS +\d\d:\d\d:\d\d$/);
  assert.deepEqual(lines, [
    'Port# Prot User     Flags    Range       IP Address      SAF Name',
    '----- ---- ----     -----    -----       ----------      --------',
    'UNRSV TCP  *        L',
    '00053 UDP  NAMED    A',
    '00080 TCP  WEB      DA                   192.0.2.7',
    '04000 TCP  TESTSYS  DAR      04000-04199',
    '',
  ]);
  assert.match(stderr, /^portreeve: not shown, since the list has no flag for them: SHAREPORT \(1 entry\)/);
  assert.equal((await run('reservations --profile @p --zos --json')).code, 2);
});

test('a file with errors is listed only with --keep-going', async (t) => {
  const { run } = workspace(t, { bad: 'PORT 80 TCP WEB\nPORTRANGE 70 20 TCP OTHER\n' });
  const { code, stdout, stderr } = await run('reservations --profile @bad');
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(stderr, /@bad could not be evaluated: 1 error/);
  const kept = await run('reservations --profile @bad --keep-going');
  assert.equal(kept.code, 0);
  assert.match(kept.stdout, /^80 /m);
});
