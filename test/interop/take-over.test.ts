/** Tests `portreeve portmap take-over`: rpcbind is replaced, and no RPC server has to be restarted. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE, portreeve, serve, status } from '../support/daemon.ts';
import { startMountd, startStatd } from '../support/nfs.ts';
import { bringPeers } from '../support/peers.ts';
import { listed, rpcinfo, startPortmap } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox, type SandboxOptions, until } from '../support/sandbox.ts';

test('the registrations of a running rpcbind are carried over', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6())) return;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return;
  const sandbox = await Sandbox.open(t, { peers });
  const none = await portreeve(sandbox, ['portmap', 'take-over']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no port mapper is running on this host/);

  const rpcbind = await startPortmap(sandbox, { kind: 'rpcbind' });
  await startMountd(sandbox);
  const statd = await startStatd(sandbox);
  const before = [...(await listed(sandbox, 100005)), ...(await listed(sandbox, 100024))];

  const plan = await portreeve(sandbox, ['portmap', 'take-over', '--dry-run']);
  assert.equal(plan.code, 0);
  assert.match(
    plan.stdout,
    /^rpcbind \(pid \d+\) is the port mapper of this host\.\n1\. Read its 16 registrations of /,
  );
  assert.match(plan.stdout, /program 100024 version 1 tcp 0\.0\.0\.0 port 32765, uid 103/);
  assert.equal(rpcbind.outcome, undefined, 'a dry run stops nothing');
  assert.deepEqual([...(await listed(sandbox, 100005)), ...(await listed(sandbox, 100024))], before);

  const running = sandbox.start([PORTREEVE, 'portmap', 'take-over'], { env: NO_PEERS });
  await running.waitForOutput(/portmap is ready/);
  await rpcbind.ended;
  assert.deepEqual([...(await listed(sandbox, 100005)), ...(await listed(sandbox, 100024))], before);
  assert.equal(
    (await rpcinfo(sandbox, '-p', '127.0.0.1')).filter((row) => row.startsWith('100005 ')).length,
    6,
  );
  // The owners were carried over: statd can unregister its own entries, and only those.
  await statd.stop();
  assert.deepEqual(await listed(sandbox, 100024), []);
  assert.equal((await listed(sandbox, 100005)).length, 12);
  // A second take-over refuses to replace portreeve.
  const second = await portreeve(sandbox, ['portmap', 'take-over']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /portreeve \(pid \d+\) is already the port mapper/);
});

const SETTINGS = '/etc/portreeve/portreeve.toml';
const ADDRESS = '192.0.2.1';

/** A sandbox with a real rpcbind with these options; undefined if the test is skipped. */
async function withRpcbind(t: TestContext, words: readonly string[] = [], options: SandboxOptions = {}) {
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6())) return undefined;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return undefined;
  const sandbox = await Sandbox.open(t, { ...options, peers });
  await sandbox.addAddress(`${ADDRESS}/24`);
  const rpcbind = sandbox.start(['rpcbind', '-f', ...words]);
  await until('rpcbind to answer', async () => (await sandbox.run(['rpcinfo', '-s'])).code === 0);
  const takeOver = async (...args: readonly string[]) => {
    const running = sandbox.start([PORTREEVE, 'portmap', 'take-over', ...args], { env: NO_PEERS });
    await running.waitForOutput(/portmap is ready/);
    await rpcbind.ended;
    return running;
  };
  return { sandbox, takeOver };
}

const DRY = ['portmap', 'take-over', '--dry-run'];
const LOOPBACK = ['127.0.0.1:111', '[::1]:111'];

async function listening(sandbox: Sandbox): Promise<string[]> {
  const { portmap } = await status(sandbox);
  const ip = portmap.sockets.filter(({ netid }) => netid !== 'local');
  return [...new Set(ip.map(({ endpoint }) => endpoint))].sort();
}

/** Whether TCP port 111 of an address accepts a connection. */
async function answers(sandbox: Sandbox, address: string): Promise<boolean> {
  return (await portreeve(sandbox, ['portmap', 'ping', address, 'portmapper', '--tcp'])).code === 0;
}

