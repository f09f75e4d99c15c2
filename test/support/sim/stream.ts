// The output of a simulated connection: it records replies, up to a capacity.
import { type Bytes, bytesOf } from '../../../src/base/bytes.ts';
import { PortreeveError } from '../../../src/base/errors.ts';
import type { StreamOutput } from '../../../src/host/host.ts';

export class SimStreamOutput implements StreamOutput {
  readonly buffer: Bytes = bytesOf(new Uint8Array(64 * 1024));
  /** The number of replies until the output is full. */
  capacity: number;
  #sent: Uint8Array[] = [];
  #room = 0;

  constructor(capacity = Number.POSITIVE_INFINITY) {
    this.capacity = capacity;
  }

  get full(): boolean {
    return this.capacity <= 0;
  }

  room(bytes: number): number {
    if (bytes > this.buffer.u8.length) throw new PortreeveError('BUG', `no room for ${bytes} bytes`);
    this.#room = bytes;
    return 0;
  }

  commit(bytes: number): void {
    if (bytes > this.#room)
      throw new PortreeveError('BUG', `${bytes} bytes exceed the room of ${this.#room}`);
    this.#sent.push(this.buffer.u8.slice(0, bytes));
    this.capacity--;
  }

  attach(tail: Uint8Array): void {
    this.#sent.push(tail.slice());
  }

  /** The output since the last call. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#sent.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#sent) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#sent = [];
    return bytes;
  }
}
