// Determines from which UDP ports a datagram identifies root: those that no other user can have bound. Reads the data
// again for each datagram, through open descriptors.
import { openSync } from 'node:fs';
import type { SenderRefusal } from '../../base/peer.ts';
import { parseDecimal } from '../../base/port.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** ip_unprivileged_port_start in ip-sysctl. The file shows the network namespace of the process that opened it. */
const START = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const START_MAX = 65_536;
const READ_BYTES = 16;

/** One byte per UDP port: 0 if the guard has not granted it to another user since boot. */
const NOT_GRANTED = 0;

/** Opens the setting. The caller must close it. Undefined if it cannot be opened. */
export function openPrivilegedStart(path = START): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** Without a readable file, no port identifies root. */
export class RootPorts {
  readonly #startFd: number | undefined;
  readonly #grantedFd: number | undefined;
  readonly #buffer = new NativeBuffer(READ_BYTES);
  readonly #text: Buffer;

  /** `startFd` is the setting, `grantedFd` the record of granted ports (granted-ports.ts). */
  constructor(startFd: number | undefined, grantedFd: number | undefined) {
    this.#startFd = startFd;
    this.#grantedFd = grantedFd;
    this.#text = Buffer.from(this.#buffer.u8.buffer);
  }

  /** Why a datagram from this port does not identify root. Undefined if it does. */
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