test('services on all addresses stay reachable, also after a later start', async (t) => {
  const setup = await withRpcbind(t);
  if (!setup) return;
  const { sandbox, takeOver } = setup;
  assert.ok(await answers(sandbox, ADDRESS));
  const dry = await portreeve(sandbox, DRY);
  assert.match(dry.stdout, /^3\. Listen on port 111 of loopback, 0\.0\.0\.0, ::, as it does now\.$/m);
  assert.match(dry.stdout, /written to \/etc\/portreeve\/portreeve\.toml, \[portmap\] listen/);
  await assert.rejects(sandbox.read(SETTINGS), 'a dry run writes nothing');
  const running = await takeOver();
  assert.ok(await answers(sandbox, ADDRESS));
  assert.deepEqual(await listening(sandbox), ['0.0.0.0:111', '[::]:111']);
  assert.match(await sandbox.read(SETTINGS), /^listen = \["0\.0\.0\.0", "::"\]$/m);
  await running.stop();
  await serve(sandbox);
  assert.deepEqual(await listening(sandbox), ['0.0.0.0:111', '[::]:111']);
  assert.ok(await answers(sandbox, ADDRESS));
});

test('with rpcbind -h, only its addresses are served', async (t) => {
  const setup = await withRpcbind(t, ['-h', ADDRESS]);
  if (!setup) return;
  const { sandbox, takeOver } = setup;
  await sandbox.addAddress('198.51.100.1/24', 'net9');
  await takeOver();
  assert.deepEqual(await listening(sandbox), [...LOOPBACK, `${ADDRESS}:111`].sort());
  assert.match(await sandbox.read(SETTINGS), /^listen = \["192\.0\.2\.1"\]$/m);
  assert.deepEqual([await answers(sandbox, ADDRESS), await answers(sandbox, '198.51.100.1')], [true, false]);
});

test('--listen overrides rpcbind, and existing settings are not changed', async (t) => {
  const setup = await withRpcbind(t);
  if (!setup) return;
  const { sandbox, takeOver } = setup;
  const dry = await portreeve(sandbox, [...DRY, '--listen', '127.0.0.1']);
  assert.match(dry.stdout, /^3\. Listen on port 111 of loopback, 127\.0\.0\.1, from --listen\.$/m);
  assert.doesNotMatch(dry.stdout, /written to/);
  const text = '[portmap]\nlisten = ["192.0.2.1"] # chosen\n';
  await sandbox.write(SETTINGS, text);
  const chosen = await portreeve(sandbox, DRY);
  assert.match(
    chosen.stdout,
    /^3\. Listen on port 111 of loopback, 192\.0\.2\.1, from \[portmap\] listen\.$/m,
  );
  await takeOver('--listen', '127.0.0.1');
  assert.deepEqual(await listening(sandbox), LOOPBACK);
  assert.equal(await sandbox.read(SETTINGS), text);
});

test('access rules that portreeve does not enforce prevent the take-over', async (t) => {
  const setup = await withRpcbind(t, [], { files: { '/etc/hosts.deny': 'rpcbind: ALL EXCEPT LOCAL\n' } });
  if (!setup) return;
  const { sandbox } = setup;
  const { code, stderr } = await portreeve(sandbox, ['portmap', 'take-over']);
  assert.equal(code, 3);
  assert.match(stderr, /refusing to listen on 0\.0\.0\.0: \/etc\/hosts\.deny has a rule/);
  assert.match(stderr, /--listen 127\.0\.0\.1/);
  assert.equal((await sandbox.run(['rpcinfo', '-s'])).code, 0, 'rpcbind still answers');
  assert.equal((await portreeve(sandbox, [...DRY, '--listen', '127.0.0.1'])).code, 0);
});

test('with IPv6 disabled, rpcbind still binds ::; settings that cannot be edited are not changed', async (t) => {
  const setup = await withRpcbind(t, [], { ipv6: false });
  if (!setup) return;
  const { sandbox, takeOver } = setup;
  await sandbox.write(SETTINGS, 'portmap.uid = 60711\n');
  const running = await takeOver();
  assert.deepEqual(await listening(sandbox), ['0.0.0.0:111', '[::]:111']);
  assert.equal(await sandbox.read(SETTINGS), 'portmap.uid = 60711\n');
  assert.match(
    running.output,
    /could not write the addresses .* cannot be changed without .* on loopback only/,
  );
});
