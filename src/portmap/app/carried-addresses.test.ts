// Tests which addresses of rpcbind are carried over, and which are skipped.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatIp, parseIp } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import { carriedAddresses } from './carried-addresses.ts';

const HOST = ['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1', 'fe80::1'];

/** Sockets by protocol and address: "udp 192.0.2.1". */
function carried(...sockets: readonly string[]) {
  const bound = sockets.map((socket) => {
    const [protocol, text = '', word] = socket.split(' ');
    const address = parseIp(text) ?? assert.fail(text);
    return { protocol: protocol as Protocol, local: { address, port: 111 }, v6Only: word !== 'both' };
  });
  const { listen, skipped } = carriedAddresses(bound, HOST);
  return { listen: listen.map(formatIp), skipped };
}

const LOOPBACK = ['tcp 127.0.0.1', 'udp 127.0.0.1', 'tcp ::1', 'udp ::1'];

test('all addresses are carried over, as Debian starts rpcbind', () => {
  const sockets = ['udp 0.0.0.0', 'tcp 0.0.0.0', 'udp ::', 'tcp ::'];
  assert.deepEqual(carried(...sockets, ...LOOPBACK), { listen: ['0.0.0.0', '::'], skipped: [] });
});

test('no IPv6 address is added on a host without IPv6', () => {
  assert.deepEqual(carried('udp 0.0.0.0', 'tcp 0.0.0.0'), { listen: ['0.0.0.0'], skipped: [] });
});

test('loopback alone carries nothing over', () => {
  assert.deepEqual(carried(...LOOPBACK), { listen: [], skipped: [] });
  assert.deepEqual(carried(), { listen: [], skipped: [] });
});

test('an IPv6 socket that accepts IPv4 counts for both families', () => {
  assert.deepEqual(carried('udp :: both', 'tcp :: both'), { listen: ['::', '0.0.0.0'], skipped: [] });
});

describe('an address that rpcbind serves over one protocol only', () => {
  test('is restricted to what rpcbind -h binds for UDP', () => {
    const { listen, skipped } = carried('udp 192.0.2.1', 'udp 127.0.0.1', 'tcp 0.0.0.0', 'tcp ::', 'udp ::1');
    assert.deepEqual(listen, ['192.0.2.1']);
    assert.deepEqual(
      skipped.map(({ endpoint }) => endpoint),
      ['0.0.0.0:111/tcp', '[::]:111/tcp'],
    );
  });

  test('is skipped', () => {
    assert.deepEqual(carried('udp 0.0.0.0'), {
      listen: [],
      skipped: [{ endpoint: '0.0.0.0:111/udp', why: 'it has no tcp socket there' }],
    });
    assert.deepEqual(carried('tcp 192.0.2.1').skipped, [
      { endpoint: '192.0.2.1:111/tcp', why: 'it has no udp socket there' },
    ]);
  });
});

test('an address that no interface has, and a link-local one, are skipped', () => {
  assert.deepEqual(carried('udp 192.0.2.9', 'tcp 192.0.2.9', 'udp 192.0.2.1', 'tcp 192.0.2.1'), {
    listen: ['192.0.2.1'],
    skipped: [
      { endpoint: '192.0.2.9:111/udp', why: 'no interface that is up has this address' },
      { endpoint: '192.0.2.9:111/tcp', why: 'no interface that is up has this address' },
    ],
  });
  const { listen, skipped } = carried('udp fe80::1', 'tcp fe80::1');
  assert.deepEqual(listen, []);
  assert.match(skipped[0]?.why ?? '', /link-local/);
});

test('an address that another one covers is not listed', () => {
  assert.deepEqual(carried('udp 192.0.2.1', 'udp 0.0.0.0', 'tcp 0.0.0.0').listen, ['0.0.0.0']);
});
