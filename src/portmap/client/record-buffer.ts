// Reassembles the records of a stream (RFC 5531 section 11).
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { gatherRecord, newRecordSpan, scanRecord } from '../wire/record.ts';
import { XdrError } from '../wire/xdr.ts';

const INITIAL_BYTES = 4096;

interface RecordLimits {
  /** The largest message, in bytes. */
  readonly maxMessage: number;
  /** The maximum size of its fragment headers: it bounds how often a growing record is scanned. */
  readonly maxMarks: number;
}

/** The bytes of a stream that have not been returned as messages yet. */
export class RecordBuffer {
  readonly #limits: RecordLimits;
  readonly #span = newRecordSpan();
  #bytes: Bytes = bytesOf(new Uint8Array(INITIAL_BYTES));
  #start = 0;
  #end = 0;

  constructor(limits: RecordLimits) {
    this.#limits = limits;
  }

  append(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#bytes.u8.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Removes and returns the next complete message. Throws XdrError if the stream is corrupt from here on. */
  next(): Uint8Array | undefined {
    const { maxMessage, maxMarks } = this.#limits;
    const span = scanRecord(this.#bytes, this.#start, this.#end, maxMessage, this.#span);
    if (span.state === 'more') {
      if (this.#end - this.#start <= maxMessage + maxMarks) return undefined;
      throw new XdrError('XDR_TOO_LONG', `a record of more than ${maxMarks / 4} fragments`);
    }
    const message = this.#message();
    this.#start += span.consumed;
    return message;
  }

  /** A copy: the buffer is overwritten before the message is decoded. */
  #message(): Uint8Array {
    const { start, end, fragments, consumed } = this.#span;
    if (fragments === 1) return this.#bytes.u8.slice(start, end);
    const target = new Uint8Array(consumed);
    return target.subarray(0, gatherRecord(this.#bytes, this.#start, target));
  }

  #makeRoom(length: number): void {
    const used = this.#end - this.#start;
    if (this.#bytes.u8.length - this.#end >= length) return;
    const old = this.#bytes.u8;
    const size = Math.max(INITIAL_BYTES, old.length, 2 * used, used + length);
    const target = size === old.length ? old : new Uint8Array(size);
    target.set(old.subarray(this.#start, this.#end));
    if (target !== old) this.#bytes = bytesOf(target);
    this.#start = 0;
    this.#end = used;
  }
}
