// A UDP socket that is served in batches: one recvmmsg(2) takes many requests, one sendmmsg(2) answers them.
import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import { REQUEST_MAX_BYTES, UDP_BATCH_DATAGRAMS, UDP_REPLY_MAX_BYTES } from '../../base/limits.ts';
import type { NetId } from '../../base/netid.ts';
import type { Peer, RequestHandler } from '../host.ts';
import type { DiagTable } from './socket-table.ts';
import { IPPROTO_IP, MSG_DONTWAIT, MSG_TRUNC } from './sys/constants.ts';
import type { Ready } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** sizeof(struct mmsghdr): a msghdr of 56 bytes, and the length of what came. */
const MMSGHDR_BYTES = 64;
const MSG_NAMELEN_AT = 8;
const MSG_IOV_AT = 16;
const MSG_IOVLEN_AT = 24;
const MSG_CONTROL_AT = 32;
const MSG_CONTROLLEN_AT = 40;
const MSG_FLAGS_AT = 48;
const MSG_LEN_AT = 56;
const IOVEC_BYTES = 16;

/** A slot for a sockaddr_in6 (28 bytes), and one for the control message with a pktinfo (at most 40 bytes). */
const NAME_BYTES = 32;
const CONTROL_BYTES = 64;
/** sizeof(struct cmsghdr): length, level, type; the data follows. */
const CMSG_LEVEL_AT = 8;
const CMSG_DATA_AT = 16;

/** One more than the largest port. */
const PORTS = 65536;

/** How many batches are taken from one socket before the others are looked at. */
const BATCHES_PER_TURN = 4;

/** The memory of a batch. All sockets of a loop share it, since each batch is done before the next begins. */
export class DatagramBatch {
  readonly names = new NativeBuffer(UDP_BATCH_DATAGRAMS * NAME_BYTES);
  readonly controls = new NativeBuffer(UDP_BATCH_DATAGRAMS * CONTROL_BYTES);
  readonly requests = new NativeBuffer(UDP_BATCH_DATAGRAMS * REQUEST_MAX_BYTES);
  readonly replies = new NativeBuffer(UDP_BATCH_DATAGRAMS * UDP_REPLY_MAX_BYTES);
  readonly received = new NativeBuffer(UDP_BATCH_DATAGRAMS * MMSGHDR_BYTES);
  readonly sent = new NativeBuffer(UDP_BATCH_DATAGRAMS * MMSGHDR_BYTES);
  readonly #receivedVectors = new NativeBuffer(UDP_BATCH_DATAGRAMS * IOVEC_BYTES);
  readonly #sentVectors = new NativeBuffer(UDP_BATCH_DATAGRAMS * IOVEC_BYTES);
  /** The slots that the last batch filled, and what each had room for as control message. */
  #used = UDP_BATCH_DATAGRAMS;
  #controlLength = 0;

