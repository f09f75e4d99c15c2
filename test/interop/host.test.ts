// Tests of the port mapper on different hosts: addresses, address families, and a second rpcbind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMountd } from '../support/nfs.ts';
import { listed, ONLY_PORTREEVE, rpcinfo, setup } from '../support/portmap.ts';
import { kernelIpv6 } from '../support/sandbox.ts';

test('a lookup from an address of the host returns that address (--listen 0.0.0.0)', async (t) => {
  const at = await setup(t, {
    probes: [kernelIpv6()],
    addresses: ['10.9.8.1/24', '192.0.2.1/24'],
    listen: ['0.0.0.0'],
  });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  for (const host of ['127.0.0.1', '10.9.8.1', '192.0.2.1']) {
    assert.deepEqual((await rpcinfo(at.sandbox, '-l', host, '100005', '3')).sort(), [
      `100005 3 inet/tcp/cots_ord ${host}.78.80 mountd`,
      `100005 3 inet/udp/clts ${host}.78.80 mountd`,
    ]);
    const { stdout } = await at.sandbox.run(['showmount', '-e', host]);
    assert.equal(stdout, `Export list for ${host}:\n/srv 127.0.0.1\n`);
  }
});

test('a lookup from an IPv6 address returns that address (--listen ::)', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()], addresses: ['fd00:9::1/64'], listen: ['::'] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  assert.deepEqual((await rpcinfo(at.sandbox, '-l', 'fd00:9::1', '100005', '3')).sort(), [
    '100005 3 inet6/tcp/cots_ord fd00:9::1.78.80 mountd',
    '100005 3 inet6/udp/clts fd00:9::1.78.80 mountd',
  ]);
  const { stdout } = await at.sandbox.run(['rpcinfo', '-T', 'udp6', 'fd00:9::1', '100005', '3']);
  assert.equal(stdout, 'program 100005 version 3 ready and waiting\n');
});

test('without --listen only the host itself is served', async (t) => {
  const at = await setup(t, { probes: [ONLY_PORTREEVE], addresses: ['10.9.8.1/24'] });
  if (at === undefined) return;
  const { code, stderr } = await at.sandbox.run(['rpcinfo', '-s', '10.9.8.1']);
  assert.equal(code, 1);
  assert.match(stderr, /can't contact rpcbind/);
  assert.equal((await listed(at.sandbox, 100000, '-s', '127.0.0.1')).length, 1);
});

test('a host with disabled IPv6 is served over IPv4', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()], ipv6: false });
  if (at === undefined) return;
  assert.equal((await rpcinfo(at.sandbox, '-p', '127.0.0.1')).length, 6);
  await startMountd(at.sandbox);
  const { stdout } = await at.sandbox.run(['showmount', '-e', '127.0.0.1']);
  assert.equal(stdout, 'Export list for 127.0.0.1:\n/srv 127.0.0.1\n');
});

test('a host without an IPv4 address is served over IPv6', async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()], ipv4: false });
  if (at === undefined) return;
  const { stdout: ready } = await at.sandbox.run(['rpcinfo', '-T', 'udp6', '::1', '100000', '4']);
  assert.equal(ready, 'program 100000 version 4 ready and waiting\n');
  await startMountd(at.sandbox);
  const { stdout } = await at.sandbox.run(['showmount', '-e', '::1']);
  assert.equal(stdout, 'Export list for ::1:\n/srv 127.0.0.1\n');
  assert.deepEqual((await rpcinfo(at.sandbox, '-l', '::1', '100005', '3')).sort(), [
    '100005 3 inet6/tcp/cots_ord ::1.78.80 mountd',
    '100005 3 inet6/udp/clts ::1.78.80 mountd',
  ]);
});

test('an rpcbind started in addition exits and changes nothing', async (t) => {
  const at = await setup(t);
  if (at === undefined) return;
  const list = await rpcinfo(at.sandbox);
  const second = await at.sandbox.run(['rpcbind', '-f']);
  assert.deepEqual(second, {
    code: 1,
    stdout: '',
    stderr: 'rpcbind: another rpcbind is already running. Aborting\n',
  });
  // An rpcbind that finds /run/rpcbind.lock free takes /run/rpcbind.sock over before it tries any port.
  assert.deepEqual(await rpcinfo(at.sandbox), list);
  assert.deepEqual(await rpcinfo(at.sandbox, '127.0.0.1'), list);
});
