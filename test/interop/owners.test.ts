// Tests of who may register and remove what: a caller is identified by its socket, whatever its port.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NetId } from '../../src/base/netid.ts';
import { type Call, type Entry, makeCalls, type OtherSocket } from '../support/calls.ts';
import { portreeve, serve, status } from '../support/daemon.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, type Running, Sandbox } from '../support/sandbox.ts';

const ALICE = 1000;
const BOB = 1001;
const ROOT = 0;
const PROGRAM = 536871111;
const ENTRY: Entry = { program: PROGRAM, version: 1, netid: 'tcp', address: '127.0.0.1.16.147' };
const ELSEWHERE: Entry = { ...ENTRY, address: '127.0.0.1.16.148' };

/** Every transport of the port mapper, with a source port. */
const WAYS: readonly (Pick<Call, 'via' | 'fromPort'> & { readonly name: string })[] = [
  { name: 'the Unix socket', via: 'local' },
  ...(['udp', 'tcp', 'udp6', 'tcp6'] satisfies NetId[]).flatMap((via) => [
    { name: `${via} from a low port`, via, fromPort: 600 },
    { name: `${via} from a high port`, via, fromPort: 40_600 },
  ]),
];

interface Fixture {
  readonly sandbox: Sandbox;
  readonly daemon: Running;
  /** Makes calls in sequence. */
  readonly make: (...calls: Call[]) => Promise<(boolean | null)[]>;
}

/** From here on every user may bind every port, so a low port does not identify root. */
const FREE_FROM = 600;
/** A port that identifies root over UDP. */
const ROOT_PORT = FREE_FROM - 1;

/** The same call by root, from a port that identifies root. */
function byRoot(call: Call): Call {
  const isUdp = call.via === 'udp' || call.via === 'udp6';
  return { ...call, uid: ROOT, ...(isUdp && { fromPort: ROOT_PORT }) };
}

async function fixture(t: TestContext): Promise<Fixture | undefined> {
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6(), ONLY_PORTREEVE)) return undefined;
  const sandbox = await Sandbox.open(t);
  // Written by a process in the sandbox: the file shows the network namespace of the process that opened it.
  await sandbox.run(['sh', '-c', `echo ${FREE_FROM} >/proc/sys/net/ipv4/ip_unprivileged_port_start`]);
  const daemon = await serve(sandbox);
  return { sandbox, daemon, make: (...calls) => makeCalls(sandbox, calls) };
}

/** The registrations of the program: transport, address and owner. */
async function listed(sandbox: Sandbox): Promise<string[]> {
  const { stdout } = await portreeve(sandbox, ['portmap', 'list', '--json']);
  const entries: (Entry & { owner: string })[] = JSON.parse(stdout);
  return entries
    .filter(({ program }) => program === PROGRAM)
    .map(({ netid, address, owner }) => `${netid} ${address} ${owner}`);
}

const set = (uid: number, entry: Entry = ENTRY): Call => ({ via: 'local', procedure: 'set', entry, uid });
const unset = (uid: number, entry: Entry = ENTRY): Call => ({ ...set(uid, entry), procedure: 'unset' });

for (const { name, ...way } of WAYS) {
  test(`over ${name} only the owner and root can replace or remove a registration`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox, daemon, make } = at;
    const by = (call: Call): Call => ({ ...call, ...way });
    assert.deepEqual(await make(by(set(BOB)), by(set(ALICE, ELSEWHERE)), by(unset(ALICE))), [
      true,
      false,
      false,
    ]);
    assert.deepEqual(await listed(sandbox), ['tcp 127.0.0.1.16.147 1001']);
    const from =
      way.via === 'local' ? 'local' : `${way.via.endsWith('6') ? '[::1]' : '127.0.0.1'}:${way.fromPort}`;
    const refused = `refused a change by uid 1000 (${from}): program ${PROGRAM} version 1 tcp`;
    for (const reason of [
      `${refused} 127.0.0.1.16.148: already registered at 127.0.0.1.16.147 by uid 1001`,
      `${refused} 127.0.0.1.16.147: registered by uid 1001; only its owner or root may change it`,
    ]) {
      assert.ok(daemon.output.includes(reason), `"${reason}" is not in ${daemon.output}`);
      assert.ok((await status(sandbox)).portmap.refusals.includes(`portmap: ${reason}`));
    }
    assert.deepEqual(await make(by(unset(BOB)), by(set(BOB, ELSEWHERE))), [true, true]);
    assert.deepEqual(await listed(sandbox), ['tcp 127.0.0.1.16.148 1001']);
    assert.deepEqual(await make(byRoot(by(unset(ROOT))), byRoot(by(set(ROOT)))), [true, true]);
    assert.deepEqual(await listed(sandbox), ['tcp 127.0.0.1.16.147 superuser']);
    assert.deepEqual(await make(by(unset(ALICE)), byRoot(by(unset(ROOT)))), [false, true]);
    assert.deepEqual(await listed(sandbox), []);
  });
}

