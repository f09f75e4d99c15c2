// Tests of CRC-32 against known values and zlib.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32 } from './crc32.ts';

const of = (text: string): number => crc32(new TextEncoder().encode(text));

test('known inputs have their known checksums', () => {
  assert.equal(of('123456789'), 0xcbf43926);
  assert.equal(of(''), 0);
  assert.equal(of('a'), 0xe8b7be43);
  assert.equal(crc32(new Uint8Array(32)), 0x190a55ad);
  assert.equal(crc32(new Uint8Array(32).fill(0xff)), 0xff6cab0b);
});

test('any part of an array has the checksum that zlib computes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
      const [start, end] = a < b ? [a, b] : [b, a];
      const part = bytes.subarray(start, end);
      assert.equal(crc32(bytes, Math.min(start, bytes.length), Math.min(end, bytes.length)), zlibCrc32(part));
    }),
    { numRuns: 300 },
  );
});
