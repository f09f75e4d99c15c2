// Tests of the sender of a datagram: a port that changes its owner while a datagram waits never identifies root or
// another user.

import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SENDER_AGE_MAX_MS } from '../../src/base/limits.ts';
import { GrantedPortsFile } from '../../src/host/linux/granted-ports.ts';
import { PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeRpcb, RPCBIND_VERSION_4, RPCBPROC } from '../../src/portmap/wire/rpcbind.ts';
import { encodeXdr } from '../../src/portmap/wire/xdr.ts';
import { type Entry, makeCalls } from '../support/calls.ts';
import { portreeve, serve, status } from '../support/daemon.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, type Running, type RunOptions, Sandbox } from '../support/sandbox.ts';

const ROOT = 0;
const ALICE = 1000;
const BOB = 1001;
const MALLORY = 1002;
const PROGRAM = 0x2000_2000;
/** Below 1024: reserved for root. */
const ENTRY: Entry = { program: PROGRAM, version: 1, netid: 'udp', address: '0.0.0.0.2.154' };
const entryAt = (address: string): Entry => ({ ...ENTRY, address });
const SCRIPT = join(import.meta.dirname, '../support/datagrams.py');
const INSIDE = '/run/datagrams.py';
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
const SECONDS = 4;
/** Longer than the maximum age of a datagram. */
const STOPPED_MS = 2 * SENDER_AGE_MAX_MS;

interface Fixture {
  readonly sandbox: Sandbox;
  readonly daemon: Running;
}

async function fixture(t: TestContext, unprivilegedStart = 1024): Promise<Fixture | undefined> {
  const probes = [probe.root(), probe.netns(), probe.command('python3'), kernelIpv6(), ONLY_PORTREEVE];
  if (!needs(t, ...probes)) return undefined;
  const sandbox = await Sandbox.open(t);
  await copyFile(SCRIPT, sandbox.path(INSIDE));
  await setting(sandbox, 'ip_unprivileged_port_start', `${unprivilegedStart}`);
  const daemon = await serve(sandbox);
  return { sandbox, daemon };
}

/** Written by a process in the sandbox: the file shows the network namespace of the process that opened it. */
async function setting(sandbox: Sandbox, name: string, value: string): Promise<void> {
  const { code } = await sandbox.run(['sh', '-c', `echo '${value}' >/proc/sys/net/ipv4/${name}`]);
  assert.equal(code, 0);
}

/** A call in hexadecimal. */
function message(procedure: 'set' | 'unset', entry: Entry = ENTRY): string {
  const bytes = encodeXdr((writer) => {
    const number = procedure === 'set' ? RPCBPROC.SET : RPCBPROC.UNSET;
    writeCall(writer, { xid: 1, program: PORTMAP_PROGRAM, version: RPCBIND_VERSION_4, procedure: number });
    encodeRpcb(writer, { ...entry, owner: '' });
  });
  return Buffer.from(bytes).toString('hex');
}

function start(sandbox: Sandbox, how: string, task: object, options?: RunOptions): Running {
  return sandbox.start(['python3', INSIDE, how, JSON.stringify(task)], options);
}

async function result<T>(running: Running): Promise<T> {
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** The registrations of the program, sorted: transport, address and owner. */
async function listed(sandbox: Sandbox): Promise<string[]> {
  const { stdout } = await portreeve(sandbox, ['portmap', 'list', '--json']);
  const entries: (Entry & { owner: string })[] = JSON.parse(stdout);
  return entries
    .filter(({ program }) => program === PROGRAM)
    .map(({ netid, address, owner }) => `${netid} ${address} ${owner}`)
    .sort();
}

for (const family of FAMILIES) {
  test(`a flood of datagrams whose ports root then takes registers nothing, over IPv${family}`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox, daemon } = at;
    // With few ports, as many change their owner in seconds as otherwise in hours.
    await setting(sandbox, 'ip_local_port_range', '40000 41999');
    const seconds = SECONDS;
    const root = start(sandbox, 'lend', { family, seconds, sockets: 200, pauseMs: 10 });
    const burst = { family, seconds, sockets: 1500, pauseMs: 50, message: message('set') };
    const mallory = start(sandbox, 'burst', burst, { uid: MALLORY });
    // Legitimate clients are served if they retry like pmap_set(3), for a minute.
    const own = { family, waitMs: 200, attempts: 300 };
    const [first, second] = [entryAt('0.0.0.0.8.1'), { ...entryAt('0.0.0.0.2.155'), version: 2 }];
    const alice = start(sandbox, 'ask', { ...own, port: 0, message: message('set', first) }, { uid: ALICE });
    const honest = start(sandbox, 'ask', { ...own, port: 701, message: message('set', second) });
    assert.ok((await result<number>(root)) > 1000);
    assert.ok((await result<number>(mallory)) >= 1500);
    assert.deepEqual([await result(alice), await result(honest)], [true, true]);
    assert.deepEqual(await listed(sandbox), ['udp 0.0.0.0.2.155 superuser', 'udp 0.0.0.0.8.1 1000']);
    assert.equal(daemon.output.match(/uid 0 \S+ registered/g)?.length, 1);
  });
}

