/** What holds for every codec, checked with many values and with many bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../src/base/bytes.ts';
import { encodeXdr, XdrError, XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';

/** A codec, and the values that it has an encoding for. */
export interface Codec<T> {
  readonly values: fc.Arbitrary<T>;
  readonly encode: (writer: XdrWriter, value: T) => void;
  readonly decode: (reader: XdrReader) => T;
}

const RUNS = 300;
const LENGTH_MAX = 400;

/** Any number that XDR's unsigned integer holds, those at the edges often. */
export const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);

/** Any text of at most so many bytes, each character a byte. */
export function latin1(maxLength: number): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  return fc.string({ unit: character, maxLength: Math.min(maxLength, LENGTH_MAX) });
}

export function opaque(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: Math.min(maxLength, LENGTH_MAX) });
}

/** Any object with these properties, as a codec makes one. */
export function record<T extends object>(
  model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  return fc.record<T>(model).map((values) => ({ ...values }));
}

/** Bytes that are nothing, and bytes that were made from a good encoding by cutting it, or by putting in a number. */
function bytesNear(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const spoiled = fc.tuple(good, fc.nat(), fc.nat(), u32).map(([bytes, cut, at, number]) => {
    const copy = new Uint8Array(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1))));
    const units = copy.length >> 2;
    if (units > 0) new DataView(copy.buffer).setUint32((at % units) * 4, number);
    return copy;
  });
  return fc.oneof(fc.uint8Array({ maxLength: LENGTH_MAX }), good, spoiled);
}

const encoded = <T>(codec: Codec<T>, value: T): Uint8Array =>
  encodeXdr((writer) => codec.encode(writer, value));

/** Declares the tests that every codec passes. */
export function testCodec<T>(name: string, codec: Codec<T>): void {
  test(`${name}: what is encoded is decoded to the same, to the last byte`, () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const reader = new XdrReader(bytesOf(encoded(codec, value)));
        assert.deepEqual(codec.decode(reader), value);
        assert.equal(reader.left, 0);
      }),
      { numRuns: RUNS },
    );
  });

  test(`${name}: bytes are a value, with one encoding as long as they are, or an XdrError`, () => {
    const good = codec.values.map((value) => encoded(codec, value));
    fc.assert(
      fc.property(bytesNear(good), (bytes) => {
        const reader = new XdrReader(bytesOf(bytes));
        let value: T;
        try {
          value = codec.decode(reader);
        } catch (thrown) {
          assert.ok(thrown instanceof XdrError, `${thrown}`);
          return;
        }
        const canonical = encoded(codec, value);
        assert.equal(canonical.length, reader.at);
        const again = codec.decode(new XdrReader(bytesOf(canonical)));
        assert.deepEqual(again, value);
        assert.deepEqual(encoded(codec, again), canonical);
      }),
      { numRuns: RUNS },
    );
  });
}
