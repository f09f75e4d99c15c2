// Tests of reading a ring buffer in memory with the layout of the kernel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactNumber } from '../../base/numbers.ts';
import { drainRing, type RingMemory } from './ring-buffer.ts';

const BYTES = 64;
const DATA_AT = 16;
const BUSY = 2 ** 31;
const DISCARDED = 2 ** 30;

/** A ring buffer as the kernel keeps it. The second half of its data mirrors the first. */
class FakeRing {
  readonly memory: RingMemory;
  readonly #view: DataView;
  #at: number;

  constructor(at = 0) {
    const buffer = new ArrayBuffer(DATA_AT + 2 * BYTES);
    this.#view = new DataView(buffer);
    this.#at = at;
    this.memory = {
      consumed: BigUint64Array.of(BigInt(at)),
      produced: BigUint64Array.of(BigInt(at)),
      data: new Int32Array(buffer),
      dataAt: DATA_AT,
      bytes: BYTES,
    };
  }

  /** Writes a record of `length` bytes. Returns whether there was room. */
  write(length: number, value: number, bits = 0): boolean {
    const end = this.#at + Math.ceil((8 + length) / 8) * 8;
    if (end - exactNumber(this.memory.consumed[0] ?? 0n) > BYTES) return false;
    this.setHeader(this.#at, length + bits);
    for (let i = 0; i < length; i++) this.#setByte(this.#at + 8 + i, value);
    this.#at = end;
    this.memory.produced[0] = BigInt(end);
    return true;
  }

  setHeader(at: number, header: number): void {
    for (let i = 0; i < 4; i++) this.#setByte(at + i, Math.floor(header / 256 ** i) % 256);
  }

  #setByte(at: number, value: number): void {
    for (const half of [0, BYTES]) this.#view.setUint8(DATA_AT + half + (at % BYTES), value);
  }

  /** The records read, as hexadecimal text. */
  read(max = Number.POSITIVE_INFINITY): string[] {
    const texts: string[] = [];
    const count = drainRing(
      this.memory,
      (record) =>
        texts.push(Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('hex')),
      max,
    );
    assert.equal(count, texts.length);
    return texts;
  }
}

test('records are read in order, without discarded ones', () => {
  const ring = new FakeRing();
  ring.write(3, 0xaa);
  ring.write(8, 0xbb, DISCARDED);
  ring.write(0, 0);
  ring.write(9, 0xcc);
  assert.deepEqual(ring.read(), ['aaaaaa', '', 'cc'.repeat(9)]);
  assert.deepEqual(ring.read(), []);
  assert.deepEqual(ring.memory.consumed, ring.memory.produced);
});

// Documentation/bpf/ringbuf.rst: the consumer waits at the busy bit, even if later records are complete.
test('an incomplete record blocks the following ones', () => {
  const ring = new FakeRing();
  ring.write(1, 0xaa);
  ring.write(1, 0xbb, BUSY);
  ring.write(1, 0xcc);
  assert.deepEqual(ring.read(), ['aa']);
  assert.deepEqual(ring.read(), []);
  ring.setHeader(16, 1);
  assert.deepEqual(ring.read(), ['bb', 'cc']);
});

test('at most `max` records are read at a time', () => {
  const ring = new FakeRing();
  for (const value of [1, 2, 3]) ring.write(1, value);
  assert.deepEqual([ring.read(2), ring.read(0), ring.read(2)], [['01', '02'], [], ['03']]);
});

test('a record across the end of the memory is complete', () => {
  const ring = new FakeRing(BYTES - 8);
  ring.write(16, 0xdd);
  assert.deepEqual(ring.read(), ['dd'.repeat(16)]);
});

test('a record beyond the written data is rejected and not read', () => {
  const ring = new FakeRing();
  ring.write(8, 0xaa);
  ring.setHeader(0, 9);
  assert.throws(() => ring.read(), { kind: 'environment', code: 'RING_BUFFER_BROKEN' });
  ring.setHeader(0, 8);
  assert.deepEqual(ring.read(), ['aa'.repeat(8)]);
});

test('a record whose handler throws is not read again', () => {
  const ring = new FakeRing();
  ring.write(1, 0xaa);
  ring.write(1, 0xbb);
  const fails = (): never => {
    throw new Error('cannot');
  };
  assert.throws(() => drainRing(ring.memory, fails, 9), /cannot/);
  assert.deepEqual(ring.read(), ['bb']);
});

test('records of any size are read once, far beyond the size of the memory', () => {
  const step = fc.record({ length: fc.nat(24), isDiscarded: fc.boolean(), isRead: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
      const ring = new FakeRing(2 ** 40 - BYTES);
      const written: string[] = [];
      const read: string[] = [];
      for (const [i, { length, isDiscarded, isRead }] of steps.entries()) {
        const value = i % 256;
        const isWritten = ring.write(length, value, isDiscarded ? DISCARDED : 0);
        if (isWritten && !isDiscarded) written.push(value.toString(16).padStart(2, '0').repeat(length));
        if (isRead || !isWritten) read.push(...ring.read());
      }
      read.push(...ring.read());
      assert.deepEqual(read, written);
    }),
  );
});
