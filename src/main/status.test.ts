// Tests `portreeve status` with a daemon in every state, and without one.
import assert from 'node:assert/strict';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { needs, probe } from '../../test/support/probe.ts';
import { daemonStatus, statusDaemon } from '../../test/support/status-daemon.ts';
import type { GuardReport } from '../guard/app/report.ts';
import { run } from './program.ts';
import { statusText } from './status.ts';

async function homeOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('prints every fact of the status', () => {
  const status = daemonStatus({
    restarts: 1,
    unconfined: ['seccomp'],
    connections: 1,
    unsent: 2,
    late: 3,
    absent: ['[::1]:111'],
    sockets: [
      { netid: 'tcp', endpoint: '127.0.0.1:111' },
      { netid: 'local', endpoint: '@/run/rpcbind.sock' },
    ],
    calls: { 2: [5, 0, 0, 1200], 3: [], 4: [0, 1, 0, 0, 0, 7] },
  });
  const text = statusText(capturedIo(), status).replace(/since .*/, 'since then');
  assert.equal(
    text,
    [
      'daemon    version 1.2.3, pid 812, since then',
      'runtime   /run/portreeve',
      'portmap   running, pid 813, uid 60711, 44.0 MiB, 1 restart',
      'confined  all but seccomp, which this host does not support',
      'serves    12 registrations, 1 open connection, 2 answers not sent, 3 changes too late for an answer',
      'absent    [::1]:111: this host has no such address',
      'guard     not in the kernel',
      '',
      'NETID  ENDPOINT',
      'tcp    127.0.0.1:111',
      'local  @/run/rpcbind.sock',
      '',
      'VERSION  PROCEDURE  CALLS',
      '      2  NULL           5',
      '      2  GETPORT     1200',
      '      4  SET            1',
      '      4  BCAST          7',
      '',
    ].join('\n'),
  );
});

test('prints recent refusals in full, and registrations that cannot be checked', () => {
  const refusals = [
    `refused: SET of program 100005 version 3 udp 0.0.0.0.78.80 by uid 1000: ${'x'.repeat(80)}`,
    '\x1b[2J',
  ];
  const text = statusText(capturedIo({ columns: 60 }), daemonStatus({ foreign: 3, refusals }));
  assert.match(
    text,
    /foreign[^\n]* 3 registrations from other network namespaces,\n {10}which cannot be checked\n/,
  );
  assert.ok(text.includes(`RECENTLY REFUSED\x1b[0m\n${refusals[0]}\n\\x1b[2J\n`));
  const nothing = statusText(capturedIo(), daemonStatus({ foreign: 0, refusals: [] }));
  assert.doesNotMatch(nothing, /foreign|REFUSED/);
});

test('omits facts that are unknown while portmap is not running', () => {
  const away = { pid: null, uid: null, rssBytes: null, unconfined: null };
  const counts = {
    mappings: null,
    foreign: null,
    connections: null,
    unsent: null,
    late: null,
    calls: null,
  };
  const text = statusText(capturedIo(), daemonStatus({ state: 'waiting', ...away, ...counts }));
  assert.match(text, /^daemon .*\nruntime .*\nportmap {3}waiting\nguard .*\n$/);
});

test('prints the mode of the guard, and what the daemon lacks', () => {
  const guard = {
    mode: 'observe',
    revision: 3,
    cgroups: 1,
    users: 40,
    missing: ['no hierarchy of cgroup v2'],
  };
  const text = statusText(capturedIo(), daemonStatus({}, guard));
  assert.match(text, /\nguard {5}observe, revision 3; 40 users and 1 cgroup are known as jobs\n/);
  assert.match(text, /\nmissing {3}no hierarchy of cgroup v2\n/);
});

test('prints up to ten unknown names, which an older daemon does not report', () => {
  const text = (unknown: readonly string[]) => statusText(capturedIo(), daemonStatus({}, { unknown }));
  assert.match(text(['WEBB', 'FOO']), /\nunknown {3}there is no unit or user WEBB, FOO\n/);
  const many = Array.from({ length: 12 }, (_, i) => `J${i}`);
  assert.match(text(many), /\nunknown {3}there is no unit or user J0, .*, J9, and 2 more\n/);
  assert.doesNotMatch(text([]), /unknown/);
  const { unknown: _unknown, ...guard } = daemonStatus().guard;
  assert.doesNotMatch(
    statusText(capturedIo(), { ...daemonStatus(), guard: guard as GuardReport }),
    /unknown/,
  );
});

test('prints times in local time', () => {
  const status = daemonStatus();
  const local = new Date(status.since).toLocaleString('sv-SE');
  assert.ok(statusText(capturedIo(), status).includes(`, since ${local}\n`));
});

test('exits with 0 if portmap is running, 1 if not', async (t) => {
  for (const [state, expected] of [
    ['running', 0],
    ['waiting', 1],
    ['stopping', 1],
  ] as const) {
    const env = await statusDaemon(t, await homeOf(t), { state });
    const io = capturedIo({ env, uid: 1 });
    assert.equal(await run(['status'], io), expected);
    assert.match(io.stdout(), new RegExp(`portmap {3}${state},`));
  }
});

test('--json prints the status as the daemon reports it', async (t) => {
  const env = await statusDaemon(t, await homeOf(t));
  const io = capturedIo({ env, uid: 1 });
  assert.equal(await run(['status', '--json'], io), 0);
  assert.deepEqual(JSON.parse(io.stdout()), daemonStatus());
});

test('--runtime queries only that directory', async (t) => {
  const home = await homeOf(t);
  const env = await statusDaemon(t, home);
  assert.equal(await run(['status', '--runtime', join(home, 'portreeve')], capturedIo()), 0);
  const io = capturedIo({ env, uid: 1 });
  assert.equal(await run(['status', '--runtime', home], io), 3);
  assert.match(
    io.stderr(),
    /^portreeve: error\[\w+\]: no portreeve daemon answers:\n {2}.*\(ENOENT\)\nTo start it: portreeve serve\n$/,
  );
});

test('does not trust a directory of another user', async (t) => {
  if (!needs(t, probe.root())) return;
  const home = await homeOf(t);
  const env = await statusDaemon(t, home, { state: 'stopping' });
  await chown(join(home, 'portreeve'), 1, 1);
  const own = capturedIo({ env, uid: 1 });
  assert.equal(await run(['status'], own), 1);
  const other = capturedIo({ env, uid: 2 });
  await run(['status'], other);
  assert.doesNotMatch(other.stdout(), /stopping/);
});
