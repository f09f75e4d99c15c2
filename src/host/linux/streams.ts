// Stream connections over TCP and Unix sockets. A client that reads slowly does not block the others.
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

/** The buffers shared by all streams of a loop. Each stream is finished with them before the next is served. */
export class StreamMemory {
  readonly input = new NativeBuffer(STREAM_INPUT_BYTES);
  readonly output = new NativeBuffer(STREAM_OUTPUT_BYTES);
  readonly name = new NativeBuffer(32);
  readonly nameLength = new NativeBuffer(4);
  readonly option = new NativeBuffer(UCRED_BYTES);
}

/** SO_NETNS_COOKIE (Linux 5.14) is a 64-bit number. */
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

/** The cookie of the network namespace of a socket. Undefined if the kernel does not report it. */
export function networkNamespace(fd: number, memory: StreamMemory): bigint | undefined {
  return readSocketOption(fd, SO_NETNS_COOKIE, NETNS_COOKIE_BYTES, memory)?.getBigUint64(0, true);
}

/** A shorter tail is copied, which costs less than a separate system call. */
const SMALL_TAIL_BYTES = 8 * 1024;

/** The dependencies of a stream. */
export interface StreamContext {
  readonly loop: EpollLoop;
  readonly memory: StreamMemory;
  readonly handler: StreamHandler;
  readonly keeper: ConnectionKeeper;
  /** The owners of sockets on this host. */
  readonly table: Pick<DiagTable, 'streamPeer'>;
  /** The cookie of our network namespace. Undefined if the kernel does not report it. */
  readonly namespace: bigint | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Keyed by descriptor. */
  readonly connections: Map<number, StreamConnection>;
  readonly waiting: WaitingAnswers;
  /** Called when a connection was closed: a listener that ran out of descriptors can continue. */
  readonly onClosed: () => void;
}

/** The unsent replies of all connections. A dump that several connections wait for counts once. */
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

/** Unsent bytes of a connection. */
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
  /** The beginning of an incomplete request, or requests that wait until replies have been sent. */
  #pending: Uint8Array | undefined;
  #closed = false;
  #name: { address: IpAddress; port: number; scopeId: number } | undefined;

  constructor(fd: number, netid: NetId, context: StreamContext) {
    this.#fd = fd;
    this.netid = netid;
    this.#context = context;
    this.buffer = context.memory.output;
  }

  // Peer: the other end of the connection.

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

  /** The credentials at connect(2) (unix(7): SO_PEERCRED), or the current owner of the other end. */
  sender(): Sender {
    const uid = this.netid === 'local' ? this.#credentials() : this.#farEnd();
    return uid === undefined ? { refused: 'UNKNOWN' } : { uid };
  }

  #credentials(): number | undefined {
    return this.#readOption(SO_PEERCRED, UCRED_BYTES)?.getUint32(UCRED_UID_AT, true);
  }

  #farEnd(): number | undefined {
    const peer = this.#peerName();
    const local = decodeSockaddr(this.#socketName(sys.getsockname));
    if (!peer || !local || !isLoopback(peer.address)) return undefined;
    const uid = this.#context.table.streamPeer(peer, local);
    // After a reset, another user's connection can have the same two ends. Before a reset it cannot.
    return this.#socketName(sys.getpeername).length > 0 ? uid : undefined;
  }

  /** A Unix socket connection belongs to the network namespace of the connecting process (net/unix/af_unix.c). */
  isElsewhere(): boolean {
    if (this.netid !== 'local') return false;
    const cookie = this.#readOption(SO_NETNS_COOKIE, NETNS_COOKIE_BYTES)?.getBigUint64(0, true);
    return cookie !== undefined && cookie !== this.#context.namespace;
  }

  #readOption(name: number, bytes: number): DataView | undefined {
    return readSocketOption(this.#fd, name, bytes, this.#context.memory);
  }

  // StreamOutput: the output buffer.

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

  /** Sends the committed bytes. What the kernel does not accept is copied and kept. */
  #flush(flags: number): void {
    const length = this.#written;
    this.#written = 0;
    if (length === 0 || this.#closed) return;
    const { output } = this.#context.memory;
    const sent = this.#waiting.length > 0 ? 0 : this.#transmit(output.address, length, flags);
    if (sent < length) this.#hold(output.u8.slice(sent, length), 0);
  }

  /** Returns the number of bytes that the kernel accepted. A broken connection is closed, and accepts all. */
  #transmit(address: number, length: number, flags: number): number {
    const sent = sys.send(this.#fd, address, length, MSG_NOSIGNAL | flags);
    if (sent >= 0) return sent;
    if (errno() === ERRNO['EAGAIN']) return 0;
    this.close();
    return length;
  }

  // Ready: the event loop.

  ready(events: number): void {
    if (events & EPOLLOUT) this.#drain();
    if (!this.#closed && !this.full && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) this.receive();
    // After a hangup the peer reads no more, and epoll would report the hangup in every iteration.
    else if (!this.#closed && events & (EPOLLHUP | EPOLLERR)) this.close();
  }

  /** Reads once and answers the complete requests. */
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

  /** Answers the requests in the first `length` bytes of the input, and keeps the rest. */
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

  /** While replies are unsent, nothing is read: a peer that does not read its replies gets no more of them. */
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
    // The request has often arrived already, which saves an iteration of the loop.
    connection.receive();
  }

  /** Without free descriptors the socket would stay readable: ignore it until one is free. */
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
