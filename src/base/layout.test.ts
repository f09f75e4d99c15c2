// Tests of C structure layouts: sizes, offsets, encoding and decoding.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteArray, Layout } from './layout.ts';

const MIXED = new Layout({ a: 'u8', b: 'u32', c: 'u16', d: 'u64', e: byteArray(3), f: 'u8' });
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// C11 6.7.2.1: a field begins at a multiple of its alignment, the size is a multiple of the largest.
test('fields have their natural alignment', () => {
  const offsets = Object.values(MIXED.fields).map(({ name, offset }) => [name, offset]);
  assert.deepEqual(offsets, [
    ['a', 0],
    ['b', 4],
    ['c', 8],
    ['d', 16],
    ['e', 24],
    ['f', 27],
  ]);
  assert.equal(MIXED.bytes, 32);
});

test('sizes include trailing padding', () => {
  assert.equal(new Layout({ a: 'u8' }).bytes, 1);
  assert.equal(new Layout({ a: 'u8', b: 'u16' }).bytes, 4);
  assert.equal(new Layout({ a: byteArray(5) }).bytes, 5);
  assert.equal(new Layout({ a: 'u8', b: byteArray(16, 4) }).bytes, 20);
  assert.equal(new Layout({}).bytes, 0);
});

test('encoding is little-endian, with zeros as padding and after a short array', () => {
  const bytes = new Uint8Array(40).fill(0xff);
  MIXED.write(view(bytes), 4, {
    a: 1,
    b: 0x01020304,
    c: 0x0506,
    d: 0x0708090a0b0c0d0en,
    e: Uint8Array.of(9),
  });
  const hex = '01000000040302010605000000000000' + '0e0d0c0b0a0908070900000000000000';
  assert.equal(Buffer.from(bytes).toString('hex'), `ffffffff${hex}ffffffff`);
});

test('written values are read back at any offset', () => {
  const values = fc.record({
    a: fc.nat(0xff),
    b: fc.nat(0xffffffff),
    c: fc.nat(0xffff),
    d: fc.bigInt(0n, 2n ** 64n - 1n),
    e: fc.uint8Array({ minLength: 3, maxLength: 3 }),
    f: fc.nat(0xff),
  });
  fc.assert(
    fc.property(values, fc.nat(9), (given, at) => {
      const bytes = new Uint8Array(at + MIXED.bytes);
      MIXED.write(view(bytes), at, given);
      assert.deepEqual(MIXED.read(view(bytes), at), { ...given });
      assert.deepEqual(MIXED.encode(given), bytes.subarray(at));
    }),
  );
});

test('read() copies arrays', () => {
  const bytes = MIXED.encode({ e: Uint8Array.of(1, 2, 3) });
  const { e } = MIXED.read(view(bytes));
  bytes.fill(0);
  assert.deepEqual(e, Uint8Array.of(1, 2, 3));
});

test('a value out of range is a bug, and the largest in range is accepted', () => {
  const refused = { code: 'LAYOUT_VALUE', kind: 'bug' };
  assert.throws(() => MIXED.encode({ a: 256 }), refused);
  assert.throws(() => MIXED.encode({ b: 2 ** 32 }), refused);
  assert.throws(() => MIXED.encode({ c: -1 }), refused);
  assert.throws(() => MIXED.encode({ c: 1.5 }), refused);
  assert.throws(() => MIXED.encode({ d: 2n ** 64n }), refused);
  assert.throws(() => MIXED.encode({ d: -1n }), refused);
  assert.throws(() => MIXED.encode({ e: new Uint8Array(4) }), refused);
  MIXED.encode({ a: 255, b: 2 ** 32 - 1, c: 65535, d: 2n ** 64n - 1n, e: new Uint8Array(3) });
});

test('a view shorter than the structure is rejected', () => {
  assert.throws(() => MIXED.read(new DataView(new ArrayBuffer(MIXED.bytes - 5))), RangeError);
  assert.throws(() => MIXED.write(new DataView(new ArrayBuffer(MIXED.bytes - 1)), 0, {}), RangeError);
});
