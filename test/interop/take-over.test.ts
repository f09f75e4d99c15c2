/** `portreeve portmap take-over`: an rpcbind is replaced, and the servers that registered with it notice nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PEERS, PORTREEVE, portreeve } from '../support/daemon.ts';
import { startMountd, startStatd } from '../support/nfs.ts';
import { bringPeers } from '../support/peers.ts';
import { listed, rpcinfo, startPortmap } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, World } from '../support/world.ts';

test('the registrations of a running rpcbind are carried over', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6())) return;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return;
  const world = await World.open(t, { peers });
  const none = await portreeve(world, ['portmap', 'take-over']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no port mapper runs on this host/);

  const rpcbind = await startPortmap(world, { kind: 'rpcbind' });
  await startMountd(world);
  const statd = await startStatd(world);
  const before = [...(await listed(world, 100005)), ...(await listed(world, 100024))];

  const plan = await portreeve(world, ['portmap', 'take-over', '--dry-run']);
  assert.equal(plan.code, 0);
  assert.match(
    plan.stdout,
    /^rpcbind \(pid \d+\) is the port mapper of this host\.\n1\. Read its registrations: 16,/,
  );
  assert.match(plan.stdout, /program 100024 version 1 tcp 0\.0\.0\.0 port 32765, uid 103/);
  assert.equal(rpcbind.outcome, undefined, 'a dry run stops nothing');
  assert.deepEqual([...(await listed(world, 100005)), ...(await listed(world, 100024))], before);

  const running = world.start([PORTREEVE, 'portmap', 'take-over'], { env: NO_PEERS });
  await running.waitForOutput(/portmap is ready/);
  await rpcbind.ended;
  assert.deepEqual([...(await listed(world, 100005)), ...(await listed(world, 100024))], before);
  assert.equal(
    (await rpcinfo(world, '-p', '127.0.0.1')).filter((row) => row.startsWith('100005 ')).length,
    6,
  );
  // The owners came along: statd takes back what is its own, and nothing else goes.
  await statd.stop();
  assert.deepEqual(await listed(world, 100024), []);
  assert.equal((await listed(world, 100005)).length, 12);
  // A second one finds portreeve, and leaves it alone.
  const second = await portreeve(world, ['portmap', 'take-over']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /portreeve \(pid \d+\) is the port mapper/);
});
