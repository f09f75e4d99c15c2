// Determines whether the network namespace has IPv6 UDP sockets other than portreeve's, from their count, which is
// cheaper to read than a list.
import { closeSync, openSync } from 'node:fs';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** proc_net(5): one line per protocol, "UDP6: inuse 3". UDP is within the first few hundred bytes. */
const SOCKSTAT6 = '/proc/net/sockstat6';
const READ_BYTES = 256;
const LINE_START = 'UDP6: inuse ';

/** The kernel's count of bound sockets (net/ipv4/udp.c: udp_lib_get_port), read again each time. */
export class Ipv6DatagramCount {
  readonly #fd: number;
  readonly #own: string;
  readonly #buffer = new NativeBuffer(READ_BYTES);
  readonly #text: Buffer;

  /**
   * `own` is the number of our sockets. The constructor opens the file, so that a process confined later can read it.
   */
  constructor(own: number, path = SOCKSTAT6) {
    this.#own = `${own}`;
    this.#fd = openOrNone(path);
    this.#text = Buffer.from(this.#buffer.u8.buffer);
  }

  /** Also true if the count is unknown. */
  hasOthers(): boolean {
    if (this.#fd < 0) return true;
    const length = sys.pread(this.#fd, this.#buffer.address, READ_BYTES, 0);
    const at = this.#text.indexOf(LINE_START, 0, 'latin1') + LINE_START.length;
    if (at < LINE_START.length || at >= length) return true;
    const end = this.#text.indexOf('\n', at, 'latin1');
    return end < 0 || end >= length || this.#text.toString('latin1', at, end) !== this.#own;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }
}

/** A kernel without IPv6 does not have the file. */
function openOrNone(path: string): number {
  try {
    return openSync(path, 'r');
  } catch {
    return -1;
  }
}
