/** Tests that calls of libtirpc, made by a C program, are answered as by rpcbind. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { listed, type Setup, setup } from '../support/portmap.ts';
import { type Probe, probe } from '../support/probe.ts';
import { kernelIpv6 } from '../support/sandbox.ts';
import { TirpcClient } from '../support/tirpc-client.ts';

const NOBODY = { uid: 65534 };
const NOT_REGISTERED = 'RPC: Program not registered';

async function clientSetup(t: TestContext, ...probes: Probe[]): Promise<[Setup, TirpcClient] | undefined> {
  const at = await setup(t, { probes: [probe.cc(), ...probes] });
  return at && [at, await TirpcClient.into(at.sandbox, at.peers)];
}

test('pmap_set registers, pmap_getport looks up, pmap_unset removes', async (t) => {
  const [, client] = (await clientSetup(t)) ?? [];
  if (client === undefined) return;
  const getPort = (version: number, protocol: string) =>
    client.call(`pmap_getport 127.0.0.1 536871111 ${version} ${protocol}`);
  await client.start('hold udp 4242');
  assert.equal(await getPort(1, 'udp'), `pmap_getport: ${NOT_REGISTERED}`);
  assert.equal(await client.call('pmap_set 536871111 1 udp 4242'), 'pmap_set 1');
  assert.equal(await getPort(1, 'udp'), 'pmap_getport 4242');
  assert.equal(await getPort(1, 'tcp'), `pmap_getport: ${NOT_REGISTERED}`);
  const maps = await client.call('pmap_getmaps 127.0.0.1');
  assert.ok(maps.split('\n').includes('pmap_getmaps 536871111 1 udp 4242'), maps);
  assert.equal(await client.call('pmap_unset 536871111 1'), 'pmap_unset 1');
  assert.equal(await getPort(1, 'udp'), `pmap_getport: ${NOT_REGISTERED}`);
});

test('pmap_getport of another version returns the port, at which the service reports its versions', async (t) => {
  const [, client] = (await clientSetup(t)) ?? [];
  if (client === undefined) return;
  await client.start('serve udp 536871111 3');
  const [known, unknown] = [3, 4].map((version) =>
    client.call(`pmap_getport 127.0.0.1 536871111 ${version} udp`),
  );
  assert.match((await known) ?? '', /^pmap_getport \d+$/);
  assert.equal(await unknown, await known);
  assert.equal(await client.call('null udp 127.0.0.1 536871111 3'), 'null RPC: Success');
  assert.equal(await client.call('null udp 127.0.0.1 536871111 4'), 'null RPC: Program/version mismatch');
});

test('a registered port is not replaced, and registering it again succeeds', async (t) => {
  const [, client] = (await clientSetup(t)) ?? [];
  if (client === undefined) return;
  await client.start('hold udp 4242');
  await client.start('hold udp 4243');
  assert.equal(await client.call('pmap_set 536871111 1 udp 4242'), 'pmap_set 1');
  assert.equal(await client.call('pmap_set 536871111 1 udp 4242'), 'pmap_set 1');
  assert.equal(await client.call('pmap_set 536871111 1 udp 4243'), 'pmap_set 0');
  assert.equal(await client.call('pmap_getport 127.0.0.1 536871111 1 udp'), 'pmap_getport 4242');
});

test('rpcb_set registers for one transport, rpcb_getaddr looks it up there, rpcb_unset removes it', async (t) => {
  const [at, client] = (await clientSetup(t, kernelIpv6())) ?? [];
  if (at === undefined || client === undefined) return;
  await client.start('hold tcp 4243');
  assert.equal(await client.call('rpcb_set tcp 536871111 1 0.0.0.0.16.147', NOBODY), 'rpcb_set 1');
  assert.deepEqual(await listed(at.sandbox, 536871111), ['536871111 1 tcp 0.0.0.0.16.147 - 65534']);
  assert.equal(await client.call('rpcb_getaddr tcp 127.0.0.1 536871111 1'), 'rpcb_getaddr 127.0.0.1.16.147');
  assert.equal(
    await client.call('rpcb_getaddr udp 127.0.0.1 536871111 1'),
    `rpcb_getaddr: ${NOT_REGISTERED}`,
  );
  assert.equal(await client.call('rpcb_getaddr tcp6 ::1 100000 4'), 'rpcb_getaddr ::1.0.111');
  assert.equal(await client.call('rpcb_unset tcp 536871111 1', NOBODY), 'rpcb_unset 1');
  assert.deepEqual(await listed(at.sandbox, 536871111), []);
});

test("another user's registration can be removed by root only", async (t) => {
  const [at, client] = (await clientSetup(t)) ?? [];
  if (at === undefined || client === undefined) return;
  await client.start('serve tcp 536871111 1', NOBODY);
  await client.start('serve udp 536871112 1');
  assert.equal(await client.call('rpcb_unset - 536871112 1', NOBODY), 'rpcb_unset 0');
  assert.equal(await client.call('null udp 127.0.0.1 536871112 1'), 'null RPC: Success');
  assert.equal(await client.call('rpcb_unset - 536871111 1'), 'rpcb_unset 1');
  assert.deepEqual(await listed(at.sandbox, 536871111), []);
});

test('pmap_unset and rpcb_unset of an entry that was never registered succeed', async (t) => {
  const [, client] = (await clientSetup(t)) ?? [];
  if (client === undefined) return;
  assert.equal(await client.call('pmap_unset 536871111 1'), 'pmap_unset 1');
  assert.equal(await client.call('rpcb_unset - 536871111 1'), 'rpcb_unset 1');
});

test('svc_reg registers a service for its own user, and clnt_create reaches it', async (t) => {
  const [at, client] = (await clientSetup(t)) ?? [];
  if (at === undefined || client === undefined) return;
  await client.start('serve tcp 536871111 3', NOBODY);
  await client.start('serve udp 536871111 3', NOBODY);
  assert.deepEqual(
    (await listed(at.sandbox, 536871111)).map((row) => row.replace(/0\.0\.0\.0\.\d+\.\d+/, 'ADDRESS')),
    ['536871111 3 tcp ADDRESS - 65534', '536871111 3 udp ADDRESS - 65534'],
  );
  for (const netid of ['tcp', 'udp']) {
    assert.equal(await client.call(`null ${netid} 127.0.0.1 536871111 3`), 'null RPC: Success');
  }
  assert.equal(await client.call('null tcp 127.0.0.1 536871112 3'), `null: ${NOT_REGISTERED}`);
});

test('rpcb_getmaps returns the same list over every transport', async (t) => {
  const [, client] = (await clientSetup(t, kernelIpv6())) ?? [];
  if (client === undefined) return;
  const overUdp = await client.call('rpcb_getmaps udp 127.0.0.1');
  assert.match(overUdp, /^rpcb_getmaps 100000 4 local \/run\/rpcbind\.sock superuser$/m);
  for (const where of ['tcp 127.0.0.1', 'udp6 ::1', 'tcp6 ::1']) {
    assert.equal(await client.call(`rpcb_getmaps ${where}`), overUdp);
  }
});

test('rpcb_gettime returns the time', async (t) => {
  const [, client] = (await clientSetup(t)) ?? [];
  if (client === undefined) return;
  const before = Math.floor(Date.now() / 1000);
  const answer = await client.call('rpcb_gettime 127.0.0.1');
  const after = Math.floor(Date.now() / 1000);
  const possible = Array.from(
    { length: after - before + 1 },
    (_, second) => `rpcb_gettime ${before + second}`,
  );
  assert.ok(possible.includes(answer), `${answer} is not between ${before} and ${after}`);
});