/** Calls `act` while the port mapper is stopped. */
async function stopped(sandbox: Sandbox, act: () => Promise<void>): Promise<void> {
  const { portmap } = await status(sandbox);
  await sandbox.run(['kill', '-STOP', `${portmap.pid}`]);
  await act();
  await pause(STOPPED_MS);
  await sandbox.run(['kill', '-CONT', `${portmap.pid}`]);
  // Waiting datagrams are processed before this request.
  await status(sandbox);
}

interface HandOver {
  readonly from: number;
  readonly to: number;
  readonly port: number;
  /** Whether the sender requests transmission in an hour, by a clock of its choice. */
  readonly isDated?: boolean;
  /** While the port mapper is stopped, every user may bind from this port on. */
  readonly unprivilegedFrom?: number;
}

const HAND_OVERS: Record<string, HandOver> = {
  'a port that root then takes': { from: MALLORY, to: ROOT, port: 40_000 },
  'a port that another user then takes': { from: MALLORY, to: BOB, port: 40_000 },
  'a port that root then takes, with a later transmission time': {
    from: MALLORY,
    to: ROOT,
    port: 40_000,
    isDated: true,
  },
  'a port that another user then takes, with a later transmission time': {
    ...{ from: MALLORY, to: BOB, port: 40_000, isDated: true },
  },
  'a reserved port that was unprivileged': { from: MALLORY, to: ROOT, port: 700, unprivilegedFrom: 0 },
};

for (const [name, { unprivilegedFrom, ...who }] of Object.entries(HAND_OVERS)) {
  for (const family of FAMILIES) {
    test(`a datagram from ${name} has no effect, over IPv${family}`, async (t) => {
      const at = await fixture(t);
      if (at === undefined) return;
      const { sandbox } = at;
      const kept = { ...entryAt('0.0.0.0.8.1'), version: 2 };
      const keeper = { via: 'local', procedure: 'set', entry: kept, uid: who.to } as const;
      assert.deepEqual(await makeCalls(sandbox, [keeper]), [true]);
      for (const [procedure, entry] of [
        ['set', entryAt('0.0.0.0.8.2')],
        ['unset', kept],
      ] as const) {
        const task = { isDated: false, ...who, family, message: message(procedure, entry) };
        const handed = await whileStopped(sandbox, 'hand-over', task, async (running) => {
          if (unprivilegedFrom !== undefined)
            await setting(sandbox, 'ip_unprivileged_port_start', `${unprivilegedFrom}`);
          await running().waitForOutput(/handed over/);
          if (unprivilegedFrom !== undefined) await setting(sandbox, 'ip_unprivileged_port_start', '1024');
        });
        assert.equal(await handed(), null);
        assert.deepEqual(await listed(sandbox), [
          `udp 0.0.0.0.8.1 ${who.to === ROOT ? 'superuser' : who.to}`,
        ]);
      }
      assert.equal((await status(sandbox)).portmap.late, 2);
    });
  }
}

/** Starts a script while the port mapper is stopped. Returns a function that makes it read the replies. */
async function whileStopped(
  sandbox: Sandbox,
  how: string,
  task: object,
  act: (start: () => Running) => Promise<void>,
): Promise<() => Promise<boolean | null>> {
  await sandbox.run(['rm', '-f', '/run/read']);
  let running: Running | undefined;
  await stopped(sandbox, () => act(() => (running ??= start(sandbox, how, task))));
  return async () => {
    await sandbox.write('/run/read', '');
    return result(running ?? assert.fail());
  };
}

interface Honest {
  readonly uid: number;
  readonly port: number;
  readonly address: string;
  /** The reply to the second of two late requests. */
  readonly expected: boolean | null;
}

