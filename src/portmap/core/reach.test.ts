/** Tests which address of this host a caller receives for a service that listens on all addresses. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { interfaceAddress, ip, serviceAt } from '../../../test/support/service.ts';
import { type SimCaller, simPeer } from '../../../test/support/sim/peer.ts';
import { MERGE_CACHE_ENTRIES_MAX } from '../../base/limits.ts';
import type { NetId } from '../../base/netid.ts';
import { Reachability } from './reach.ts';
import type { Registration } from './registrations.ts';

/** The host of the recorded vectors, with an interface that is down. */
const INTERFACES = [
  interfaceAddress('127.0.0.1/8', 1),
  interfaceAddress('::1/128', 1),
  interfaceAddress('10.9.8.1/24', 2),
  interfaceAddress('10.9.8.2/24', 3),
  interfaceAddress('192.168.77.5/24', 4),
  interfaceAddress('fd00:9::1/64', 5),
  interfaceAddress('fe80::5/64', 5),
  interfaceAddress('fe80::6/64', 6),
  interfaceAddress('172.16.0.1/16', 7, { up: false }),
];

function at(uaddr: string, netid: NetId): Registration {
  return { program: 100005, version: 1, netid, ...serviceAt(netid, uaddr), owner: 0, builtIn: false };
}

const V4 = at('0.0.0.0.8.1', 'udp');
const V6 = at('::.8.1', 'udp6');

function reachability(): Reachability {
  const reach = new Reachability();
  reach.update(INTERFACES);
  return reach;
}

/** The address for a caller at `from` that called `to`. */
function reported(
  registration: Registration,
  from: string,
  to: string,
  hint = '',
  more: SimCaller = {},
): string {
  const peer = simPeer(registration.netid, { address: ip(from), to: ip(to), ...more });
  return reachability().uaddrFor(registration, peer, hint);
}

describe('a caller without a hint receives', () => {
  const cases: readonly (readonly [string, Registration, string, string, string])[] = [
    ['its own address, if it is on this host', V4, '10.9.8.2', '10.9.8.2', '10.9.8.2.8.1'],
    ['the address in its network', V4, '192.168.77.200', '10.9.8.1', '192.168.77.5.8.1'],
    ['the first address in its network', V4, '10.9.8.77', '192.168.77.5', '10.9.8.1.8.1'],
    [
      'the address that it called, if it is in no network of this host',
      V4,
      '203.0.113.9',
      '10.9.8.2',
      '10.9.8.2.8.1',
    ],
    [
      'the address that it called, if its network is on an interface that is down',
      V4,
      '172.16.0.9',
      '10.9.8.1',
      '10.9.8.1.8.1',
    ],
    ['loopback on loopback', V4, '127.0.0.5', '127.0.0.1', '127.0.0.1.8.1'],
    ['loopback on loopback over IPv6', V6, '::1', '::1', '::1.8.1'],
    ['the address in its network over IPv6', V6, 'fd00:9::77', 'fd00:9::1', 'fd00:9::1.8.1'],
    ['the address that it called over IPv6', V6, '2001:db8::9', 'fd00:9::1', 'fd00:9::1.8.1'],
  ];
  for (const [name, registration, from, to, expected] of cases) {
    test(name, () => assert.equal(reported(registration, from, to), expected));
  }

  test('the link-local address of the link over which it called', () => {
    assert.equal(reported(V6, 'fe80::9', 'fe80::6', '', { scopeId: 6 }), 'fe80::6.8.1');
    assert.equal(reported(V6, 'fe80::9', 'fe80::5', '', { scopeId: 5 }), 'fe80::5.8.1');
  });
});

describe('a caller with a hint receives', () => {
  const cases: readonly (readonly [string, Registration, string, string, string])[] = [
    [
      'the address of the hint, if it is on this host',
      V4,
      '10.9.8.77',
      '192.168.77.5.0.111',
      '192.168.77.5.8.1',
    ],
    ['the address in the network of the hint', V4, '10.9.8.77', '192.168.77.200.0.111', '192.168.77.5.8.1'],
    [
      'the address that it called, if the hint is in no network of this host',
      V4,
      '10.9.8.77',
      '8.8.8.8.0.111',
      '10.9.8.1.8.1',
    ],
    [
      'the same as without a hint, if the hint is a wildcard',
      V4,
      '192.168.77.9',
      '0.0.0.0.0.111',
      '192.168.77.5.8.1',
    ],
    ['the wildcard, for a hint of another family', V4, '10.9.8.77', '::1.0.111', '0.0.0.0.8.1'],
    ['the wildcard, for an invalid hint', V4, '10.9.8.77', 'hello', '0.0.0.0.8.1'],
  ];
  for (const [name, registration, from, hint, expected] of cases) {
    test(name, () => assert.equal(reported(registration, from, '10.9.8.1', hint), expected));
  }

  test('the same over IPv6', () => {
    assert.equal(reported(V6, '::1', '::1', 'fd00:9::77.0.111'), 'fd00:9::1.8.1');
    assert.equal(reported(V6, '::1', '::1', '2001:db8::1.0.111'), '::1.8.1');
    assert.equal(reported(V6, '::1', '::1', '127.0.0.1.0.111'), '::.8.1');
  });
});

