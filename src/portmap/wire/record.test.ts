/** Tests record marking: messages on a stream, in one or several fragments. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../base/bytes.ts';
import { encodeRecord, gatherRecord, newRecordSpan, scanRecord, writeRecordMark } from './record.ts';
import { XdrError } from './xdr.ts';

const MAX = 100;

/** Fragments on a stream; the last one is marked. */
function fragments(...pieces: readonly Uint8Array[]): Uint8Array {
  const parts = pieces.flatMap((piece, i) => {
    const record = encodeRecord(piece);
    if (i < pieces.length - 1) bytesOf(record).view.setUint32(0, piece.length);
    return [...record];
  });
  return new Uint8Array(parts);
}

const scan = (bytes: Uint8Array, start = 0, end = bytes.length, max = MAX) =>
  scanRecord(bytesOf(bytes), start, end, max, newRecordSpan());

const bytes = (length: number, value = 0xab): Uint8Array => new Uint8Array(length).fill(value);

// RFC 5531 section 11: a 31-bit length, and a bit that marks the last fragment.
describe('a record', () => {
  test('of one fragment is marked by its length and the highest bit', () => {
    assert.deepEqual(encodeRecord(bytes(3)), new Uint8Array([0x80, 0, 0, 3, 0xab, 0xab, 0xab]));
    const view = new DataView(new ArrayBuffer(8));
    writeRecordMark(view, 4, 0x7fffffff);
    assert.equal(view.getUint32(4), 0xffffffff);
  });

  test('of one fragment is found in place', () => {
    const stream = new Uint8Array([...bytes(5), ...encodeRecord(bytes(8)), ...bytes(5)]);
    const { state, consumed, start, end, fragments: count } = scan(stream, 5);
    assert.deepEqual(
      { state, consumed, start, end, count },
      { state: 'whole', consumed: 12, start: 9, end: 17, count: 1 },
    );
  });

  test('of several fragments is concatenated', () => {
    const stream = fragments(bytes(3, 1), bytes(0), bytes(5, 2), bytes(1, 3));
    const { state, consumed, fragments: count } = scan(stream);
    assert.deepEqual({ state, consumed, count }, { state: 'whole', consumed: stream.length, count: 4 });
    const target = new Uint8Array(MAX);
    assert.equal(gatherRecord(bytesOf(stream), 0, target), 9);
    assert.deepEqual(target.subarray(0, 9), new Uint8Array([1, 1, 1, 2, 2, 2, 2, 2, 3]));
  });

  test('that is truncated anywhere is incomplete', () => {
    for (const stream of [encodeRecord(bytes(8)), fragments(bytes(3), bytes(5), bytes(1))]) {
      for (let end = 0; end < stream.length; end++)
        assert.equal(scan(stream, 0, end).state, 'more', `${end}`);
      assert.equal(scan(stream).state, 'whole');
    }
  });
});

describe('an invalid record', () => {
  test('is longer than permitted, in one fragment or in all', () => {
    assert.equal(scan(encodeRecord(bytes(MAX))).state, 'whole');
    assert.throws(() => scan(encodeRecord(bytes(MAX + 1))), XdrError);
    assert.equal(scan(fragments(bytes(MAX - 1), bytes(1))).state, 'whole');
    assert.throws(() => scan(fragments(bytes(MAX - 1), bytes(2))), XdrError);
  });

  test('is refused by its header, before any data arrives', () => {
    for (const mark of [
      [0xff, 0xff, 0xff, 0xff],
      [0x7f, 0xff, 0xff, 0xff],
      [0x80, 0, 0, MAX + 1],
    ]) {
      assert.throws(() => scan(new Uint8Array(mark)), XdrError);
    }
    assert.equal(scan(new Uint8Array([0x80, 0, 0, MAX])).state, 'more');
  });

  test('is empty', () => {
    assert.throws(() => scan(encodeRecord(bytes(0))), XdrError);
    assert.throws(() => scan(fragments(bytes(0), bytes(0))), XdrError);
    assert.equal(scan(fragments(bytes(0), bytes(1))).state, 'whole');
  });

  test('has too many empty fragments', () => {
    const empty = (count: number) => fragments(...Array.from({ length: count }, () => bytes(0)), bytes(4));
    assert.equal(scan(empty(16)).state, 'whole');
    assert.throws(() => scan(empty(17)), XdrError);
  });
});

test('a message is reassembled, however it is split into fragments', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(pieces, (cut) => {
      const message = new Uint8Array(cut.flatMap((piece) => [...piece]));
      fc.pre(message.length > 0);
      const stream = fragments(...cut);
      const span = scan(stream, 0, stream.length, 200);
      assert.deepEqual([span.state, span.consumed, span.fragments], ['whole', stream.length, cut.length]);
      const target = new Uint8Array(200);
      const length = gatherRecord(bytesOf(stream), 0, target);
      assert.deepEqual(target.subarray(0, length), message);
      if (cut.length === 1) assert.deepEqual(stream.subarray(span.start, span.end), message);
    }),
  );
});

test('any bytes are a complete record, an incomplete one, or refused', () => {
  const marks = fc
    .array(fc.constantFrom(0, 0, 0, 1, 4, 0x80), { maxLength: 60 })
    .map((values) => new Uint8Array(values));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), marks), (stream) => {
      try {
        const { state, consumed } = scan(stream);
        assert.ok(state === 'more' || (consumed > 4 && consumed <= stream.length));
      } catch (thrown) {
        assert.ok(thrown instanceof XdrError, `${thrown}`);
      }
    }),
    { numRuns: 1000 },
  );
});
