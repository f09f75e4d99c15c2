// Stream connections, TCP and Unix: bytes come in, answers go out, and nobody who reads slowly holds up the others.
import type { IpAddress } from '../../base/address.ts';
import type { Bytes } from '../../base/bytes.ts';
import { ACCEPT_BATCH_CONNECTIONS, STREAM_INPUT_BYTES, STREAM_OUTPUT_BYTES } from '../../base/limits.ts';
import type { NetId } from '../../base/netid.ts';
import { decodeSockaddr, SOCKADDR_IN6_BYTES } from '../../wire/sockaddr.ts';
import type { ConnectionKeeper, Peer, StreamHandler, StreamOutput } from '../host.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  MSG_MORE,
  MSG_NOSIGNAL,
  SO_PEERCRED,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './sys/constants.ts';
import type { EpollLoop, Ready } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { addressOf, NativeBuffer } from './sys/memory.ts';

/** The memory that all streams of a loop share: each is done with it before the next is looked at. */
export class StreamMemory {
  readonly input = new NativeBuffer(STREAM_INPUT_BYTES);
  readonly output = new NativeBuffer(STREAM_OUTPUT_BYTES);
  readonly name = new NativeBuffer(32);
  readonly nameLength = new NativeBuffer(4);
  readonly credentials = new NativeBuffer(12);
}

/** What a stream needs of its surroundings. */
export interface StreamContext {
  readonly loop: EpollLoop;
  readonly memory: StreamMemory;
  readonly handler: StreamHandler;
  readonly keeper: ConnectionKeeper;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The open connections by descriptor. */
  readonly connections: Map<number, StreamConnection>;
  /** Called when a connection was closed: a listener that ran out of descriptors may go on. */
  readonly onClosed: () => void;
}

/** Bytes that wait until the peer takes them. */
interface Waiting {
  readonly bytes: Uint8Array;
  at: number;
}

/** One connection. */
export class StreamConnection implements Ready, Peer, StreamOutput {
  readonly netid: NetId;
  readonly buffer: Bytes;
  readonly #fd: number;
  readonly #context: StreamContext;
  #written = 0;
  #waiting: Waiting[] = [];
  /** The front of a request whose rest has not come yet, or requests that wait until answers were taken. */
  #pending: Uint8Array | undefined;
  #closed = false;
  #name: { address: IpAddress; port: number; scopeId: number } | undefined;

  constructor(fd: number, netid: NetId, context: StreamContext) {
    this.#fd = fd;
    this.netid = netid;
    this.#context = context;
    this.buffer = context.memory.output;
  }

  // As Peer: who is at the other end.

  #socketName(call: (fd: number, address: number, length: number) => number): Uint8Array {
    const { name, nameLength } = this.#context.memory;
    nameLength.view.setUint32(0, SOCKADDR_IN6_BYTES, true);
    return call(this.#fd, name.address, nameLength.address) < 0 ? new Uint8Array(0) : name.u8;
  }

  #peerName(): { address: IpAddress; port: number; scopeId: number } | undefined {
    if (this.netid === 'local') return undefined;
    if (!this.#name) {
      const endpoint = decodeSockaddr(this.#socketName(sys.getpeername));
      if (endpoint) this.#name = { ...endpoint, scopeId: this.#context.memory.name.view.getUint32(24, true) };
    }
    return this.#name;
  }

  get v4(): number {
    const address = this.address();
    return address?.family === 4
      ? new DataView(address.bytes.buffer, address.bytes.byteOffset).getUint32(0)
      : 0;
  }

  address(): IpAddress | undefined {
    return this.#peerName()?.address;
  }

  get port(): number {
    return this.#peerName()?.port ?? 0;
  }

  get scopeId(): number {
    return this.#peerName()?.scopeId ?? 0;
  }

