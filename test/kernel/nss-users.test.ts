// Users that are in no file of the host: the user database (NSS) identifies them, and its answers are stored.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PortsReport } from '../../src/sockets/app/port-records.ts';
import { NO_PEERS, portreeve, status } from '../support/daemon.ts';
import { type GuardDaemon, guardDaemon } from '../support/guard-daemon.ts';
import { Nss } from '../support/nss.ts';
import { bringPeers } from '../support/peers.ts';
import { needs, probe } from '../support/probe.ts';
import { until } from '../support/sandbox.ts';

const [WEB, MALLORY, DEVELOPER] = [20_001, 20_002, 20_003];
const USERS = { ldapweb: WEB, mallory: MALLORY, devann: DEVELOPER };
const PROFILE = 'PORT\n 4000 TCP LDAPWEB\n 4001 TCP DEV*\n 4002 TCP OMVS\n 4003 TCP ALICE\n';

const LISTENER_PORT = 4100;
const LISTENER = [
  'python3',
  '-c',
  `import socket, time
s = socket.create_server(("127.0.0.1", ${LISTENER_PORT}))
print("listens", flush=True)
time.sleep(60)`,
];

interface Setup {
  readonly nss: Nss;
  readonly daemon: GuardDaemon;
}

/** A host on which the NSS module knows some users, and the enforced profile names one of them. */
async function setup(
  t: TestContext,
  profile = PROFILE,
  users: Readonly<Record<string, number>> = USERS,
): Promise<Setup | undefined> {
  const peers = await bringPeers();
  if (!needs(t, peers.probe(), probe.command('ldconfig'), probe.command('getent'))) return undefined;
  let nss: Nss | undefined;
  const prepare = async (sandbox: Parameters<typeof Nss.open>[0]) => {
    nss = await Nss.open(sandbox);
    await nss.users(users);
  };
  const daemon = await guardDaemon(t, profile, { peers, prepare });
  return nss && daemon && { nss, daemon };
}

test('a user that only the user database knows has the port of that user; others are refused', async (t) => {
  const { daemon } = (await setup(t)) ?? {};
  if (!daemon) return;
  assert.equal(await daemon.bind(4000, WEB), 'ok');
  assert.equal(await daemon.bind(4000, MALLORY), 'EACCES');
  assert.equal(await daemon.bind(4000), 'EACCES');
});

test('the answers are stored: at a boot without the database, only the same users have their ports', async (t) => {
  const { daemon, nss } = (await setup(t)) ?? {};
  if (!daemon || !nss) return;
  const bound = async () => [await daemon.bind(4000, WEB), await daemon.bind(4000, MALLORY)];
  // As at boot: no process of portreeve runs, and the guard is installed again. A query would cause a warning.
  const again = async () => {
    const enforced = await daemon.guard('enforce');
    assert.deepEqual([enforced.code, enforced.stderr], [0, '']);
  };
  await nss.hang();
  await again();
  const applied = await daemon.apply('/run/profile');
  assert.equal(applied.code, 0, applied.stderr);
  const warning = 'cannot query the user database of this host: timeout';
  assert.match(applied.stderr, new RegExp(`^portreeve: warning: ${warning}$`, 'm'));
  const running = daemon.start();
  await running.waitForOutput(new RegExp(`guard: ${warning}`));
  await running.stop();
  // Even setpriv(1) looks up a user. Now the module is gone: the effect is that of an unknown user.
  await nss.remove();
  assert.deepEqual(await bound(), ['ok', 'EACCES']);
  await again();
  assert.deepEqual(await bound(), ['ok', 'EACCES']);
  assert.equal((await daemon.apply('/run/profile')).code, 0);
  assert.deepEqual(await bound(), ['ok', 'EACCES']);
});

test('a user that only a pattern matches is known once the daemon has seen a refusal', async (t) => {
  const { daemon } = (await setup(t)) ?? {};
  if (!daemon) return;
  assert.equal(await daemon.bind(4001, DEVELOPER), 'EACCES');
  const running = await daemon.serve();
  await until('the pattern to match', async () => (await daemon.bind(4001, DEVELOPER)) === 'ok');
  // Another one is known from then on, which is enough for OMVS, and does not match DEV*.
  await until('OMVS to match', async () => (await daemon.bind(4002, MALLORY)) === 'ok');
  assert.equal(await daemon.bind(4001, MALLORY), 'EACCES');
  const unknownUid = 20_099;
  assert.equal(await daemon.bind(4002, unknownUid), 'EACCES');
  // A command reports the same.
  await daemon.fixture.start(LISTENER, { uid: DEVELOPER }, { env: NO_PEERS }).waitForOutput(/listens/);
  const { stdout } = await portreeve(daemon.fixture.sandbox, ['ports', '--json']);
  const { ports }: PortsReport = JSON.parse(stdout);
  const held = ports.find(({ port }) => port === LISTENER_PORT);
  assert.deepEqual([held?.user, held?.job], ['devann', 'DEVANN']);
  // It is stored: the guard is installed again without the daemon.
  await running.stop();
  await daemon.guard('enforce');
  assert.deepEqual([await daemon.bind(4001, DEVELOPER), await daemon.bind(4001, MALLORY)], ['ok', 'EACCES']);
  assert.equal(await daemon.bind(4002, unknownUid), 'EACCES');
});