for (const via of ['local', 'udp', 'tcp'] as const) {
  test(`over ${via} a port below 1024 can be registered only by a user with a socket on it, and by root`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox, daemon, make } = at;
    const entry: Entry = { ...ENTRY, address: '0.0.0.0.2.88' };
    const held = (uid: number): OtherSocket => ({ netid: 'tcp', uid, address: '127.0.0.1', port: 600 });
    const by = (call: Call, ...others: OtherSocket[]): Call => ({ ...call, via, others, fromPort: 40_601 });
    assert.deepEqual(await make(by(set(ALICE, entry)), by(set(ALICE, entry), held(BOB))), [false, false]);
    assert.deepEqual(await listed(sandbox), []);
    assert.ok(daemon.output.includes('port 600 is below 1024, and uid 1000 holds no socket on it'));
    assert.deepEqual(await make(by(set(ALICE, entry), held(ALICE)), by(unset(ALICE))), [true, true]);
    assert.deepEqual(await make(byRoot(by(set(ROOT, entry)))), [true]);
    assert.deepEqual(await listed(sandbox), ['tcp 0.0.0.0.2.88 superuser']);
  });
}

for (const via of ['udp', 'tcp'] as const) {
  test(`a socket that root created and passed to a user identifies root over ${via}`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const handed: Call = { ...set(ALICE), via, socketOf: ROOT, fromPort: ROOT_PORT };
    const own: Call = { ...set(ALICE, { ...ENTRY, version: 2 }), via, fromPort: 40_600 };
    assert.deepEqual(await at.make(handed, own), [true, true]);
    assert.deepEqual((await listed(at.sandbox)).sort(), [
      'tcp 127.0.0.1.16.147 1000',
      'tcp 127.0.0.1.16.147 superuser',
    ]);
  });

  test(`a socket that a user created and passed to root identifies the user over ${via}`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    assert.deepEqual(await at.make({ ...set(ROOT), via, socketOf: ALICE, fromPort: 600 }), [true]);
    assert.deepEqual(await listed(at.sandbox), ['tcp 127.0.0.1.16.147 1000']);
  });
}

const UNKNOWN = 'the caller could not be determined';

test('a datagram that sockets of two users could have sent is refused', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, daemon, make } = at;
  const socket = (uid: number, address: string): OtherSocket => ({ netid: 'udp', uid, address, port: 600 });
  const call: Call = { ...set(ALICE), via: 'udp', fromPort: 600 };
  const answers = await make(
    // The later of two sockets on one address and port receives the reply: the caller's own is created last.
    { ...call, others: [socket(BOB, '127.0.0.1')] },
    { ...call, others: [socket(ROOT, '0.0.0.0')] },
    // With IP_PKTINFO it can send from 127.0.0.1 (ip(7)).
    { ...call, others: [socket(BOB, '127.0.0.2')] },
    { ...call, others: [{ netid: 'udp6', uid: BOB, address: '::', port: 600 }] },
    { ...call, uid: ROOT, others: [socket(ALICE, '127.0.0.1')] },
  );
  assert.deepEqual(answers, [false, false, false, false, false]);
  assert.deepEqual(await listed(sandbox), []);
  assert.match(
    daemon.output,
    new RegExp(`refused a change by a caller at 127\\.0\\.0\\.1:600: .*: ${UNKNOWN}`),
  );
  // Sockets of other users on other ports or over TCP do not matter, nor does the user's own on another address.
  const [elsewhere, stream] = [
    { ...socket(BOB, '127.0.0.1'), port: 601 },
    { ...socket(BOB, '127.0.0.1'), netid: 'tcp' as const },
  ];
  assert.deepEqual(await make({ ...call, others: [elsewhere, stream, socket(ALICE, '127.0.0.2')] }), [true]);
  assert.deepEqual(await listed(sandbox), ['tcp 127.0.0.1.16.147 1000']);
});

for (const via of ['udp', 'tcp'] as const) {
  test(`a caller over ${via} whose socket is closed before its call is processed is not identified`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox, daemon, make } = at;
    const { portmap } = await status(sandbox);
    const stopped = async (...calls: Call[]): Promise<void> => {
      await sandbox.run(['kill', '-STOP', `${portmap.pid}`]);
      await make(...calls);
      await sandbox.run(['kill', '-CONT', `${portmap.pid}`]);
    };
    await stopped(
      { ...set(ALICE), via, isImpatient: true },
      { ...set(ROOT), via, isImpatient: true },
      { ...set(ALICE), via, isImpatient: true, fromPort: 600 },
    );
    await daemon.waitForOutput(
      new RegExp(`refused a change by a caller at 127\\.0\\.0\\.1:600: .*: ${UNKNOWN}`),
    );
    assert.deepEqual(await listed(sandbox), []);
    assert.deepEqual(await make({ ...set(ALICE), via, fromPort: 600 }), [true]);
    assert.deepEqual(await listed(sandbox), ['tcp 127.0.0.1.16.147 1000']);
  });

  test(`a user who repeatedly closes at once over ${via} is never identified as root`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const versions = Array.from({ length: 300 }, (_, index) => index + 1);
    const calls = versions.map((version) => {
      return { ...set(ALICE, { ...ENTRY, version }), via, isImpatient: true };
    });
    await at.make(...calls, { ...set(ALICE, { ...ENTRY, version: 1000 }), via });
    const owners = new Set((await listed(at.sandbox)).map((row) => row.split(' ').at(-1)));
    assert.deepEqual([...owners], ['1000']);
  });
}
