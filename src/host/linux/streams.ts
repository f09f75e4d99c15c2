// Stream connections, TCP and Unix: bytes come in, answers go out, and nobody who reads slowly holds up the others.
import { type IpAddress, isLoopback } from '../../base/address.ts';
import type { Bytes } from '../../base/bytes.ts';
import {
  ACCEPT_BATCH_CONNECTIONS,
  STREAM_INPUT_BYTES,
  STREAM_OUTPUT_BYTES,
  WAITING_ANSWERS_MAX_BYTES,
} from '../../base/limits.ts';
import type { NetId } from '../../base/netid.ts';
import type { Peer, Sender } from '../../base/peer.ts';
import { decodeSockaddr, SOCKADDR_IN6_BYTES } from '../../wire/sockaddr.ts';
import type { ConnectionKeeper, StreamHandler, StreamOutput } from '../host.ts';
import { UCRED_BYTES, UCRED_UID_AT } from './peer-credentials.ts';
import type { DiagTable } from './socket-table.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  MSG_MORE,
  MSG_NOSIGNAL,
  SO_NETNS_COOKIE,
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
  readonly option = new NativeBuffer(UCRED_BYTES);
}

/** SO_NETNS_COOKIE (Linux 5.14) is a number of 64 bits. */
const NETNS_COOKIE_BYTES = 8;

function readSocketOption(
  fd: number,
  name: number,
  bytes: number,
  memory: StreamMemory,
): DataView | undefined {
  const { option, nameLength } = memory;
  nameLength.view.setUint32(0, bytes, true);
  const got = sys.getsockopt(fd, SOL_SOCKET, name, option.address, nameLength.address);
  return got < 0 ? undefined : option.view;
}

/** The number of the network namespace that a socket is in; undefined where the kernel does not tell. */
export function networkNamespace(fd: number, memory: StreamMemory): bigint | undefined {
  return readSocketOption(fd, SO_NETNS_COOKIE, NETNS_COOKIE_BYTES, memory)?.getBigUint64(0, true);
}

/** What is shorter is copied: that costs less than a system call of its own. */
const SMALL_TAIL_BYTES = 8 * 1024;

/** What a stream needs of its surroundings. */
export interface StreamContext {
  readonly loop: EpollLoop;
  readonly memory: StreamMemory;
  readonly handler: StreamHandler;
  readonly keeper: ConnectionKeeper;
  /** Whose sockets are on this host. */
  readonly table: Pick<DiagTable, 'streamPeer'>;
  /** The network namespace that we are in; undefined where the kernel does not tell. */
  readonly namespace: bigint | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The open connections by descriptor. */
  readonly connections: Map<number, StreamConnection>;
  readonly waiting: WaitingAnswers;
  /** Called when a connection was closed: a listener that ran out of descriptors may go on. */
  readonly onClosed: () => void;
}

/** The answers that wait, over all connections; a dump that many wait for is there once. */
export class WaitingAnswers {
  readonly #references = new Map<Uint8Array, number>();
  bytes = 0;

  hold(answer: Uint8Array): void {
    const references = this.#references.get(answer) ?? 0;
    if (references === 0) this.bytes += answer.length;
    this.#references.set(answer, references + 1);
  }

  release(answer: Uint8Array): void {
    const references = (this.#references.get(answer) ?? 1) - 1;
    if (references > 0) {
      this.#references.set(answer, references);
    } else {
      this.#references.delete(answer);
      this.bytes -= answer.length;
    }
  }
}

/** Bytes that wait until the peer takes them. */
interface Waiting {
  readonly bytes: Uint8Array;
  at: number;
}

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

  /** Who connected (unix(7): SO_PEERCRED), or who has the other end now. */
  sender(): Sender {
    const uid = this.netid === 'local' ? this.#credentials() : this.#farEnd();
    return uid === undefined ? { refused: 'UNKNOWN' } : { uid };
  }

  #credentials(): number | undefined {
    return this.#readOption(SO_PEERCRED, UCRED_BYTES)?.getUint32(UCRED_UID_AT, true);
  }

  #farEnd(): number | undefined {
    const peer = this.#peerName();
    const ours = decodeSockaddr(this.#socketName(sys.getsockname));
    if (!peer || !ours || !isLoopback(peer.address)) return undefined;
    const uid = this.#context.table.streamPeer(peer, ours);
    // After a reset another user's connection can have the same ends; before one no other can.
    return this.#socketName(sys.getpeername).length > 0 ? uid : undefined;
  }

  /** A connection by a Unix socket belongs to the network namespace of the one who connected (net/unix/af_unix.c). */
  isElsewhere(): boolean {
    if (this.netid !== 'local') return false;
    const cookie = this.#readOption(SO_NETNS_COOKIE, NETNS_COOKIE_BYTES)?.getBigUint64(0, true);
    return cookie !== undefined && cookie !== this.#context.namespace;
  }

  #readOption(name: number, bytes: number): DataView | undefined {
    return readSocketOption(this.#fd, name, bytes, this.#context.memory);
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
    if (tail.length <= SMALL_TAIL_BYTES) {
      this.buffer.u8.set(tail, this.room(tail.length));
      this.commit(tail.length);
      return;
    }
    this.#flush(MSG_MORE);
    if (this.#closed) return;
    const sent = this.#waiting.length > 0 ? 0 : this.#transmit(addressOf(tail), tail.length, 0);
    if (sent < tail.length) this.#hold(tail, sent);
  }

  #hold(bytes: Uint8Array, at: number): void {
    this.#waiting.push({ bytes, at });
    this.#context.waiting.hold(bytes);
  }

  /** Sends what was committed; what the peer does not take is kept as a copy. */
  #flush(flags: number): void {
    const length = this.#written;
    this.#written = 0;
    if (length === 0 || this.#closed) return;
    const { output } = this.#context.memory;
    const sent = this.#waiting.length > 0 ? 0 : this.#transmit(output.address, length, flags);
    if (sent < length) this.#hold(output.u8.slice(sent, length), 0);
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
    // Whoever has hung up takes no answer any more; the kernel would tell that again and again.
    else if (!this.#closed && events & (EPOLLHUP | EPOLLERR)) this.close();
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
    if (taken > 0) this.#context.keeper.moved(this.#fd, this.#context.now());
    if (taken < length) this.#pending = memory.input.u8.slice(taken, length);
    if (this.full) this.#wait(true);
  }

  /** While answers wait, nothing is read: what the peer does not take, it does not get more of. */
  #wait(waits: boolean): void {
    const { loop, keeper, waiting, connections, now } = this.#context;
    loop.change(this.#fd, waits ? EPOLLOUT : EPOLLIN);
    keeper.waiting(this.#fd, waits, now());
    while (waits && waiting.bytes > WAITING_ANSWERS_MAX_BYTES) {
      const longest = connections.get(keeper.mostStalled() ?? this.#fd) ?? this;
      longest.close();
    }
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
      this.#context.waiting.release(first.bytes);
    }
    this.#wait(false);
    const kept = this.#restorePending();
    if (kept > 0) this.#process(kept);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { bytes } of this.#waiting) this.#context.waiting.release(bytes);
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
