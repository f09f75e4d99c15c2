// The child's end of the channel to its parent: lines of text over an inherited socket.
import { CHANNEL_LINE_MAX_BYTES, CHANNEL_QUEUE_MAX_LINES } from '../../base/limits.ts';
import { EPOLLIN, EPOLLOUT, MSG_DONTWAIT, MSG_NOSIGNAL } from './sys/constants.ts';
import type { EpollLoop, Ready } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** The descriptor of the channel in a child. */
export const CHANNEL_FD = 3;

const RECEIVE_BYTES = 64 * 1024;

/** When the parent has closed its end, `onClosed` is called, and no other callback after that. */
export class Channel implements Ready {
  readonly #loop: EpollLoop;
  readonly #onLine: (line: string) => void;
  readonly #onClosed: () => void;
  readonly #buffer = new NativeBuffer(RECEIVE_BYTES);
  readonly #decoder = new TextDecoder();
  #received = '';
  #unsent: Uint8Array[] = [];
  /** Whether the loop waits until the socket is writable. */
  #isWaiting = false;

  constructor(loop: EpollLoop, onLine: (line: string) => void, onClosed: () => void) {
    this.#loop = loop;
    this.#onLine = onLine;
    this.#onClosed = onClosed;
    loop.add(CHANNEL_FD, EPOLLIN, this);
  }

  ready(events: number): void {
    if (events & EPOLLOUT) this.#sendMore();
    const count = sys.recv(CHANNEL_FD, this.#buffer.address, RECEIVE_BYTES, MSG_DONTWAIT);
    if (count < 0 && (errno() === ERRNO['EAGAIN'] || errno() === ERRNO['EINTR'])) return;
    if (count <= 0) {
      this.#onClosed();
      return;
    }
    this.#received += this.#decoder.decode(this.#buffer.u8.subarray(0, count), { stream: true });
    const lines = this.#received.split('\n');
    this.#received = lines.pop() ?? '';
    if (this.#received.length > CHANNEL_LINE_MAX_BYTES) {
      this.#onClosed();
      return;
    }
    for (const line of lines) this.#onLine(line);
  }

  /**
   * Sends a line. It never blocks, so that the network is served while the parent is busy. If the queue is full, the
   * line is dropped.
   */
  send(line: string): void {
    if (this.#unsent.length >= CHANNEL_QUEUE_MAX_LINES) return;
    this.#unsent.push(new TextEncoder().encode(`${line}\n`));
    if (this.#unsent.length === 1) this.#sendMore();
  }

  #sendMore(): void {
    for (;;) {
      const first = this.#unsent[0];
      if (!first) break;
      const length = Math.min(first.length, RECEIVE_BYTES);
      this.#buffer.u8.set(first.subarray(0, length));
      const sent = sys.send(CHANNEL_FD, this.#buffer.address, length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) break;
      if (sent === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(sent);
    }
    const waits = this.#unsent.length > 0;
    if (waits === this.#isWaiting) return;
    this.#isWaiting = waits;
    this.#loop.change(CHANNEL_FD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}