describe('the address is returned as registered', () => {
  test('for one address', () => {
    assert.equal(
      reported(at('10.9.8.2.8.1', 'tcp'), '192.168.77.9', '192.168.77.5', '192.168.77.5.0.111'),
      '10.9.8.2.8.1',
    );
    assert.equal(reported(at('::1.8.1', 'udp6'), 'fd00:9::77', 'fd00:9::1'), '::1.8.1');
  });

  test('for a Unix socket', () => {
    const local = at('/run/x.sock', 'local');
    assert.equal(reachability().uaddrFor(local, simPeer('local'), '/run/rpcbind.sock'), '/run/x.sock');
  });

  test('over the Unix socket, where the caller has no address', () => {
    assert.equal(reachability().uaddrFor(V4, simPeer('local'), ''), '0.0.0.0.8.1');
  });
});

test('a hint is cached for its own family only', () => {
  const reach = reachability();
  for (const hint of ['10.9.8.2.0.111', 'fd00:9::1.0.111']) {
    const isV4 = !hint.includes(':');
    assert.equal(reach.uaddrFor(V4, simPeer('udp'), hint), isV4 ? '10.9.8.2.8.1' : '0.0.0.0.8.1');
    assert.equal(reach.uaddrFor(V6, simPeer('udp6'), hint), isV4 ? '::.8.1' : 'fd00:9::1.8.1');
  }
});

test('a hint of one link is not cached for the callers of another', () => {
  const reach = reachability();
  for (const scopeId of [5, 6]) {
    const peer = simPeer('udp6', { address: ip('fe80::9'), scopeId });
    assert.equal(reach.uaddrFor(V6, peer, 'fe80::99.0.111'), `fe80::${scopeId}.8.1`);
  }
});

test('answers follow a change of the interfaces', () => {
  const reach = reachability();
  const peer = simPeer('udp', { address: ip('192.168.77.9'), to: ip('10.9.8.1') });
  const ask = () => [reach.uaddrFor(V4, peer, ''), reach.uaddrFor(V4, peer, '192.168.77.200.0.111')];
  for (let turn = 0; turn < 2; turn++) assert.deepEqual(ask(), ['192.168.77.5.8.1', '192.168.77.5.8.1']);
  reach.update([interfaceAddress('192.168.77.6/24', 4)]);
  assert.deepEqual(ask(), ['192.168.77.6.8.1', '192.168.77.6.8.1']);
  reach.update([]);
  assert.deepEqual(ask(), ['10.9.8.1.8.1', '10.9.8.1.8.1']);
});

test('answers are right with more callers and hints than the cache holds', () => {
  const reach = reachability();
  for (let i = 0; i < MERGE_CACHE_ENTRIES_MAX + 10; i++) {
    const address = { family: 4 as const, bytes: new Uint8Array([127, 1, i >> 8, i & 255]) };
    const peer = simPeer('udp', { address, to: ip('10.9.8.1') });
    assert.equal(reach.uaddrFor(V4, peer, ''), '127.0.0.1.8.1');
    assert.equal(
      reach.uaddrFor(V4, peer, `10.9.8.${i & 255}.${i >> 8}.1`),
      i % 256 === 2 ? '10.9.8.2.8.1' : '10.9.8.1.8.1',
    );
  }
});

test('the addresses of this host are those of its interfaces and loopback', () => {
  const reach = reachability();
  for (const own of ['10.9.8.2', '172.16.0.1', 'fd00:9::1', '127.9.9.9', '::1'])
    assert.equal(reach.isOwn(ip(own)), true, own);
  for (const other of ['10.9.8.3', '0.0.0.0', 'fd00:9::2', '::'])
    assert.equal(reach.isOwn(ip(other)), false, other);
});
