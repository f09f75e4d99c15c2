// Tests of IP addresses: parsed as by inet_pton(3), formatted as in RFC 5952.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  formatIp,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isWildcard,
  parseAddress,
  parseIp,
  readAddress,
  samePrefix,
  splitHostPort,
} from './address.ts';

function ip(text: string): IpAddress {
  const address = parseIp(text);
  assert.ok(address, text);
  return address;
}

describe('an IPv4 address', () => {
  for (const text of ['0.0.0.0', '127.0.0.1', '255.255.255.255', '10.9.8.1']) {
    test(`${text} is parsed and formatted`, () => assert.equal(formatIp(ip(text)), text));
  }

  // inet_pton(3): "ddd.ddd.ddd.ddd", decimal, 0 to 255. No octal, no hexadecimal, no fewer parts.
  const refused = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.04',
    '01.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
  ];
  for (const text of [
    ...refused,
    '0x7f.0.0.1',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '+1.2.3.4',
    '1e1.2.3.4',
    '1.2.3.4/8',
  ]) {
    test(`${JSON.stringify(text)} is rejected`, () => assert.equal(parseIp(text), undefined));
  }
});

// RFC 5952 section 4: lower case, no leading zeros, "::" for the longest run of zeros, the first of several.
describe('the canonical text of an IPv6 address', () => {
  const cases: Readonly<Record<string, string>> = {
    '2001:DB8::0001': '2001:db8::1', // 4.1, 4.3
    '2001:0db8:0:0:0:0:2:1': '2001:db8::2:1', // 4.2.1
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1', // 4.2.2: one group of zeros stays
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1', // 4.2.3: the longer run
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1', // 4.2.3: the first of two
    '0:0:0:0:0:0:0:0': '::',
    '::1': '::1',
    '1::': '1::',
    '1:2:3:4:5:6:0:0': '1:2:3:4:5:6::',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '::ffff:192.0.2.1': '::ffff:192.0.2.1', // section 5
    '::ffff:c000:201': '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    '::127.0.0.1': '::7f00:1',
  };
  for (const [text, canonical] of Object.entries(cases)) {
    test(`for ${text} is ${canonical}`, () => assert.equal(formatIp(ip(text)), canonical));
  }

  const refused = [
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1%lo',
    '[::1]',
  ];
  for (const text of [
    ...refused,
    '1:2:3:4:5:6:7:8::',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.4:5',
    ':1::',
    '1:',
    '::1 ',
  ]) {
    test(`${JSON.stringify(text)} is rejected`, () => assert.equal(parseIp(text), undefined));
  }
});

const anyAddress: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({ family: 4 as const, bytes })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ family: 6 as const, bytes })),
  // Runs of zeros, so that "::" has alternatives.
  fc
    .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
    .map((bytes) => ({ family: 6 as const, bytes: new Uint8Array(bytes) })),
);

test('every address is parsed from its canonical text, which is unique', () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      const text = formatIp(address);
      assert.deepEqual(parseIp(text), address);
      assert.equal(text, text.toLowerCase());
      if (address.family === 6)
        assert.equal(formatIp(ip(new URL(`http://[${text}]`).hostname.slice(1, -1))), text);
    }),
    { numRuns: 500 },
  );
});

test('arbitrary text is either an address or rejected', () => {
  const near = fc.string({ unit: fc.constantFrom(...'0123456789abf:.:.'), maxLength: 50 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      const address = parseIp(text);
      if (address) assert.deepEqual(parseIp(formatIp(address)), address);
    }),
    { numRuns: 2000 },
  );
});

