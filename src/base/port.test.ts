// Tests of the parsers for ports, port ranges and lists.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PortreeveError } from './errors.ts';
import {
  isInRange,
  isPort,
  type PortForm,
  parseDecimal,
  parsePort,
  parsePortRange,
  portRangeText,
  readPortList,
} from './port.ts';

// RFC 6335 section 6: ports are 16 bits; 0 is reserved and cannot be bound.
describe('isPort', () => {
  const edges: readonly (readonly [number, boolean])[] = [
    [-1, false],
    [0, false],
    [1, true],
    [1023, true],
    [1024, true],
    [65534, true],
    [65535, true],
    [65536, false],
    [1.5, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
  ];
  for (const [value, expected] of edges) {
    test(`${expected ? 'accepts' : 'rejects'} ${value}`, () => assert.equal(isPort(value), expected));
  }
});

describe('parsePort', () => {
  const read: readonly (readonly [string, number])[] = [
    ['1', 1],
    ['1023', 1023],
    ['1024', 1024],
    ['65534', 65534],
    ['65535', 65535],
  ];
  for (const [text, port] of read) {
    test(`parses "${text}"`, () => assert.equal(parsePort(text), port));
  }

  const refused = [
    '',
    '0',
    '0111',
    '65536',
    '4294967297',
    '0x10',
    ' 80',
    '80 ',
    '1..2',
    '1.2',
    '+1',
    '-1',
    '1e3',
    '８０',
    '8\n',
  ];
  for (const text of refused) {
    test(`rejects ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parsePort(text),
        (thrown) =>
          thrown instanceof PortreeveError &&
          thrown.kind === 'usage' &&
          thrown.code === 'PORT_INVALID' &&
          thrown.data['value'] === text &&
          thrown.message.includes(text),
      );
    });
  }

  test('parses every port', () => {
    for (let port = 1; port <= 65535; port++) assert.equal(parsePort(`${port}`), port);
  });
});

const SERVICES: Readonly<Record<string, number>> = { 'ssh tcp': 22, 'domain tcp': 53, 'domain udp': 53 };

const services = () => ({
  portOf: (name: string, protocol = 'tcp') => SERVICES[`${name} ${protocol}`],
  names: ['ssh', 'domain'],
});

describe('parsePortRange', () => {
  const legal: Record<string, [first: number, last: number, protocol?: 'tcp' | 'udp']> = {
    '80': [80, 80],
    ':80': [80, 80],
    '80/tcp': [80, 80, 'tcp'],
    '80/UDP': [80, 80, 'udp'],
    'tcp/80': [80, 80, 'tcp'],
    'TCP/80': [80, 80, 'tcp'],
    ':80/tcp': [80, 80, 'tcp'],
    '1-65535': [1, 65535],
    '8000-8100/tcp': [8000, 8100, 'tcp'],
    'udp/8000-8100': [8000, 8100, 'udp'],
    '7-7': [7, 7],
    ssh: [22, 22],
    'ssh/tcp': [22, 22, 'tcp'],
    'Udp/domain': [53, 53, 'udp'],
  };
  for (const [text, [first, last, protocol]] of Object.entries(legal)) {
    test(`parses ${text}`, () =>
      assert.deepEqual(parsePortRange(text, {}, services), { first, last, protocol }));
  }

  const refused: Record<string, [problem: RegExp, form?: PortForm]> = {
    '': [/neither a number nor a service name/],
    ' 80': [/neither a number/],
    '1-': [/neither a number/],
    '-1': [/neither a number/],
    '1-2-3': [/neither a number/],
    '80,81': [/neither a number/],
    '/tcp': [/neither a number/],
    '80/': [/the protocol is tcp or udp, not ""/],
    '80/sctp': [/not "sctp"/],
    '80/tcp/': [/not "tcp\/"/],
    'tcp/80/tcp': [/neither a number/],
    '0': [/the lowest port is 1/],
    '0-1': [/the lowest port is 1/],
    '080': [/leading zeros are not allowed/],
    '1-010': [/leading zeros are not allowed/],
    '65536': [/the highest port is 65535/],
    '1-99999999999': [/the highest port is 65535/],
    '8010-8000': [/the last port is below the first/],
    '0x50': [/does not list this name/],
    SSH: [/does not list this name/],
    'ssh/udp': [/does not list it for udp/],
    '80/tcp ': [/not "tcp "/],
    '1-2': [/a range is not allowed here/, { isSingle: true }],
    'tcp/1': [/a protocol is not allowed here/, { protocol: 'meaningless' }],
    '53': [/^"53" is not a port with a protocol$/, { protocol: 'required' }],
    domain: [/^"domain" is not a port with a protocol$/, { protocol: 'required' }],
  };
  for (const [text, [problem, form]] of Object.entries(refused)) {
    test(`rejects ${JSON.stringify(text)} and states the reason`, () => {
      assert.throws(
        () => parsePortRange(text, form, services),
        (thrown) =>
          thrown instanceof PortreeveError &&
          thrown.code === 'PORT_INVALID' &&
          thrown.message.startsWith(`"${text}" is not a port`) &&
          problem.test(thrown.message),
      );
    });
  }

  test('accepts port 0 only where it is allowed, and the hint includes it', () => {
    assert.equal(parsePortRange('0', { takesZero: true }).first, 0);
    assert.throws(() => parsePortRange('x', { takesZero: true }), { hint: /from 0 to 65535/ });
  });

  test('suggests the nearest service name, and looks up services only for a name', () => {
    assert.throws(() => parsePortRange('sssh', {}, services), { hint: /^Did you mean ssh\? A port is/ });
    const unexpectedLookup = () => assert.fail('the services were looked up');
    assert.equal(parsePortRange('80/tcp', {}, unexpectedLookup).first, 80);
    assert.throws(() => parsePortRange('08/tcp', {}, unexpectedLookup), { code: 'PORT_INVALID' });
  });

  const range = fc
    .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 }))
    .chain(([one, other]) =>
      fc
        .constantFrom('tcp' as const, 'udp' as const, undefined)
        .map((protocol) => ({ first: Math.min(one, other), last: Math.max(one, other), protocol })),
    );

  test('a list of ranges in canonical form is parsed up to 100 items', () => {
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 100 }), (ranges) => {
        assert.deepEqual(readPortList(ranges.map(portRangeText).join(',')), ranges);
      }),
    );
    const hundred = Array.from({ length: 100 }, () => '1').join(',');
    assert.equal(readPortList(hundred)?.length, 100);
    assert.equal(readPortList(`${hundred},1`), undefined);
    for (const list of ['', '80,', 'ssh']) assert.equal(readPortList(list), undefined, list);
  });

  test('a range includes both ends, and only its own protocol', () => {
    const ports = { first: 8000, last: 8010, protocol: 'tcp' } as const;
    assert.deepEqual(
      [7999, 8000, 8010, 8011].map((port) => isInRange(port, 'tcp', ports)),
      [false, true, true, false],
    );
    assert.ok(!isInRange(8000, 'udp', ports));
    assert.ok(isInRange(8000, 'udp', { ...ports, protocol: undefined }));
  });
});

describe('parseDecimal', () => {
  test('accepts values up to the maximum', () => {
    assert.equal(parseDecimal('255', 255), 255);
    assert.equal(parseDecimal('256', 255), undefined);
    assert.equal(parseDecimal('4294967295', 4294967295), 4294967295);
    assert.equal(parseDecimal('4294967296', 4294967295), undefined);
    assert.equal(parseDecimal('00000000001', 255), undefined);
  });

  test('accepts decimal digits and nothing else', () => {
    fc.assert(fc.property(fc.nat(), (value) => assert.equal(parseDecimal(`${value}`, 0x7fffffff), value)));
    const other = fc.string().filter((text) => !/^[0-9]+$/.test(text));
    fc.assert(fc.property(other, (text) => assert.equal(parseDecimal(text, 0x7fffffff), undefined)));
  });
});
