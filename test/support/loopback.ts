// Helpers for sockets in the process of a test: an event loop that runs until it is idle, and nonblocking clients.
import assert from 'node:assert/strict';
import koffi from 'koffi';
import { type IpAddress, parseIp } from '../../src/base/address.ts';
import type { Port } from '../../src/base/port.ts';
import type { EndpointSpec, OpenEndpoint } from '../../src/host/host.ts';
import { openEndpoint } from '../../src/host/linux/sockets.ts';
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '../../src/host/linux/sys/constants.ts';
import { type EpollLoop, must } from '../../src/host/linux/sys/epoll.ts';
import { ERRNO, errno, sys } from '../../src/host/linux/sys/libc.ts';
import { addressOf, NativeBuffer } from '../../src/host/linux/sys/memory.ts';
import {
  decodeSockaddr,
  encodeLocalSockaddr,
  encodeSockaddr,
  SOCKADDR_IN6_BYTES,
} from '../../src/wire/sockaddr.ts';
import type { IpEndpoint } from '../../src/wire/uaddr.ts';

const WAIT_MS = 10_000;
const RECEIVE_BYTES = 64 * 1024;

export const ip = (text: string): IpAddress => parseIp(text) ?? assert.fail(text);

/** An endpoint whose port the kernel assigns. */
export const anyPort = (netid: 'tcp' | 'tcp6' | 'udp' | 'udp6', address: string): EndpointSpec => ({
  netid,
  address: ip(address),
  port: 0 as Port,
});

/** Opens a server socket. */
export function opened(spec: EndpointSpec): OpenEndpoint {
  const endpoint = openEndpoint(spec);
  assert.ok('fd' in endpoint, JSON.stringify(endpoint));
  return endpoint;
}

/** The address and port of a bound socket. */
export function boundTo(fd: number): IpEndpoint {
  const [name, length] = [new NativeBuffer(SOCKADDR_IN6_BYTES), new NativeBuffer(4)];
  length.view.setUint32(0, SOCKADDR_IN6_BYTES, true);
  must(sys.getsockname(fd, name.address, length.address), 'getsockname');
  return decodeSockaddr(name.u8) ?? assert.fail('not an IP socket');
}

/** A replacement for a C library function that fails with an errno. */
export function failing(errno: string): () => number {
  return () => {
    koffi.errno(ERRNO[errno] ?? assert.fail(errno));
    return -1;
  };
}

/** Runs a loop until it is idle. */
export function runUntilIdle(loop: EpollLoop): void {
  loop.whenIdle({ isWanted: true, run: () => loop.stop() });
  loop.run();
}

/** Runs a loop until `happened` returns a result. */
export function runUntil<Result>(
  loop: EpollLoop,
  what: string,
  happened: () => Result | undefined | false,
): Result {
  const end = performance.now() + WAIT_MS;
  for (;;) {
    runUntilIdle(loop);
    const result = happened();
    if (result !== undefined && result !== false) return result;
    assert.ok(performance.now() < end, `${what} did not happen`);
  }
}

class Client {
  readonly fd: number;
  readonly #buffer = new NativeBuffer(RECEIVE_BYTES);

  constructor(domain: number, type: number) {
    this.fd = must(sys.socket(domain, type | SOCK_CLOEXEC, 0), 'socket');
  }

  protected connect(name: Uint8Array): void {
    must(sys.connect(this.fd, addressOf(name), name.length), 'connect');
  }

  /** Sends as many bytes as the kernel accepts without blocking; returns their number. */
  send(bytes: Uint8Array): number {
    const sent = sys.send(this.fd, addressOf(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    assert.equal(errno(), ERRNO['EAGAIN']);
    return 0;
  }

  /** Available bytes; undefined if there are none, empty at the end of a stream or for an empty datagram. */
  receive(): Uint8Array | undefined {
    const count = sys.recv(this.fd, this.#buffer.address, RECEIVE_BYTES, MSG_DONTWAIT);
    if (count >= 0) return this.#buffer.u8.slice(0, count);
    return errno() === ERRNO['EAGAIN'] ? undefined : new Uint8Array(0);
  }

  close(): void {
    sys.close(this.fd);
  }
}

export class StreamClient extends Client {
  readonly #received: Uint8Array[] = [];
  #length = 0;
  isAtEnd = false;

  constructor(to: IpEndpoint | { readonly path: string }) {
    const name = 'path' in to ? encodeLocalSockaddr(`${to.path}\0`) : encodeSockaddr(to);
    super(new DataView(name.buffer).getUint16(0, true), SOCK_STREAM);
    this.connect(name);
  }

  /** Reads available bytes; returns the number of bytes received so far. */
  drain(): number {
    for (let bytes = this.receive(); bytes !== undefined && !this.isAtEnd; bytes = this.receive()) {
      this.isAtEnd = bytes.length === 0;
      this.#length += bytes.length;
      this.#received.push(bytes);
    }
    return this.#length;
  }

  /** Reads available bytes; returns all bytes received so far. */
  take(): Buffer {
    this.drain();
    return Buffer.concat(this.#received);
  }
}

/** A client whose datagram socket is connected to one endpoint. */
export class DatagramClient extends Client {
  constructor(to: IpEndpoint) {
    const name = encodeSockaddr(to);
    super(new DataView(name.buffer).getUint16(0, true), SOCK_DGRAM);
    this.connect(name);
  }

  /** All available datagrams. */
  take(): Buffer[] {
    const datagrams: Buffer[] = [];
    for (let bytes = this.receive(); bytes !== undefined; bytes = this.receive())
      datagrams.push(Buffer.from(bytes));
    return datagrams;
  }
}