describe('address types', () => {
  // RFC 1122 section 3.2.1.3 (g): 127.0.0.0/8; RFC 4291 section 2.5.3: ::1.
  test('loopback addresses are recognized', () => {
    for (const text of ['127.0.0.1', '127.0.0.2', '127.255.255.255', '::1', '::ffff:127.0.0.9']) {
      assert.equal(isLoopback(ip(text)), true, text);
    }
    for (const text of [
      '126.255.255.255',
      '128.0.0.0',
      '0.0.0.0',
      '::',
      '::2',
      '::ffff:128.0.0.1',
      '::7f00:1',
      'fe80::1',
    ]) {
      assert.equal(isLoopback(ip(text)), false, text);
    }
  });

  test('wildcard addresses are recognized', () => {
    for (const text of ['0.0.0.0', '::']) assert.equal(isWildcard(ip(text)), true, text);
    for (const text of ['0.0.0.1', '::1', '::ffff:0.0.0.0']) assert.equal(isWildcard(ip(text)), false, text);
  });

  // RFC 4291 section 2.4: fe80::/10.
  test('link-local addresses are recognized', () => {
    for (const text of ['fe80::1', 'febf:ffff::']) assert.equal(isLinkLocal(ip(text)), true, text);
    for (const text of ['fec0::1', 'fe7f::1', '169.254.0.1', '::'])
      assert.equal(isLinkLocal(ip(text)), false, text);
  });
});

describe('a common prefix', () => {
  const cases: readonly (readonly [string, string, number, boolean])[] = [
    ['10.9.8.1', '10.9.8.77', 24, true],
    ['10.9.8.1', '10.9.9.1', 24, false],
    ['10.9.8.1', '10.9.9.1', 23, true],
    ['10.9.8.1', '10.9.8.1', 32, true],
    ['10.9.8.1', '10.9.8.2', 32, false],
    ['10.9.8.1', '200.1.1.1', 0, true],
    ['10.9.8.1', '::', 0, false],
    ['fd00:9::1', 'fd00:9::ffff', 64, true],
    ['fd00:9::1', 'fd00:9:0:1::1', 64, false],
    ['fd00:9::1', 'fd00:9:0:1::1', 63, true],
    ['8000::', '::', 1, false],
    ['8000::', '::', 0, true],
  ];
  for (const [a, b, prefix, expected] of cases) {
    test(`${a} and ${b} ${expected ? 'agree' : 'differ'} in ${prefix} bits`, () => {
      assert.equal(samePrefix(ip(a), ip(b), prefix), expected);
      assert.equal(samePrefix(ip(b), ip(a), prefix), expected);
    });
  }
});

describe('readAddress and parseAddress', () => {
  const scoped = (text: string) => {
    const read = readAddress(text);
    return read && [formatIp(read.address), read.scope];
  };

  test('an IPv6 address may have brackets and a scope', () => {
    assert.deepEqual(scoped('192.0.2.7'), ['192.0.2.7', undefined]);
    assert.deepEqual(scoped('[::1]'), ['::1', undefined]);
    assert.deepEqual(scoped('fe80::1%eth0'), ['fe80::1', 'eth0']);
    assert.deepEqual(scoped('[FE80::1%br-0.7]'), ['fe80::1', 'br-0.7']);
  });

  for (const text of [
    '',
    '[192.0.2.7]',
    '192.0.2.7%eth0',
    '[::1',
    '::1]',
    '::1%',
    '::1%a%b',
    '::1%a b',
    '[]',
  ]) {
    test(`${JSON.stringify(text)} is rejected`, () => assert.equal(readAddress(text), undefined));
  }

  test('a scope is rejected where it is not allowed', () => {
    assert.equal(formatIp(parseAddress('[2001:db8::7]')), '2001:db8::7');
    const refused = { kind: 'usage', code: 'ADDRESS_INVALID' };
    assert.throws(() => parseAddress('localhost'), {
      ...refused,
      message: '"localhost" is not an IP address',
    });
    assert.throws(() => parseAddress('fe80::1%eth0'), { ...refused, message: /an interface is not allowed/ });
  });

  test('a host and its port are split', () => {
    const parts: Record<string, ReturnType<typeof splitHostPort>> = {
      'a:80': { host: 'a', port: '80' },
      'a:': { host: 'a', port: '' },
      a: { host: 'a', port: undefined },
      ':80': { host: '', port: '80' },
      '[::1]:80': { host: '[::1]', port: '80' },
      '::1': undefined,
      'a::80': undefined,
      '[::1]80': undefined,
    };
    for (const [text, expected] of Object.entries(parts))
      assert.deepEqual(splitHostPort(text), expected, text);
  });
});
