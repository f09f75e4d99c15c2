/** Tests when a registration is dropped after its socket is gone, and which registrations stay. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeCalls } from '../support/calls.ts';
import { otherPortmap, status } from '../support/daemon.ts';
import { listed, ONLY_PORTREEVE, type Setup, setup, unregistered } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { TirpcClient } from '../support/tirpc-client.ts';

const ALICE = { uid: 1000 };
const BOB = { uid: 1001 };
const SERVER = 536871111;
const OTHER = 536871112;
/** The minimum time between the two checks that miss a socket. */
const APART_MS = 2000;

async function fixture(t: TestContext): Promise<(Setup & { client: TirpcClient }) | undefined> {
  const at = await setup(t, { probes: [probe.cc(), ONLY_PORTREEVE] });
  return at && { ...at, client: await TirpcClient.into(at.sandbox, at.peers) };
}

/** Waits until the registration of a server that is killed now is dropped: others that are stale are, too. */
async function untilKilledOneIsDropped({ sandbox, client }: Setup & { client: TirpcClient }): Promise<void> {
  const server = await client.start('serve udp 536871999 1');
  await server.stop('SIGKILL');
  await unregistered(sandbox, 536871999);
}

for (const netid of ['udp', 'tcp']) {
  test(`a ${netid} server that was killed is dropped after two checks, and that is logged`, async (t) => {
    const at = await fixture(t);
    if (at === undefined) return;
    const { sandbox, client, portmap } = at;
    await client.start(`serve ${netid} ${OTHER} 1`, ALICE);
    const server = await client.start(`serve ${netid} ${SERVER} 1`, ALICE);
    const [row = ''] = await listed(sandbox, SERVER);
    const killed = performance.now();
    await server.stop('SIGKILL');
    assert.deepEqual(await listed(sandbox, SERVER), [row]);
    await unregistered(sandbox, SERVER);
    const took = performance.now() - killed;
    assert.ok(took >= APART_MS, `it was dropped after ${took} ms`);
    const address = row.split(' ')[3];
    const line = `program ${SERVER} version 1 ${netid} ${address} was dropped: its socket is gone"`;
    assert.ok(portmap.output.includes(line), portmap.output);
    assert.equal((await listed(sandbox, OTHER)).length, 1);
  });
}

test('a server replaces a killed one of another user at once, and never a running one', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, client, portmap } = at;
  const first = await client.start(`serve tcp ${SERVER} 1`, ALICE);
  const tooEarly = await client.start(`serve tcp ${SERVER} 1`, BOB);
  assert.equal((await tooEarly.ended).stdout, 'serve 0\n');
  await first.stop('SIGKILL');
  const second = await client.start(`serve tcp ${SERVER} 1`, BOB);
  assert.equal(second.stdout, 'serve 1\n');
  const rows = await listed(sandbox, SERVER);
  assert.deepEqual(
    rows.map((row) => row.split(' ').at(-1)),
    ['1001'],
  );
  assert.match(portmap.output, /was dropped: its socket is gone, and a new registration replaces it/);
  assert.equal(await client.call(`null tcp 127.0.0.1 ${SERVER} 1`), 'null RPC: Success');
});

test("another user's socket on the port does not keep a registration, one of the same user does", async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, client, portmap } = at;
  const holders = [await client.start('hold tcp 4242', ALICE), await client.start('hold tcp 4243', ALICE)];
  // The older registration is checked first: when the newer one is dropped, both were checked equally often.
  assert.equal(await client.call(`rpcb_set tcp ${OTHER} 1 0.0.0.0.16.146`, ALICE), 'rpcb_set 1');
  assert.equal(await client.call(`rpcb_set tcp ${SERVER} 1 0.0.0.0.16.147`, ALICE), 'rpcb_set 1');
  for (const holder of holders) await holder.stop('SIGKILL');
  await client.start('hold tcp 4242', ALICE);
  await client.start('hold tcp 4243', BOB);
  await unregistered(sandbox, SERVER);
  assert.match(portmap.output, /was dropped: its socket is gone, and uid 1001 now holds the port/);
  assert.deepEqual(await listed(sandbox, OTHER), [`${OTHER} 1 tcp 0.0.0.0.16.146 - 1000`]);
});

test('a kernel socket, which belongs to no process, keeps a registration while it exists', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox, client } = at;
  const vxlan = 'link add vxlan0 type vxlan id 1 dev lo dstport 4789'.split(' ');
  const added = await sandbox.run(['ip', ...vxlan]);
  const reason = `needs a kernel with vxlan interfaces, which have such sockets: ${added.stderr.trim()}`;
  if (!needs(t, added.code === 0 ? { ok: true } : { ok: false, reason })) return;
  await sandbox.run(['ip', 'link', 'set', 'vxlan0', 'up']);
  assert.equal(await client.call(`rpcb_set udp ${SERVER} 1 0.0.0.0.18.181`), 'rpcb_set 1');
  await untilKilledOneIsDropped(at);
  assert.deepEqual(await listed(sandbox, SERVER), [`${SERVER} 1 udp 0.0.0.0.18.181 - superuser`]);
  await sandbox.run(['ip', 'link', 'delete', 'vxlan0']);
  await unregistered(sandbox, SERVER);
});

test('registrations of another network namespace are counted separately and stay, also after a crash', async (t) => {
  const at = await fixture(t);
  if (at === undefined) return;
  const { sandbox } = at;
  const entry = { program: SERVER, version: 1, netid: 'tcp', address: '10.9.8.7.16.147' };
  const set = { via: 'local', procedure: 'set', entry, uid: ALICE.uid } as const;
  assert.equal((await status(sandbox)).portmap.foreign, 0);
  assert.deepEqual(await makeCalls(sandbox, [set], ['unshare', '--net']), [true]);
  assert.deepEqual(await makeCalls(sandbox, [{ ...set, entry: { ...entry, program: OTHER } }]), [true]);
  const { portmap } = await status(sandbox);
  assert.equal(portmap.foreign, 1);
  await sandbox.run(['kill', '-KILL', `${portmap.pid}`]);
  assert.equal((await otherPortmap(sandbox, portmap.pid)).portmap.foreign, 1);
  await untilKilledOneIsDropped(at);
  assert.deepEqual(await listed(sandbox, SERVER), [`${SERVER} 1 tcp 10.9.8.7.16.147 - 1000`]);
});