const HONEST: Record<string, Honest> = {
  'a user with an exclusive socket': { uid: ALICE, port: 40_000, address: '', expected: true },
  'root from a reserved port': { uid: ROOT, port: 700, address: '', expected: true },
  'root from another port': { uid: ROOT, port: 40_000, address: '', expected: false },
  'a user with a socket bound to one address': {
    uid: ALICE,
    port: 40_000,
    address: '127.0.0.1',
    expected: null,
  },
};

for (const [name, { uid, expected, ...where }] of Object.entries(HONEST)) {
  test(`${name} that always sends late receives ${expected} the second time`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox } = at;
    const task = { ...where, family: 4, times: 2, message: message('set', entryAt('0.0.0.0.8.1')) };
    const client = start(sandbox, 'repeat', task, { uid });
    for (const time of [1, 2]) {
      await stopped(sandbox, async () => {
        await sandbox.write(`/run/send${time}`, '');
        await client.waitForOutput(new RegExp(`sent ${time}`));
      });
    }
    await sandbox.write('/run/read', '');
    assert.equal(await result(client), expected);
    assert.equal((await status(sandbox)).portmap.late, expected === null ? 2 : 1);
    const owner = uid === ROOT ? 'superuser' : uid;
    assert.deepEqual(await listed(sandbox), expected ? [`udp 0.0.0.0.8.1 ${owner}`] : []);
  });
}

/** The reply to root when it sends from a port. */
async function rootFrom(sandbox: Sandbox, port: number, family: Family = 4): Promise<boolean | null> {
  const task = { family, port, waitMs: 2000, attempts: 3, message: message('set') };
  return result(start(sandbox, 'ask', task));
}

test('root is identified on a reserved port and the Unix socket, and refused with a reason elsewhere', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, daemon } = at;
  for (const family of FAMILIES) {
    assert.deepEqual(
      [await rootFrom(sandbox, 0, family), await rootFrom(sandbox, 1024, family)],
      [false, false],
    );
    assert.deepEqual(await listed(sandbox), []);
    assert.equal(await rootFrom(sandbox, 1023, family), true);
    assert.deepEqual(await listed(sandbox), ['udp 0.0.0.0.2.154 superuser']);
    const unset = { via: 'local', procedure: 'unset', entry: ENTRY, uid: ROOT } as const;
    assert.deepEqual(await makeCalls(sandbox, [unset]), [true]);
  }
  assert.match(
    daemon.output,
    /only from a port below net\.ipv4\.ip_unprivileged_port_start; use the Unix socket/,
  );
});

test('pmap_set(3) and pmap_unset(3) of glibc work for root and for a user', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox } = at;
  const byRoot = await result(start(sandbox, 'pmap', { program: PROGRAM, port: 666 }));
  const byAlice = await result(start(sandbox, 'pmap', { program: PROGRAM + 1, port: 2049 }, { uid: ALICE }));
  assert.deepEqual(
    [byRoot, byAlice],
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
  );
  assert.deepEqual(await listed(sandbox), ['tcp 0.0.0.0.2.154 superuser']);
});

test('without privileged ports root is not identified over UDP, and the log refers to the Unix socket', async (t) => {
  const at = await fixture(t, 0);
  if (at === undefined) return;
  const { sandbox, daemon } = at;
  assert.deepEqual([await rootFrom(sandbox, 700), await rootFrom(sandbox, 700, 6)], [false, false]);
  assert.match(daemon.output, /reserves no port for root; use the Unix socket/);
  const set = { via: 'local', procedure: 'set', entry: ENTRY, uid: ROOT } as const;
  assert.deepEqual(await makeCalls(sandbox, [set]), [true]);
  // A changed setting takes effect at once.
  await setting(sandbox, 'ip_unprivileged_port_start', '701');
  assert.deepEqual([await rootFrom(sandbox, 701), await rootFrom(sandbox, 700)], [false, true]);
});

test('root is not identified on a port that the guard has granted', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, daemon } = at;
  const record = new GrantedPortsFile(sandbox.path('/var/lib/portreeve'), '/nonexistent');
  record.record([{ first: 700, last: 700 }]);
  assert.deepEqual([await rootFrom(sandbox, 700), await rootFrom(sandbox, 701)], [false, true]);
  assert.match(daemon.output, /from a port that the guard grants to a job; use the Unix socket/);
});