  localAddress(): IpAddress | undefined {
    return this.netid === 'local' ? undefined : decodeSockaddr(this.#socketName(sys.getsockname))?.address;
  }

  /** The uid that the peer had when it connected (unix(7): SO_PEERCRED; struct ucred is pid, uid, gid). */
  uid(): number | undefined {
    if (this.netid !== 'local') return undefined;
    const { credentials, nameLength } = this.#context.memory;
    nameLength.view.setUint32(0, credentials.u8.length, true);
    const got = sys.getsockopt(this.#fd, SOL_SOCKET, SO_PEERCRED, credentials.address, nameLength.address);
    return got < 0 ? undefined : credentials.view.getUint32(4, true);
  }

  // As StreamOutput: where answers go.

  get full(): boolean {
    return this.#waiting.length > 0 || this.#closed;
  }

  room(bytes: number): number {
    if (this.#written + bytes > STREAM_OUTPUT_BYTES) this.#flush(0);
    return this.#written;
  }

  commit(bytes: number): void {
    this.#written += bytes;
  }

  attach(tail: Uint8Array): void {
    this.#flush(MSG_MORE);
    if (this.#closed) return;
    const sent = this.#waiting.length > 0 ? 0 : this.#transmit(addressOf(tail), tail.length, 0);
    if (sent < tail.length) this.#waiting.push({ bytes: tail, at: sent });
  }

  /** Sends what was committed; what the peer does not take is kept as a copy. */
  #flush(flags: number): void {
    const length = this.#written;
    this.#written = 0;
    if (length === 0 || this.#closed) return;
    const { output } = this.#context.memory;
    const sent = this.#waiting.length > 0 ? 0 : this.#transmit(output.address, length, flags);
    if (sent < length) this.#waiting.push({ bytes: output.u8.slice(sent, length), at: 0 });
  }

  /** How many bytes the kernel took; a connection that is broken takes all, and is closed. */
  #transmit(address: number, length: number, flags: number): number {
    const sent = sys.send(this.#fd, address, length, MSG_NOSIGNAL | flags);
    if (sent >= 0) return sent;
    if (errno() === ERRNO['EAGAIN']) return 0;
    this.close();
    return length;
  }

  // As Ready: the kernel has something for us.

  ready(events: number): void {
    if (events & EPOLLOUT) this.#drain();
    if (!this.#closed && !this.full && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) this.receive();
    else if (!this.#closed && events & EPOLLERR) this.close();
  }

  /** Reads once and answers what is whole. */
  receive(): void {
    const { input } = this.#context.memory;
    const kept = this.#restorePending();
    const count = sys.recv(this.#fd, input.address + kept, STREAM_INPUT_BYTES - kept, 0);
    if (count < 0) {
      const error = errno();
      this.#pending = kept > 0 ? input.u8.slice(0, kept) : undefined;
      if (error !== ERRNO['EAGAIN'] && error !== ERRNO['EINTR']) this.close();
      return;
    }
    if (count === 0) {
      this.#pending = undefined;
      this.close();
      return;
    }
    this.#context.keeper.moved(this.#fd, this.#context.now());
    this.#process(kept + count);
  }

  #restorePending(): number {
    const pending = this.#pending;
    if (!pending) return 0;
    this.#context.memory.input.u8.set(pending);
    this.#pending = undefined;
    return pending.length;
  }

  /** Answers the requests in the first `length` bytes of the input and keeps what is left of it. */
  #process(length: number): void {
    const { memory, handler } = this.#context;
    const taken = handler.receive(this, memory.input, 0, length, this);
    this.#flush(0);
    if (this.#closed) return;
    const stuck = taken === 0 && length === STREAM_INPUT_BYTES && !this.full;
    if (taken < 0 || stuck) {
      this.close();
      return;
    }
    if (taken < length) this.#pending = memory.input.u8.slice(taken, length);
    if (this.full) this.#wait(true);
  }

  /** While answers wait, nothing is read: what the peer does not take, it does not get more of. */
  #wait(waits: boolean): void {
    this.#context.loop.change(this.#fd, waits ? EPOLLOUT : EPOLLIN);
    this.#context.keeper.waiting(this.#fd, waits, this.#context.now());
  }

  #drain(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      if (!first) break;
      const left = first.bytes.length - first.at;
      const sent = this.#transmit(addressOf(first.bytes) + first.at, left, 0);
      if (this.#closed) return;
      if (sent > 0) this.#context.keeper.moved(this.#fd, this.#context.now());
      first.at += sent;
      if (sent < left) return;
      this.#waiting.shift();
    }
    this.#wait(false);
    const kept = this.#restorePending();
    if (kept > 0) this.#process(kept);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#pending = undefined;
    const { loop, keeper, connections, onClosed } = this.#context;
    loop.forget(this.#fd);
    keeper.closed(this.#fd);
    connections.delete(this.#fd);
    sys.close(this.#fd);
    onClosed();
  }
}

/** A listening socket. */
export class StreamListener implements Ready {
  readonly #fd: number;
  readonly #netid: NetId;
  readonly #context: StreamContext;
  #paused = false;

  constructor(fd: number, netid: NetId, context: StreamContext) {
    this.#fd = fd;
    this.#netid = netid;
    this.#context = context;
  }

  ready(): void {
    for (let i = 0; i < ACCEPT_BATCH_CONNECTIONS; i++) {
      const fd = sys.accept4(this.#fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        this.#failed(errno());
        return;
      }
      this.#accepted(fd);
    }
  }

  #accepted(fd: number): void {
    const { connections, keeper, loop } = this.#context;
    const connection = new StreamConnection(fd, this.#netid, this.#context);
    connections.set(fd, connection);
    loop.add(fd, EPOLLIN, connection);
    const victim = keeper.opened(fd, this.#context.now());
    if (victim !== undefined) connections.get(victim)?.close();
    // What it wants is often there already: that saves a round of the loop.
    connection.receive();
  }

  /** Without descriptors the socket would stay readable for ever: it is left alone until one is free. */
  #failed(error: number): void {
    const exhausted = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'].some((name) => ERRNO[name] === error);
    if (!exhausted) return;
    this.#paused = true;
    this.#context.loop.change(this.#fd, 0);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#context.loop.change(this.#fd, EPOLLIN);
  }
}
