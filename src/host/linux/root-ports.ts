// From which ports a datagram can be root's: those that nobody else can have bound. Read anew for each, through open
// files.
import { openSync } from 'node:fs';
import type { SenderRefusal } from '../../base/peer.ts';
import { parseDecimal } from '../../base/port.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** ip_unprivileged_port_start in ip-sysctl: the file is that of the network namespace of whoever opens it. */
const START = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const START_MAX = 65_536;
const READ_BYTES = 16;

/** A byte for each UDP port: 0 where the guard has given it to nobody in this boot. */
const NOT_GRANTED = 0;

/** The descriptor of the setting, the caller's to close; undefined where it cannot be opened. */
export function openPrivilegedStart(path = START): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** The ports from which root is believed over UDP. A file that is not there, or cannot be read, leaves none. */
export class RootPorts {
  readonly #startFd: number | undefined;
  readonly #grantedFd: number | undefined;
  readonly #buffer = new NativeBuffer(READ_BYTES);
  readonly #text: Buffer;

  /** The setting, and the record of what the guard has granted (granted-ports.ts). */
  constructor(startFd: number | undefined, grantedFd: number | undefined) {
    this.#startFd = startFd;
    this.#grantedFd = grantedFd;
    this.#text = Buffer.from(this.#buffer.u8.buffer);
  }

  /** Why a datagram from there is not taken for root's; undefined if it is. */
  refusal(port: number): SenderRefusal | undefined {
    const start = this.#start();
    if (start === 0) return 'ROOT_PORT_NONE';
    if (port >= start) return 'ROOT_PORT_UNPRIVILEGED';
    return this.#isGranted(port) ? 'ROOT_PORT_GRANTED' : undefined;
  }

  #read(fd: number | undefined, bytes: number, at: number): number {
    return fd === undefined ? 0 : sys.pread(fd, this.#buffer.address, bytes, at);
  }

  #start(): number {
    const length = this.#read(this.#startFd, READ_BYTES, 0);
    if (length <= 0) return 0;
    return parseDecimal(this.#text.toString('latin1', 0, length).trimEnd(), START_MAX) ?? 0;
  }

  #isGranted(port: number): boolean {
    return this.#read(this.#grantedFd, 1, port) !== 1 || this.#buffer.u8[0] !== NOT_GRANTED;
  }
}
