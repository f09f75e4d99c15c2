/** Installing on a host that runs: the accounts are made, once, and everything goes away again. */

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { portreeve } from '../support/daemon.ts';
import { needs, type Probe, probe } from '../support/probe.ts';
import { World } from '../support/world.ts';

async function open(t: TestContext, ...probes: readonly Probe[]): Promise<World | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), ...probes)) return undefined;
  return World.open(t);
}

const units = (world: World) => readdir(world.path('/etc/systemd/system')).catch(() => []);

test('install makes the accounts, a second one changes nothing, and uninstall takes the units away', async (t) => {
  const world = await open(t, probe.command('systemd-sysusers'));
  if (world === undefined) return;
  const first = await portreeve(world, ['install']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^ran systemd-sysusers \/etc\/sysusers\.d\/portreeve\.conf$/m);
  assert.match(first.stdout, /^systemd does not run here/m);
  assert.match(await world.read('/etc/passwd'), /^portreeve-portmap:x:[1-9]\d*:.*nologin$/m);
  assert.match(await world.read('/etc/group'), /^portreeve:x:[1-9]\d*:$/m);
  const second = await portreeve(world, ['install']);
  assert.match(second.stdout, /^portreeve is installed; nothing was changed$/m);
  const removed = await portreeve(world, ['uninstall']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.match(removed.stdout, /^left: the user portreeve-portmap and the group portreeve$/m);
  assert.deepEqual(
    (await units(world)).filter((name) => !name.endsWith('.wants')),
    [],
  );
});

test('a file of others stops all of it before anything is written', async (t) => {
  const world = await open(t);
  if (world === undefined) return;
  await world.write('/etc/systemd/system/rpcbind.service', '[Service]\nExecStart=/sbin/rpcbind\n');
  const { code, stderr } = await portreeve(world, ['install']);
  assert.equal(code, 1);
  assert.match(stderr, /\/etc\/systemd\/system\/rpcbind\.service is there and is not portreeve's/);
  assert.deepEqual(await units(world), ['rpcbind.service']);
  assert.doesNotMatch(await world.read('/etc/passwd'), /portreeve/);
});
