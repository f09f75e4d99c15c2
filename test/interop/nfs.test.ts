/** Tests that the daemons of nfs-utils register, are found, and unregister. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMountd, startStatd } from '../support/nfs.ts';
import { listed, rpcinfo, setup, unregistered } from '../support/portmap.ts';
import { kernelIpv6 } from '../support/sandbox.ts';

test('rpc.mountd is listed with its port, and no longer after SIGTERM', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  const mountd = await startMountd(at.sandbox);
  assert.deepEqual(await listed(at.sandbox, 100005, '-p'), [
    '100005 1 tcp 20048 mountd',
    '100005 1 udp 20048 mountd',
    '100005 2 tcp 20048 mountd',
    '100005 2 udp 20048 mountd',
    '100005 3 tcp 20048 mountd',
    '100005 3 udp 20048 mountd',
  ]);
  const { code, stderr } = await mountd.stop();
  assert.equal(code, 0);
  assert.match(stderr, /un-registering and exiting/);
  await unregistered(at.sandbox, 100005);
});

test('rpc.mountd is listed for IPv6 too, as registered by root', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const rows = (await listed(at.sandbox, 100005)).filter((row) => row.startsWith('100005 3 '));
  assert.deepEqual(rows, [
    '100005 3 tcp 0.0.0.0.78.80 mountd superuser',
    '100005 3 tcp6 ::.78.80 mountd superuser',
    '100005 3 udp 0.0.0.0.78.80 mountd superuser',
    '100005 3 udp6 ::.78.80 mountd superuser',
  ]);
  assert.deepEqual((await rpcinfo(at.sandbox, '-l', '::1', '100005', '3')).sort(), [
    '100005 3 inet6/tcp/cots_ord ::1.78.80 mountd',
    '100005 3 inet6/udp/clts ::1.78.80 mountd',
  ]);
});

test('showmount finds rpc.mountd, and reports an error without it', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  const none = await at.sandbox.run(['showmount', '-e', '127.0.0.1']);
  assert.deepEqual([none.code, none.stderr], [1, 'clnt_create: RPC: Program not registered\n']);
  await startMountd(at.sandbox);
  for (const host of ['127.0.0.1', '::1']) {
    const { code, stdout } = await at.sandbox.run(['showmount', '-e', host]);
    assert.deepEqual([code, stdout], [0, `Export list for ${host}:\n/srv 127.0.0.1\n`]);
  }
});

test('rpcinfo calls every version of rpc.mountd at the registered address', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const ready = [1, 2, 3].map((version) => `program 100005 version ${version} ready and waiting\n`);
  for (const flag of ['-t', '-u']) {
    const { stdout } = await at.sandbox.run(['rpcinfo', flag, '127.0.0.1', 'mountd']);
    assert.equal(stdout, ready.join(''));
  }
  const { stdout } = await at.sandbox.run(['rpcinfo', '-T', 'tcp6', '::1', 'mountd']);
  assert.equal(stdout, ready.join(''));
});

test('a registration of another process can be removed by root (rpcinfo -d), not by another user', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const refused = await at.sandbox.run(['rpcinfo', '-d', '100005', '3'], { uid: 65534 });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Could not delete registration for prog 100005 version 3/);
  assert.equal((await listed(at.sandbox, 100005)).length, 12);
  const deleted = await at.sandbox.run(['rpcinfo', '-d', '100005', '3']);
  assert.deepEqual(deleted, { code: 0, stdout: '', stderr: '' });
  const versions = (await listed(at.sandbox, 100005)).map((row) => row.split(' ')[1]);
  assert.deepEqual(versions, ['1', '1', '1', '1', '2', '2', '2', '2']);
});

test('rpc.statd registers as its own user, and unregisters when it ends', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  const statd = await startStatd(at.sandbox);
  assert.deepEqual(await listed(at.sandbox, 100024), [
    '100024 1 tcp 0.0.0.0.127.253 status 103',
    '100024 1 tcp6 ::.127.253 status 103',
    '100024 1 udp 0.0.0.0.127.253 status 103',
    '100024 1 udp6 ::.127.253 status 103',
  ]);
  const { code, stdout } = await at.sandbox.run(['rpcinfo', '-u', '127.0.0.1', 'status']);
  assert.deepEqual([code, stdout], [0, 'program 100024 version 1 ready and waiting\n']);
  assert.equal((await statd.stop()).code, 0);
  await unregistered(at.sandbox, 100024);
});