  constructor() {
    for (let i = 0; i < UDP_BATCH_DATAGRAMS; i++) {
      const at = i * MMSGHDR_BYTES;
      this.received.setPointer(at, this.names.address + i * NAME_BYTES);
      this.received.setPointer(at + MSG_IOV_AT, this.#receivedVectors.address + i * IOVEC_BYTES);
      this.received.setSize(at + MSG_IOVLEN_AT, 1);
      this.received.setPointer(at + MSG_CONTROL_AT, this.controls.address + i * CONTROL_BYTES);
      this.#receivedVectors.setPointer(i * IOVEC_BYTES, this.requests.address + i * REQUEST_MAX_BYTES);
      this.#receivedVectors.setSize(i * IOVEC_BYTES + 8, REQUEST_MAX_BYTES);
      this.sent.setPointer(at + MSG_IOV_AT, this.#sentVectors.address + i * IOVEC_BYTES);
      this.sent.setSize(at + MSG_IOVLEN_AT, 1);
    }
  }

  /**
   * Receives what there is, without waiting; gives how many datagrams, or less than 1. The kernel writes lengths into
   * the slots that it fills: those of the batch before are made ready again.
   */
  receive(fd: number, withControl: boolean): number {
    const { view } = this.received;
    const controlLength = withControl ? CONTROL_BYTES : 0;
    const used = controlLength === this.#controlLength ? this.#used : UDP_BATCH_DATAGRAMS;
    for (let i = 0; i < used; i++) {
      const at = i * MMSGHDR_BYTES;
      view.setUint32(at + MSG_NAMELEN_AT, NAME_BYTES, true);
      view.setUint32(at + MSG_CONTROLLEN_AT, controlLength, true);
    }
    const count = sys.recvmmsg(fd, this.received.address, UDP_BATCH_DATAGRAMS, MSG_DONTWAIT, 0);
    this.#controlLength = controlLength;
    this.#used = Math.max(count, 0);
    return count;
  }

  /** How many bytes datagram `i` has; 0 if it was cut off, because then it is no request that could be answered. */
  lengthOf(i: number): number {
    const { view } = this.received;
    const cut = (view.getUint32(i * MMSGHDR_BYTES + MSG_FLAGS_AT, true) & MSG_TRUNC) !== 0;
    return cut ? 0 : view.getUint32(i * MMSGHDR_BYTES + MSG_LEN_AT, true);
  }

  /** Addresses answer `j` to the sender of datagram `i`, from the address that it was sent to. */
  addAnswer(j: number, i: number, start: number, length: number): void {
    const at = j * MMSGHDR_BYTES;
    const from = i * MMSGHDR_BYTES;
    const source = this.received.view;
    const target = this.sent.view;
    this.sent.setPointer(at, this.names.address + i * NAME_BYTES);
    target.setUint32(at + MSG_NAMELEN_AT, source.getUint32(from + MSG_NAMELEN_AT, true), true);
    const controlLength = source.getUint32(from + MSG_CONTROLLEN_AT, true);
    this.sent.setPointer(
      at + MSG_CONTROL_AT,
      controlLength > 0 ? this.controls.address + i * CONTROL_BYTES : 0,
    );
    target.setUint32(at + MSG_CONTROLLEN_AT, controlLength, true);
    this.#sentVectors.setPointer(j * IOVEC_BYTES, this.replies.address + start);
    this.#sentVectors.setSize(j * IOVEC_BYTES + 8, length);
  }
}

/** The sender of one datagram of the batch. */
class DatagramPeer implements Peer {
  readonly netid: NetId;
  readonly #batch: DatagramBatch;
  readonly #bound: IpAddress;
  readonly #isV4: boolean;
  readonly #table: DiagTable;
  /** By an IPv4 address and port as one number, by an IPv6 address and port as text. */
  readonly #uids = new Map<number | string, number | undefined>();
  #slot = 0;

  constructor(netid: NetId, batch: DatagramBatch, bound: IpAddress, table: DiagTable) {
    this.netid = netid;
    this.#batch = batch;
    this.#table = table;
    this.#bound = bound;
    this.#isV4 = bound.family === 4;
  }

  select(slot: number): void {
    this.#slot = slot;
  }

  get v4(): number {
    return this.#isV4 ? this.#batch.names.view.getUint32(this.#slot * NAME_BYTES + 4) : 0;
  }

  get port(): number {
    return this.#batch.names.view.getUint16(this.#slot * NAME_BYTES + 2);
  }

  get scopeId(): number {
    return this.#isV4 ? 0 : this.#batch.names.view.getUint32(this.#slot * NAME_BYTES + 24, true);
  }

  address(): IpAddress {
    const at = this.#slot * NAME_BYTES;
    const { u8 } = this.#batch.names;
    return this.#isV4
      ? { family: 4, bytes: u8.slice(at + 4, at + 8) }
      : { family: 6, bytes: u8.slice(at + 8, at + 24) };
  }

  /** The address in the datagram's pktinfo (ip(7), ipv6(7)), or else the one that the socket is bound to. */
  localAddress(): IpAddress {
    const { controls, received } = this.#batch;
    if (received.view.getUint32(this.#slot * MMSGHDR_BYTES + MSG_CONTROLLEN_AT, true) === 0)
      return this.#bound;
    const at = this.#slot * CONTROL_BYTES;
    const data = at + CMSG_DATA_AT;
    // struct in_pktinfo: interface, the local address to answer from, the address sent to.
    if (controls.view.getUint32(at + CMSG_LEVEL_AT, true) === IPPROTO_IP) {
      return { family: 4, bytes: controls.u8.slice(data + 4, data + 8) };
    }
    return { family: 6, bytes: controls.u8.slice(data, data + 16) };
  }

  /** Asked once for all requests of a batch from one address and port: all of them had come before it was asked. */
  uid(): number | undefined {
    const key = this.#isV4 ? this.v4 * PORTS + this.port : `${formatIp(this.address())} ${this.port}`;
    if (!this.#uids.has(key)) this.#uids.set(key, this.#askUid());
    return this.#uids.get(key);
  }

  #askUid(): number | undefined {
    const address = this.address();
    return isLoopback(address) ? this.#table.datagramSender(address, this.port) : undefined;
  }

  /** Nothing is remembered of the senders of the batch before. */
  forgetSenders(): void {
    this.#uids.clear();
  }

  isElsewhere(): boolean {
    return false;
  }

  /**
   * Makes the pktinfo that came good for the answer: it chooses the address, not the interface, because the way
   * back may be another one; but a link-local address means nothing without its interface.
   */
  prepareAnswer(): void {
    const at = this.#slot * CONTROL_BYTES + CMSG_DATA_AT;
    const { u8, view } = this.#batch.controls;
    if (this.#isV4) view.setUint32(at, 0, true);
    else if (u8[at] !== 0xfe) view.setUint32(at + 16, 0, true);
  }
}

/** A UDP socket of a server. */
export class DatagramSocket implements Ready {
  readonly #fd: number;
  readonly #handler: RequestHandler;
  readonly #batch: DatagramBatch;
  readonly #peer: DatagramPeer;
  readonly #withControl: boolean;
  /** Answers that the kernel did not take: its buffer was full, or there is no way to the caller. */
  unsent = 0;

  constructor(
    fd: number,
    netid: NetId,
    bound: IpAddress,
    handler: RequestHandler,
    batch: DatagramBatch,
    table: DiagTable,
  ) {
    this.#fd = fd;
    this.#handler = handler;
    this.#batch = batch;
    this.#peer = new DatagramPeer(netid, batch, bound, table);
    this.#withControl = bound.bytes.every((byte) => byte === 0);
  }

  ready(): void {
    for (let turn = 0; turn < BATCHES_PER_TURN; turn++) {
      const count = this.#batch.receive(this.#fd, this.#withControl);
      if (count <= 0) return; // Nothing there, or an ICMP error of an earlier answer, which is nobody's.
      this.#peer.forgetSenders();
      this.#send(this.#answerAll(count));
      if (count < UDP_BATCH_DATAGRAMS) return;
    }
  }

  /** Writes the answers one behind the other; gives how many there are. */
  #answerAll(count: number): number {
    const { requests, replies } = this.#batch;
    let answers = 0;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const start = i * REQUEST_MAX_BYTES;
      this.#peer.select(i);
      const end = start + this.#batch.lengthOf(i);
      const limit = at + UDP_REPLY_MAX_BYTES;
      const length = this.#handler.answer(this.#peer, requests, start, end, replies, at, limit);
      if (length <= 0) continue;
      if (this.#withControl) this.#peer.prepareAnswer();
      this.#batch.addAnswer(answers, i, at, length);
      answers++;
      at += length;
    }
    return answers;
  }

  #send(count: number): void {
    let done = 0;
    while (done < count) {
      const sent = sys.sendmmsg(
        this.#fd,
        this.#batch.sent.address + done * MMSGHDR_BYTES,
        count - done,
        MSG_DONTWAIT,
      );
      if (sent > 0) {
        done += sent;
      } else if (errno() === ERRNO['EAGAIN']) {
        this.unsent += count - done;
        return;
      } else {
        // This one cannot be sent; those behind it can.
        this.unsent++;
        done++;
      }
    }
  }
}
