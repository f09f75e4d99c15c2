// Tests the reassembly of records: the messages do not depend on fragments and chunks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeRecord } from '../wire/record.ts';
import { RecordBuffer } from './record-buffer.ts';

const LIMITS = { maxMessage: 10_000, maxMarks: 1000 };

/** A message in fragments that end at the cuts. */
function fragmented(message: Uint8Array, cuts: readonly number[]): Uint8Array {
  const ends = [...new Set(cuts.map((cut) => cut % message.length))]
    .filter((end) => end > 0)
    .sort((a, b) => a - b);
  const starts = [0, ...ends];
  return Buffer.concat(
    starts.map((start, at) => {
      const record = encodeRecord(message.subarray(start, ends[at]));
      // Without the mark of the last fragment, except for the last one.
      if (at < ends.length) record[0] = (record[0] ?? 0) & 0x7f;
      return record;
    }),
  );
}

function received(stream: Uint8Array, chunkBytes: readonly number[]): Uint8Array[] {
  const buffer = new RecordBuffer(LIMITS);
  const messages: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < stream.length; turn++) {
    const length = chunkBytes[turn % chunkBytes.length] ?? 1;
    buffer.append(stream.subarray(at, at + length));
    at += length;
    for (let message = buffer.next(); message; message = buffer.next()) messages.push(message);
  }
  return messages;
}

test('messages are returned as they were sent', () => {
  const message = fc.uint8Array({ minLength: 1, maxLength: 6000 });
  const cuts = fc.array(fc.nat(6000), { maxLength: 8 });
  const records = fc.array(fc.tuple(message, cuts), { minLength: 1, maxLength: 6 });
  const chunks = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(records, chunks, (sent, chunkBytes) => {
      const stream = Buffer.concat(sent.map(([bytes, ends]) => fragmented(bytes, ends)));
      assert.deepEqual(
        received(stream, chunkBytes),
        sent.map(([bytes]) => bytes),
      );
    }),
    { numRuns: 50 },
  );
});

test('a returned message is not overwritten by later input', () => {
  const buffer = new RecordBuffer(LIMITS);
  buffer.append(encodeRecord(Uint8Array.of(1, 2, 3)));
  const first = buffer.next();
  buffer.append(encodeRecord(new Uint8Array(5000).fill(9)));
  buffer.next();
  assert.deepEqual(first, Uint8Array.of(1, 2, 3));
});

test('a record is at most as long as the limit', () => {
  const filled = (bytes: number) => () => received(encodeRecord(new Uint8Array(bytes)), [4096]);
  assert.equal(filled(LIMITS.maxMessage)().length, 1);
  assert.throws(filled(LIMITS.maxMessage + 1), { name: 'XdrError', code: 'XDR_TOO_LONG' });
});

test('a record has at most the permitted number of fragments', () => {
  const ofFragments = (count: number) => {
    const cuts = Array.from({ length: count - 1 }, (_, at) => at + 1);
    return () => received(fragmented(new Uint8Array(count), cuts), [5]);
  };
  assert.equal(ofFragments(2000)().length, 1);
  assert.throws(ofFragments(3000), { name: 'XdrError', code: 'XDR_TOO_LONG' });
});
