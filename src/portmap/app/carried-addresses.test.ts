// Which addresses of another port mapper ours listens on, and which it leaves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatIp, parseIp } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import { carriedAddresses } from './carried-addresses.ts';

const HOST = ['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1', 'fe80::1'];

/** Sockets of these protocols and addresses: "udp 192.0.2.1". */
function carried(...sockets: readonly string[]) {
  const bound = sockets.map((socket) => {
    const [protocol, text = '', word] = socket.split(' ');
    const address = parseIp(text) ?? assert.fail(text);
    return { protocol: protocol as Protocol, local: { address, port: 111 }, v6Only: word !== 'both' };
  });
  const { listen, left } = carriedAddresses(bound, HOST);
  return { listen: listen.map(formatIp), left };
}

const LOOPBACK = ['tcp 127.0.0.1', 'udp 127.0.0.1', 'tcp ::1', 'udp ::1'];

test('every address, as Debian starts rpcbind', () => {
  const sockets = ['udp 0.0.0.0', 'tcp 0.0.0.0', 'udp ::', 'tcp ::'];
  assert.deepEqual(carried(...sockets, ...LOOPBACK), { listen: ['0.0.0.0', '::'], left: [] });
});

test('without IPv6 there is none', () => {
  assert.deepEqual(carried('udp 0.0.0.0', 'tcp 0.0.0.0'), { listen: ['0.0.0.0'], left: [] });
});

test('loopback and nothing stay what they are', () => {
  assert.deepEqual(carried(...LOOPBACK), { listen: [], left: [] });
  assert.deepEqual(carried(), { listen: [], left: [] });
});

test('a socket of IPv6 that takes IPv4 as well is both', () => {
  assert.deepEqual(carried('udp :: both', 'tcp :: both'), { listen: ['::', '0.0.0.0'], left: [] });
});

describe('what only one protocol answers is not opened for the other', () => {
  test('rpcbind -h bounds UDP, and that is what is carried', () => {
    const { listen, left } = carried('udp 192.0.2.1', 'udp 127.0.0.1', 'tcp 0.0.0.0', 'tcp ::', 'udp ::1');
    assert.deepEqual(listen, ['192.0.2.1']);
    assert.deepEqual(
      left.map(({ endpoint }) => endpoint),
      ['0.0.0.0:111/tcp', '[::]:111/tcp'],
    );
  });

  test('UDP alone, or TCP alone, is left', () => {
    assert.deepEqual(carried('udp 0.0.0.0'), {
      listen: [],
      left: [{ endpoint: '0.0.0.0:111/udp', why: 'it has no tcp there' }],
    });
    assert.deepEqual(carried('tcp 192.0.2.1').left, [
      { endpoint: '192.0.2.1:111/tcp', why: 'it has no udp there' },
    ]);
  });
});

test('an address that no interface has any more, and one of a link, are left', () => {
  assert.deepEqual(carried('udp 192.0.2.9', 'tcp 192.0.2.9', 'udp 192.0.2.1', 'tcp 192.0.2.1'), {
    listen: ['192.0.2.1'],
    left: [
      { endpoint: '192.0.2.9:111/udp', why: 'no interface that is up has this address' },
      { endpoint: '192.0.2.9:111/tcp', why: 'no interface that is up has this address' },
    ],
  });
  const { listen, left } = carried('udp fe80::1', 'tcp fe80::1');
  assert.deepEqual(listen, []);
  assert.match(left[0]?.why ?? '', /link-local/);
});

test('an address is not named beside one that covers it', () => {
  assert.deepEqual(carried('udp 192.0.2.1', 'udp 0.0.0.0', 'tcp 0.0.0.0').listen, ['0.0.0.0']);
});
