/** Ports: what is one, and what is read as one. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PortreeveError } from './errors.ts';
import { isPort, parseDecimal, parsePort } from './port.ts';

// RFC 6335 section 6: ports are 16 bits; 0 is reserved and cannot be bound.
describe('a port', () => {
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
    test(`${value} is ${expected ? 'one' : 'none'}`, () => assert.equal(isPort(value), expected));
  }
});

describe('a port in text', () => {
  const read: readonly (readonly [string, number])[] = [
    ['1', 1],
    ['1023', 1023],
    ['1024', 1024],
    ['65534', 65534],
    ['65535', 65535],
    ['0111', 111],
  ];
  for (const [text, port] of read) {
    test(`"${text}" is one`, () => assert.equal(parsePort(text), port));
  }

  const refused = [
    '',
    '0',
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
    test(`${JSON.stringify(text)} is none`, () => {
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

  test('every port is read from its digits', () => {
    for (let port = 1; port <= 65535; port++) assert.equal(parsePort(`${port}`), port);
  });
});

describe('decimal digits', () => {
  test('are read up to the bound and not beyond', () => {
    assert.equal(parseDecimal('255', 255), 255);
    assert.equal(parseDecimal('256', 255), undefined);
    assert.equal(parseDecimal('4294967295', 4294967295), 4294967295);
    assert.equal(parseDecimal('4294967296', 4294967295), undefined);
    assert.equal(parseDecimal('00000000001', 255), undefined);
  });

  test('of any number are that number, and nothing else is a number', () => {
    fc.assert(fc.property(fc.nat(), (value) => assert.equal(parseDecimal(`${value}`, 0x7fffffff), value)));
    const other = fc.string().filter((text) => !/^[0-9]+$/.test(text));
    fc.assert(fc.property(other, (text) => assert.equal(parseDecimal(text, 0x7fffffff), undefined)));
  });
});
