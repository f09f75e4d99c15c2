// The digest of tables: equal for equal tables, different for any single difference.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Digest } from './digest.ts';

const words = fc
  .uint8Array({ minLength: 4, maxLength: 64 })
  .map((bytes) => bytes.slice(0, bytes.length & ~3));

test('the same bytes and texts have the same digest', () => {
  fc.assert(
    fc.property(words, fc.string(), (bytes, text) => {
      const [one, other] = [new Digest(), new Digest()];
      assert.equal(
        one.addBytes(bytes).addText(text).value,
        other.addBytes(bytes.slice()).addText(text).value,
      );
    }),
  );
});

test('a single bit changes the digest', () => {
  fc.assert(
    fc.property(words, fc.nat(), (bytes, at) => {
      const changed = bytes.slice();
      const bit = at % (changed.length * 8);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(new Digest().addBytes(bytes).value, new Digest().addBytes(changed).value);
    }),
  );
});

test('the boundaries between texts are part of the digest', () => {
  const of = (...texts: string[]) => texts.reduce((digest, text) => digest.addText(text), new Digest()).value;
  const all = [of('AB', 'C'), of('A', 'BC'), of('ABC'), of('ABC', ''), of('', 'ABC'), of('C', 'AB')];
  assert.equal(new Set(all).size, all.length);
});

test('no two of a hundred thousand are equal', () => {
  const digests = Array.from({ length: 100_000 }, (_, i) => new Digest().addNumber(i).value);
  assert.equal(new Set(digests).size, digests.length);
});
