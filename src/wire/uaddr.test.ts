// Tests of universal addresses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../base/address.ts';
import type { NetId } from '../base/netid.ts';
import { formatUaddr, isLocalUaddr, parseServiceAddress, parseUaddr, portSuffix } from './uaddr.ts';

// RFC 5665 section 5.2.3: "h1.h2.h3.h4.p1.p2", and for IPv6 the address as text and the two bytes.
describe('a universal address', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1.3.5', '127.0.0.1', 773],
    ['0.0.0.0.0.111', '0.0.0.0', 111],
    ['255.255.255.255.255.255', '255.255.255.255', 65535],
    ['10.9.8.1.255.254', '10.9.8.1', 65534],
    ['1.2.3.4.3.255', '1.2.3.4', 1023],
    ['1.2.3.4.4.0', '1.2.3.4', 1024],
    ['::1.8.3', '::1', 2051],
    ['fd00:9::1.0.1', 'fd00:9::1', 1],
    ['::ffff:192.0.2.1.8.3', '::ffff:192.0.2.1', 2051],
    ['::.0.0', '::', 0],
  ];
  for (const [uaddr, address, port] of cases) {
    test(`${uaddr} is port ${port} of ${address}`, () => {
      const endpoint = parseUaddr(uaddr);
      assert.deepEqual(endpoint, { address: parseIp(address), port });
      assert.equal(endpoint && formatUaddr(endpoint), uaddr);
    });
  }

  const refused = [
    '',
    '.',
    '..',
    '127.0.0.1',
    '127.0.0.1.3',
    '127.0.0.1.300.5',
    '127.0.0.1.3.256',
    '300.0.0.1.3.5',
  ];
  for (const text of [
    ...refused,
    '127.0.0.1..5',
    '127.0.0.1.3.',
    '.3.5',
    'hello',
    '::1',
    '127.0.0.1.+3.5',
    '1.2.3.4.0x1.5',
  ]) {
    test(`${JSON.stringify(text)} is rejected`, () => assert.equal(parseUaddr(text), undefined));
  }

  test('is formatted and parsed for every address and port', () => {
    const family = fc.constantFrom(4 as const, 6 as const);
    const endpoint = fc.tuple(
      family,
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.integer({ min: 0, max: 65535 }),
    );
    fc.assert(
      fc.property(endpoint, ([kind, bytes, port]) => {
        const address = { family: kind, bytes: kind === 4 ? bytes.slice(0, 4) : bytes };
        assert.deepEqual(parseUaddr(formatUaddr({ address, port })), { address, port });
      }),
    );
  });

  test('is either rejected or has one canonical form', () => {
    const near = fc.string({ unit: fc.constantFrom(...'0123456789.:a'), maxLength: 40 });
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const endpoint = parseUaddr(text);
        if (endpoint) assert.deepEqual(parseUaddr(formatUaddr(endpoint)), endpoint);
      }),
      { numRuns: 2000 },
    );
  });

  test('ends with the two bytes of its port', () => {
    const ports = [0, 1, 255, 256, 1023, 1024, 65534, 65535];
    assert.deepEqual(ports.map(portSuffix), [
      '.0.0',
      '.0.1',
      '.0.255',
      '.1.0',
      '.3.255',
      '.4.0',
      '.255.254',
      '.255.255',
    ]);
  });
});

describe('the port of a netid', () => {
  const cases: readonly (readonly [NetId, string, number | undefined])[] = [
    ['udp', '0.0.0.0.8.1', 2049],
    ['tcp', '127.0.0.1.255.255', 65535],
    ['udp', '0.0.0.0.0.1', 1],
    ['udp', '0.0.0.0.0.0', undefined],
    ['udp', '::.8.1', undefined],
    ['tcp6', '::.8.1', 2049],
    ['udp6', '0.0.0.0.8.1', undefined],
    ['udp', 'hello', undefined],
    ['udp', '', undefined],
    ['udp', '/run/x.sock', undefined],
    ['local', '/run/x.sock', 0],
    ['local', '@x', 0],
    ['local', '0.0.0.0.8.1', undefined],
    ['local', '', undefined],
  ];
  for (const [netid, uaddr, port] of cases) {
    test(`${netid} in "${uaddr}" is ${port}`, () =>
      assert.equal(parseServiceAddress(netid, uaddr)?.port, port));
  }
});

describe('the address of a service', () => {
  test('has a canonical universal address for any valid spelling', () => {
    const expected = { address: parseIp('2001:db8::1'), port: 2049, uaddr: '2001:db8::1.8.1' };
    for (const text of ['2001:db8::1.8.1', '2001:DB8:0::0001.8.1', '2001:db8::1.008.001']) {
      const address = parseServiceAddress('udp6', text) ?? assert.fail(text);
      assert.deepEqual(address, expected);
      assert.deepEqual(parseServiceAddress('udp6', address.uaddr), address);
    }
  });

  test('of a Unix socket is its path unchanged', () => {
    for (const path of ['/run/x.sock', '@X']) {
      assert.deepEqual(parseServiceAddress('local', path), { address: path, port: 0, uaddr: path });
    }
  });
});

// unix(7): sun_path has 108 bytes. A path ends with a NUL, an abstract name begins with one.
test('a local address is a path of at most 107 bytes, or "@" and an abstract name of at most 107 bytes', () => {
  for (const text of ['/x', `/${'x'.repeat(106)}`, '@x', `@${'x'.repeat(107)}`]) {
    assert.equal(isLocalUaddr(text), true, text);
  }
  for (const text of ['', '/', '@', 'x.sock', `/${'x'.repeat(107)}`, `@${'x'.repeat(108)}`, '/a\0b']) {
    assert.equal(isLocalUaddr(text), false, text);
  }
});

test('a local address has no control characters at any position', () => {
  for (const code of [0, 0x07, 0x0a, 0x1b, 0x1f, 0x7f, 0x80, 0x9b, 0x9f]) {
    const character = String.fromCharCode(code);
    for (const text of [`/run/${character}`, `/${character}x`, `@${character}`, `@x${character}y`]) {
      assert.equal(isLocalUaddr(text), false, `code ${code}`);
    }
  }
  for (const code of [0x20, 0x7e, 0xa0, 0xff]) {
    assert.equal(isLocalUaddr(`/run/${String.fromCharCode(code)}`), true, `code ${code}`);
  }
});
