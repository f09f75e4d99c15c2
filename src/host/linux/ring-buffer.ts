// The consumer of a BPF ring buffer (BPF_MAP_TYPE_RINGBUF): records that programs in the kernel have written for us.
import { PortreeveError } from '../../base/errors.ts';
import { alignUp } from '../../base/layout.ts';
import { exactNumber } from '../../base/numbers.ts';
import type { BpfMap } from './sys/bpf-map.ts';
import { pollLater } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';
import { pageBytes, SharedMemory } from './sys/mmap.ts';

/** <linux/bpf.h>: BPF_RINGBUF_BUSY_BIT (not written to its end yet), BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ. */
const BUSY = 1 << 31;
const DISCARDED = 1 << 30;
const HEADER_BYTES = 8;

/** <poll.h>: POLLIN; struct pollfd. */
const POLLIN = 1;
const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;

/** The memory that the kernel and the consumer share. */
export interface RingMemory {
  /** How far the consumer has come, in bytes since the beginning; its to write. */
  readonly consumed: BigUint64Array;
  /** How far the programs have come. */
  readonly produced: BigUint64Array;
  /** Where the records are, from `dataAt` on, twice in a row, so that none is cut at the end. */
  readonly data: Int32Array;
  readonly dataAt: number;
  /** The size of the buffer. */
  readonly bytes: number;
}

/**
 * Hands over what is there, at most `max` records, and gives how many it was. The bytes are the kernel's: they hold
 * until `onRecord` returns, and must not be written to. Throws PortreeveError `RING_BUFFER_BROKEN` (environment) where
 * a record is longer than what was written.
 */
export function drainRing(ring: RingMemory, onRecord: (record: DataView) => void, max: number): number {
  let at = exactNumber(Atomics.load(ring.consumed, 0));
  let count = 0;
  while (count < max) {
    const produced = exactNumber(Atomics.load(ring.produced, 0));
    if (at >= produced) break;
    const place = ring.dataAt + (at % ring.bytes);
    const header = Atomics.load(ring.data, place / Int32Array.BYTES_PER_ELEMENT);
    if ((header & BUSY) !== 0) break;
    const length = header & ~DISCARDED;
    const end = at + alignUp(HEADER_BYTES + length, HEADER_BYTES);
    if (end > produced) throw broken(length);
    try {
      if ((header & DISCARDED) === 0) {
        count++;
        onRecord(new DataView(ring.data.buffer, ring.data.byteOffset + place + HEADER_BYTES, length));
      }
    } finally {
      at = end;
      // Only now may the kernel write there again.
      Atomics.store(ring.consumed, 0, BigInt(at));
    }
  }
  return count;
}

function broken(length: number): PortreeveError {
  const message = `a record of ${length} bytes is longer than what was written to the BPF ring buffer`;
  return new PortreeveError('RING_BUFFER_BROKEN', message, 'Does another process read from it?', {
    length,
  });
}

/**
 * Reads the records in the order in which they were reserved. There is one consumer at a time: where a map was taken
 * over from another process, reading goes on where that one had come to.
 */
export class RingBuffer implements Disposable {
  /** Readable while there is something to read, for a loop of one's own. It is the map's to close. */
  readonly fd: number;
  readonly #consumer: SharedMemory;
  readonly #producer: SharedMemory;
  readonly #memory: RingMemory;

  /** Throws PortreeveError `MEMORY_NOT_MAPPED` (environment), for a map that is no ring buffer too. */
  constructor(map: BpfMap) {
    const page = pageBytes();
    const bytes = map.info.entries;
    this.fd = map.fd;
    this.#consumer = new SharedMemory(map.fd, page, 'read and write');
    this.#producer = new SharedMemory(map.fd, page + 2 * bytes, 'read', page);
    this.#memory = {
      consumed: new BigUint64Array(this.#consumer.u8.buffer, 0, 1),
      produced: new BigUint64Array(this.#producer.u8.buffer, 0, 1),
      data: new Int32Array(this.#producer.u8.buffer),
      dataAt: page,
      bytes,
    };
  }

  /** Hands over what is there, as drainRing() does. */
  drain(onRecord: (record: DataView) => void, max = Number.POSITIVE_INFINITY): number {
    return drainRing(this.#memory, onRecord, max);
  }

  /**
   * Resolves when there is something to read (true), or after so many milliseconds (false). It takes one of the four
   * threads of libuv's pool meanwhile, and lasts its time even if the buffer is closed.
   */
  async wait(timeoutMs: number): Promise<boolean> {
    const poll = new NativeBuffer(POLLFD_BYTES);
    poll.view.setInt32(0, this.fd, true);
    poll.view.setInt16(POLLFD_EVENTS, POLLIN, true);
    const ready = await pollLater(poll.address, 1, timeoutMs);
    // The structure is looked at here also so that it lives until now.
    return ready > 0 && poll.view.getInt32(0, true) === this.fd;
  }

  /** Gives the memory back; the map stays open. */
  close(): void {
    this.#consumer.close();
    this.#producer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