test('the daemon follows a user who gets another uid, and a uid that gets another user', async (t) => {
  const { daemon, nss } = (await setup(t)) ?? {};
  if (!daemon || !nss) return;
  const holders = async () => {
    const uids = [WEB, MALLORY, DEVELOPER];
    const results = await Promise.all(uids.map((uid) => daemon.bind(4000, uid)));
    return uids.filter((_, at) => results[at] === 'ok');
  };
  assert.deepEqual(await holders(), [WEB]);
  const running = await daemon.serve();
  await nss.users({ ldapweb: DEVELOPER, mallory: WEB });
  assert.deepEqual(await holders(), [WEB]);
  // It queries again when it reloads its settings, and every few minutes.
  const reload = async () => process.kill((await running.pid()) ?? assert.fail('no daemon'), 'SIGHUP');
  await reload();
  await until('the other uid', async () => `${await holders()}` === `${DEVELOPER}`);
  // The name no longer exists, and another user has the uid.
  await nss.users({ mallory: DEVELOPER });
  await reload();
  await until('the user to be gone', async () => (await holders()).length === 0);
});

test('the user database cannot make a user root, a local user, a unit or portreeve', async (t) => {
  const names = {
    ldapweb: 0,
    alice: 20_010,
    portmap: 20_011,
    LdapWeb: 20_012,
    second: 1000,
    gateway: 20_013,
  };
  const profile = `${PROFILE} 4004 TCP PORTMAP\n 4005 TCP SECOND\n 4006 TCP GATEWAY\n 4007 TCP ROOT\n`;
  const { daemon } = (await setup(t, profile, names)) ?? {};
  if (!daemon) return;
  await daemon.serve();
  const tries = async () => ({
    4000: [await daemon.bind(4000), await daemon.bind(4000, 20_012)],
    4003: [await daemon.bind(4003, 1000), await daemon.bind(4003, 20_010)],
    4004: await daemon.bind(4004, 20_011),
    4005: await daemon.bind(4005, 1000),
    4006: await daemon.bind(4006, 20_013),
    4007: [await daemon.bind(4007), await daemon.bind(4007, 20_010)],
  });
  const no = 'EACCES';
  const expected = {
    4000: [no, no],
    4003: ['ok', no],
    4004: no,
    4005: no,
    4006: no,
    4007: ['ok', no],
  };
  assert.deepEqual(await tries(), expected);
  // All of them were seen now. A name in mixed case belongs to a user of that name, once the uid was seen.
  await until('LdapWeb', async () => (await daemon.bind(4000, 20_012)) === 'ok');
  assert.deepEqual(await tries(), { ...expected, 4000: [no, 'ok'] });
});

test('SAF: users and groups that only the user database knows have their access', async (t) => {
  const racf = [
    'RDEFINE SERVAUTH EZB.PORTACCESS.*.*.WEBPORT UACC(NONE)',
    'PERMIT EZB.PORTACCESS.*.*.WEBPORT CLASS(SERVAUTH) ID(LDAPWEB STAFF) ACCESS(READ)',
  ];
  const { daemon, nss } = (await setup(t, 'PORT 4010 TCP * SAF WEBPORT\n')) ?? {};
  if (!daemon || !nss) return;
  await nss.groups({ staff: ['devann'], others: ['mallory'] });
  await daemon.fixture.sandbox.write('/run/racf', `${racf.join('\n')}\n`);
  const applied = await daemon.run('apply', '/run/profile', '--racf', '/run/racf');
  assert.equal(applied.code, 0, applied.stderr);
  assert.doesNotMatch(applied.stderr, /SAF_ID_UNKNOWN/);
  const bound = await Promise.all([WEB, DEVELOPER, MALLORY].map((uid) => daemon.bind(4010, uid)));
  assert.deepEqual(bound, ['ok', 'ok', 'EACCES']);
});

test('names that do not exist are reported by apply, by its dry run and by the status', async (t) => {
  const { daemon } = (await setup(t, `${PROFILE} 4020 TCP WEBB\n 4021 TCP TOOL\n 4022 TCP PORTMAP\n`)) ?? {};
  if (!daemon) return;
  await daemon.settings('[job.TOOL]\nusers = ["alice"]\n');
  for (const words of [
    ['apply', '/run/profile', '--dry-run'],
    ['apply', '/run/profile'],
  ]) {
    const { stderr } = await daemon.run(...words);
    assert.match(
      stderr,
      /^note: no unit or user on this host is named WEBB \(\/run\/profile:6\)$/m,
      words.join(' '),
    );
  }
  await daemon.serve();
  const sandbox = daemon.fixture.sandbox;
  await until('the names', async () => (await status(sandbox)).guard.unknown.length > 0);
  assert.deepEqual((await status(sandbox)).guard.unknown, ['WEBB']);
  await sandbox.write('/etc/passwd', 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000:::\nwebb:x:1005:1005:::\n');
  await until('no name to be unknown', async () => (await status(sandbox)).guard.unknown.length === 0);
});

test('a dry run stores nothing, and uses the answers', async (t) => {
  const { daemon, nss } = (await setup(t, 'PORT 4000 TCP ROOT\n')) ?? {};
  if (!daemon || !nss) return;
  const { sandbox } = daemon.fixture;
  await sandbox.write('/run/other', 'PORT 4000 TCP LDAPWEB\n');
  const { stdout, stderr } = await daemon.run('apply', '/run/other', '--dry-run');
  assert.match(stdout, /nothing was changed/);
  assert.doesNotMatch(stderr, /no unit or user/);
  assert.notEqual((await sandbox.run(['ls', '/run/state/users.db'])).code, 0);
  await daemon.run('apply', '/run/other');
  assert.equal((await sandbox.run(['ls', '/run/state/users.db'])).code, 0);
});
