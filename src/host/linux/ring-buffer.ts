// The consumer of a BPF ring buffer (BPF_MAP_TYPE_RINGBUF), to which programs in the kernel write records.
import { PortreeveError } from '../../base/errors.ts';
import { alignUp } from '../../base/layout.ts';
import { exactNumber } from '../../base/numbers.ts';
import type { BpfMap } from './sys/bpf-map.ts';
import { pollLater } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';
import { pageBytes, SharedMemory } from './sys/mmap.ts';

/** <linux/bpf.h>: BPF_RINGBUF_BUSY_BIT (not complete yet), BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ. */
const BUSY = 1 << 31;
const DISCARDED = 1 << 30;
const HEADER_BYTES = 8;

/** <poll.h>: POLLIN; struct pollfd. */
const POLLIN = 1;
const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;

/** The memory shared by the kernel and the consumer. */
export interface RingMemory {
  /** The consumer's position in bytes. Only the consumer writes it. */
  readonly consumed: BigUint64Array;
  /** The programs' position. */
  readonly produced: BigUint64Array;
  /** The records, from `dataAt` on, mapped twice in a row so that none is split at the end. */
  readonly data: Int32Array;
  readonly dataAt: number;
  readonly bytes: number;
}

/**
 * Passes available records to `onRecord`, at most `max`, and returns their number. The bytes belong to the kernel: they
 * are valid until `onRecord` returns, and must not be modified. Throws PortreeveError `RING_BUFFER_BROKEN`
 * (environment) if a record extends beyond the end of the written data.
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
      // The kernel may now reuse the space.
      Atomics.store(ring.consumed, 0, BigInt(at));
    }
  }
  return count;
}

function broken(length: number): PortreeveError {
  const message = `a record of ${length} bytes extends beyond the data written to the BPF ring buffer`;
  return new PortreeveError('RING_BUFFER_BROKEN', message, 'Does another process read from it?', {
    length,
  });
}

/**
 * Reads records in the order in which they were reserved. There must be one consumer at a time. A map taken over from
 * another process is read from where that process stopped.
 */
export class RingBuffer implements Disposable {
  /** Readable while there are records, for use in an event loop. The map owns it. */
  readonly fd: number;
  readonly #consumer: SharedMemory;
  readonly #producer: SharedMemory;
  readonly #memory: RingMemory;

  /** Throws PortreeveError `MEMORY_NOT_MAPPED` (environment), also for a map that is not a ring buffer. */
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

  /** Like drainRing(). */
  drain(onRecord: (record: DataView) => void, max = Number.POSITIVE_INFINITY): number {
    return drainRing(this.#memory, onRecord, max);
  }

  /**
   * Resolves to true when there are records, or to false at the timeout. It occupies one of the four threads of libuv,
   * and runs until the timeout even if the buffer is closed.
   */
  async wait(timeoutMs: number): Promise<boolean> {
    const poll = new NativeBuffer(POLLFD_BYTES);
    poll.view.setInt32(0, this.fd, true);
    poll.view.setInt16(POLLFD_EVENTS, POLLIN, true);
    const ready = await pollLater(poll.address, 1, timeoutMs);
    // Reading the structure here also keeps it alive until now.
    return ready > 0 && poll.view.getInt32(0, true) === this.fd;
  }

  /** Unmaps the memory. The map stays open. */
  close(): void {
    this.#consumer.close();
    this.#producer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
