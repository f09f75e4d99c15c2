// Tests that the simulated sockets behave like bind(2).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NetId } from '../../../src/base/netid.ts';
import { parsePort } from '../../../src/base/port.ts';
import type { EndpointSpec, OpenEndpoint, ProcessInfo } from '../../../src/host/host.ts';
import { ip } from '../service.ts';
import { type SimHostOptions, simHost } from './host.ts';

const RPCBIND: ProcessInfo = { pid: 812, name: 'rpcbind', uid: 102, rssBytes: 4096 };

function spec(netid: Exclude<NetId, 'local'>, address: string, port = '111'): EndpointSpec {
  return { netid, address: ip(address), port: parsePort(port) };
}

/** The result of opening a socket. */
function open(host: ReturnType<typeof simHost>, endpoint: EndpointSpec): string {
  const result = host.sockets.open(endpoint);
  return 'fd' in result ? 'open' : `${result.errno} ${result.reason}`;
}

describe('an IP socket', () => {
  const cases: readonly (readonly [string, SimHostOptions, EndpointSpec, string])[] = [
    ['opens on loopback', {}, spec('udp', '127.0.0.9'), 'open'],
    ['opens on a wildcard', {}, spec('tcp6', '::'), 'open'],
    ['opens on an address of the host', { addresses: [ip('192.0.2.1')] }, spec('tcp', '192.0.2.1'), 'open'],
    ['does not open on another address', {}, spec('tcp', '192.0.2.1'), 'EADDRNOTAVAIL absent'],
    ['needs its family', { families: [4] }, spec('tcp6', '::1'), 'EAFNOSUPPORT absent'],
    ['needs root below port 1024', { uid: 1000 }, spec('udp', '127.0.0.1', '1023'), 'EACCES denied'],
    ['does not need root from port 1024 on', { uid: 1000 }, spec('udp', '127.0.0.1', '1024'), 'open'],
    [
      'checks the address before the privilege',
      { uid: 1000 },
      spec('udp', '192.0.2.1'),
      'EADDRNOTAVAIL absent',
    ],
  ];
  for (const [name, options, endpoint, expected] of cases) {
    test(name, () => assert.equal(open(simHost(options), endpoint), expected));
  }

  test('conflicts with a socket of the same protocol and an overlapping address', () => {
    const addresses = [ip('192.0.2.1')];
    const pairs: readonly (readonly [EndpointSpec, EndpointSpec, boolean])[] = [
      [spec('tcp', '127.0.0.1'), spec('tcp', '127.0.0.1'), true],
      [spec('tcp', '0.0.0.0'), spec('tcp', '192.0.2.1'), true],
      [spec('tcp', '192.0.2.1'), spec('tcp', '0.0.0.0'), true],
      [spec('tcp', '127.0.0.1'), spec('tcp', '192.0.2.1'), false],
      [spec('tcp', '127.0.0.1'), spec('udp', '127.0.0.1'), false],
      [spec('tcp', '0.0.0.0'), spec('tcp6', '::'), false],
      [spec('tcp', '127.0.0.1'), spec('tcp', '127.0.0.1', '112'), false],
    ];
    for (const [first, second, clashes] of pairs) {
      const host = simHost({ addresses });
      host.sockets.occupy(first, RPCBIND);
      assert.equal(open(host, second), clashes ? 'EADDRINUSE taken' : 'open');
    }
  });
});

describe('a Unix socket', () => {
  test('is created in a directory writable by its user, or with an abstract name', () => {
    const asUser = simHost({ uid: 1000 });
    assert.equal(open(asUser, { netid: 'local', path: '/run/rpcbind.sock' }), 'EACCES denied');
    assert.equal(open(asUser, { netid: 'local', path: '/tmpx/a' }), 'EACCES denied');
    assert.equal(open(asUser, { netid: 'local', path: '/run/user/1000/a' }), 'open');
    assert.equal(open(asUser, { netid: 'local', path: '@/run/rpcbind.sock' }), 'open');
    assert.equal(open(simHost(), { netid: 'local', path: '/run/rpcbind.sock' }), 'open');
  });

  test('does not share its path', () => {
    const host = simHost();
    host.sockets.occupy({ netid: 'local', path: '/run/a' }, RPCBIND);
    assert.equal(open(host, { netid: 'local', path: '/run/a' }), 'EADDRINUSE taken');
    assert.equal(open(host, { netid: 'local', path: '@/run/a' }), 'open');
  });
});

test('a closed or released socket can be opened again with another descriptor', () => {
  const host = simHost();
  const { sockets } = host;
  const endpoint = spec('tcp', '127.0.0.1');
  const other = sockets.occupy(endpoint, RPCBIND);
  assert.equal(open(host, endpoint), 'EADDRINUSE taken');
  other.release();
  const first = sockets.open(endpoint) as OpenEndpoint;
  assert.deepEqual(sockets.opened, [first]);
  sockets.close(first);
  assert.deepEqual(sockets.opened, []);
  assert.notEqual((sockets.open(endpoint) as OpenEndpoint).fd, first.fd);
});

test('a requested failure precedes every other result', () => {
  const host = simHost();
  host.sockets.fail(spec('tcp', '127.0.0.1'), 'EMFILE');
  assert.equal(open(host, spec('tcp', '127.0.0.1')), 'EMFILE other');
  assert.equal(open(host, spec('udp', '127.0.0.1')), 'open');
});

test('the holders of a port or a path are listed once each', () => {
  const { sockets } = simHost();
  for (const address of ['0.0.0.0', '127.0.0.1']) sockets.occupy(spec('tcp', address), RPCBIND);
  sockets.occupy({ netid: 'local', path: '/run/a' }, RPCBIND);
  sockets.open(spec('tcp6', '::1'));
  const names = (what: Parameters<typeof sockets.holders>[0]) =>
    sockets.holders(what).map(({ name }) => name);
  assert.deepEqual(names({ protocol: 'tcp', port: parsePort('111') }), ['rpcbind', 'portreeve']);
  assert.deepEqual(names({ protocol: 'udp', port: parsePort('111') }), []);
  assert.deepEqual(names({ path: '/run/a' }), ['rpcbind']);
  assert.deepEqual(names({ path: '/run/b' }), []);
});
