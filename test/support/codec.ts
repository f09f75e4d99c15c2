/** Properties of every codec, tested with random values and random bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../src/base/bytes.ts';
import { encodeXdr, XdrError, XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';

/** A codec and the values that it can encode. */
export interface Codec<T> {
  readonly values: fc.Arbitrary<T>;
  readonly encode: (writer: XdrWriter, value: T) => void;
  readonly decode: (reader: XdrReader) => T;
}

const RUNS = 300;
const LENGTH_MAX = 400;

/** Any XDR unsigned integer, often a boundary value. */
export const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);

/** Any Latin-1 text of at most `maxLength` bytes. */
export function latin1(maxLength: number): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  return fc.string({ unit: character, maxLength: Math.min(maxLength, LENGTH_MAX) });
}

export function opaque(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: Math.min(maxLength, LENGTH_MAX) });
}

/** Any object with these properties; has Object.prototype, as the objects of a codec. */
export function record<T extends object>(
  model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  return fc.record<T>(model).map((values) => ({ ...values }));
}

/** Random bytes, valid encodings, and valid encodings that were truncated and had a number overwritten. */
function bytesNear(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const corrupted = fc.tuple(good, fc.nat(), fc.nat(), u32).map(([bytes, cut, at, number]) => {
    const copy = new Uint8Array(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1))));
    const units = copy.length >> 2;
    if (units > 0) new DataView(copy.buffer).setUint32((at % units) * 4, number);
    return copy;
  });
  return fc.oneof(fc.uint8Array({ maxLength: LENGTH_MAX }), good, corrupted);
}

const encoded = <T>(codec: Codec<T>, value: T): Uint8Array =>
  encodeXdr((writer) => codec.encode(writer, value));

/** Defines the tests that every codec must pass. */
export function testCodec<T>(name: string, codec: Codec<T>): void {
  test(`${name}: decodes an encoded value to the same value, and consumes every byte`, () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const reader = new XdrReader(bytesOf(encoded(codec, value)));
        assert.deepEqual(codec.decode(reader), value);
        assert.equal(reader.left, 0);
      }),
      { numRuns: RUNS },
    );
  });

  test(`${name}: decodes any bytes to a value whose encoding has the same length, or throws an XdrError`, () => {
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
