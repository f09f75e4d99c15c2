// A UDP socket served in batches: one recvmmsg(2) receives many requests, and one sendmmsg(2) sends the replies.
import { type IpAddress, isWildcard } from '../../base/address.ts';
import { REQUEST_MAX_BYTES, UDP_BATCH_DATAGRAMS, UDP_REPLY_MAX_BYTES } from '../../base/limits.ts';
import type { NetId } from '../../base/netid.ts';
import type { Peer, Sender } from '../../base/peer.ts';
import type { RequestHandler } from '../host.ts';
import { type DatagramSenders, microseconds } from './datagram-senders.ts';
import {
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_TIMESTAMPING,
  SOL_SOCKET,
} from './sys/constants.ts';
import type { Ready } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** sizeof(struct mmsghdr): a msghdr of 56 bytes, and the length of the datagram. */
const MMSGHDR_BYTES = 64;
const MSG_NAMELEN_AT = 8;
const MSG_IOV_AT = 16;
const MSG_IOVLEN_AT = 24;
const MSG_CONTROL_AT = 32;
const MSG_CONTROLLEN_AT = 40;
const MSG_FLAGS_AT = 48;
const MSG_LEN_AT = 56;
const IOVEC_BYTES = 16;

/** Room for a sockaddr_in6 (28 bytes), and for two control messages: timestamps (64 bytes) and pktinfo (40). */
const NAME_BYTES = 32;
const CONTROL_BYTES = 128;
/** struct cmsghdr: length, level, type, data. The next one is aligned to eight bytes. */
const CMSG_LEVEL_AT = 8;
const CMSG_TYPE_AT = 12;
const CMSG_DATA_AT = 16;
/** sizeof(struct timespec), struct in_pktinfo and struct in6_pktinfo. */
const TIMESPEC_BYTES = 16;
const PKTINFO4_BYTES = 12;
const PKTINFO6_BYTES = 20;

/** Batches received from one socket before the other sockets are served. */
const BATCHES_PER_TURN = 4;

/** The buffers of a batch. All sockets of a loop share them, because each batch is finished before the next one. */
export class DatagramBatch {
  readonly names = new NativeBuffer(UDP_BATCH_DATAGRAMS * NAME_BYTES);
  readonly controls = new NativeBuffer(UDP_BATCH_DATAGRAMS * CONTROL_BYTES);
  readonly requests = new NativeBuffer(UDP_BATCH_DATAGRAMS * REQUEST_MAX_BYTES);
  readonly replies = new NativeBuffer(UDP_BATCH_DATAGRAMS * UDP_REPLY_MAX_BYTES);
  readonly received = new NativeBuffer(UDP_BATCH_DATAGRAMS * MMSGHDR_BYTES);
  readonly sent = new NativeBuffer(UDP_BATCH_DATAGRAMS * MMSGHDR_BYTES);
  readonly #receivedVectors = new NativeBuffer(UDP_BATCH_DATAGRAMS * IOVEC_BYTES);
  readonly #sentVectors = new NativeBuffer(UDP_BATCH_DATAGRAMS * IOVEC_BYTES);
  /** The slots used by the last batch. */
  #used = UDP_BATCH_DATAGRAMS;

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
   * Receives without blocking. Returns the number of datagrams, or less than 1. The kernel overwrites lengths in the
   * slots it uses, so those of the previous batch are reset first.
   */
  receive(fd: number): number {
    const { view } = this.received;
    for (let i = 0; i < this.#used; i++) {
      const at = i * MMSGHDR_BYTES;
      view.setUint32(at + MSG_NAMELEN_AT, NAME_BYTES, true);
      view.setUint32(at + MSG_CONTROLLEN_AT, CONTROL_BYTES, true);
    }
    const count = sys.recvmmsg(fd, this.received.address, UDP_BATCH_DATAGRAMS, MSG_DONTWAIT, 0);
    this.#used = Math.max(count, 0);
    return count;
  }

  /** The length of datagram `i`. 0 if it was truncated: then it is not a valid request. */
  lengthOf(i: number): number {
    const { view } = this.received;
    const cut = (view.getUint32(i * MMSGHDR_BYTES + MSG_FLAGS_AT, true) & MSG_TRUNC) !== 0;
    return cut ? 0 : view.getUint32(i * MMSGHDR_BYTES + MSG_LEN_AT, true);
  }

  /**
   * The offset of the data of a control message of datagram `i` with at least `bytes` bytes, or -1. The kernel stores
   * the messages consecutively, and truncates those that do not fit.
   */
  control(i: number, level: number, type: number, bytes: number): number {
    const { view } = this.controls;
    const start = i * CONTROL_BYTES;
    const given = this.received.view.getUint32(i * MMSGHDR_BYTES + MSG_CONTROLLEN_AT, true);
    const end = start + Math.min(given, CONTROL_BYTES);
    for (let at = start; end - at >= CMSG_DATA_AT; ) {
      const length = view.getUint32(at, true);
      if (length < CMSG_DATA_AT || length > end - at) return -1;
      const isIt =
        view.getUint32(at + CMSG_LEVEL_AT, true) === level &&
        view.getUint32(at + CMSG_TYPE_AT, true) === type;
      if (isIt) return length - CMSG_DATA_AT >= bytes ? at + CMSG_DATA_AT : -1;
      at += (length + 7) & ~7;
    }
    return -1;
  }

  /**
   * Addresses reply `j` to the sender of datagram `i`. Unless `info` is -1, the control message with its data at `info`
   * sets the source address.
   */
  addAnswer(j: number, i: number, start: number, length: number, info: number): void {
    const at = j * MMSGHDR_BYTES;
    const from = i * MMSGHDR_BYTES;
    const source = this.received.view;
    const target = this.sent.view;
    this.sent.setPointer(at, this.names.address + i * NAME_BYTES);
    target.setUint32(at + MSG_NAMELEN_AT, source.getUint32(from + MSG_NAMELEN_AT, true), true);
    const control = info - CMSG_DATA_AT;
    const controlLength = info < 0 ? 0 : this.controls.view.getUint32(control, true);
    this.sent.setPointer(at + MSG_CONTROL_AT, info < 0 ? 0 : this.controls.address + control);
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
  readonly #senders: DatagramSenders;
  #slot = 0;

  constructor(netid: NetId, batch: DatagramBatch, bound: IpAddress, senders: DatagramSenders) {
    this.netid = netid;
    this.#batch = batch;
    this.#senders = senders;
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

  /** The offset of the pktinfo (ip(7), ipv6(7)), or -1. */
  get #info(): number {
    return this.#isV4
      ? this.#batch.control(this.#slot, IPPROTO_IP, IP_PKTINFO, PKTINFO4_BYTES)
      : this.#batch.control(this.#slot, IPPROTO_IPV6, IPV6_PKTINFO, PKTINFO6_BYTES);
  }

  /** The destination address of the datagram from its pktinfo, or else the address of the socket. */
  localAddress(): IpAddress {
    const at = this.#info;
    const { u8 } = this.#batch.controls;
    if (at < 0) return this.#bound;
    // struct in_pktinfo: the interface, the local address to reply from, the destination address.
    return this.#isV4
      ? { family: 4, bytes: u8.slice(at + 4, at + 8) }
      : { family: 6, bytes: u8.slice(at, at + 16) };
  }

  sender(): Sender {
    return this.#senders.senderOf(this.address(), this.port, this.#sentUs());
  }

  /** When the kernel queued the datagram. Undefined if it does not report that. */
  #sentUs(): number | undefined {
    const at = this.#batch.control(this.#slot, SOL_SOCKET, SO_TIMESTAMPING, TIMESPEC_BYTES);
    const us = at < 0 ? 0 : microseconds(this.#batch.controls.view, at);
    return us === 0 ? undefined : us;
  }

  isElsewhere(): boolean {
    return false;
  }

  /**
   * Reuses the received pktinfo for the reply, and returns its offset. It selects the source address but not the
   * interface, because the route back may differ. A link-local address requires its interface.
   */
  prepareAnswer(): number {
    const at = this.#info;
    if (at < 0) return at;
    const { u8, view } = this.#batch.controls;
    if (this.#isV4) view.setUint32(at, 0, true);
    else if (u8[at] !== 0xfe) view.setUint32(at + 16, 0, true);
    return at;
  }
}

/** A UDP socket of a server. */
export class DatagramSocket implements Ready {
  readonly #fd: number;
  readonly #handler: RequestHandler;
  readonly #batch: DatagramBatch;
  readonly #senders: DatagramSenders;
  readonly #peer: DatagramPeer;
  /** Whether replies must specify their source address. */
  readonly #isWildcard: boolean;
  /** Replies that were not sent: the buffer was full, or there is no route to the client. */
  unsent = 0;

  constructor(
    fd: number,
    netid: NetId,
    bound: IpAddress,
    handler: RequestHandler,
    batch: DatagramBatch,
    senders: DatagramSenders,
  ) {
    this.#fd = fd;
    this.#handler = handler;
    this.#batch = batch;
    this.#senders = senders;
    this.#peer = new DatagramPeer(netid, batch, bound, senders);
    this.#isWildcard = isWildcard(bound);
  }

  ready(): void {
    for (let turn = 0; turn < BATCHES_PER_TURN; turn++) {
      const count = this.#batch.receive(this.#fd);
      if (count <= 0) return; // No data, or an ICMP error for an earlier reply.
      this.#senders.begin();
      this.#send(this.#answerAll(count));
      if (count < UDP_BATCH_DATAGRAMS) return;
    }
  }

  /** Writes the replies consecutively. Returns their number. */
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
      const info = this.#isWildcard ? this.#peer.prepareAnswer() : -1;
      this.#batch.addAnswer(answers, i, at, length, info);
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
        // This one cannot be sent, but the following ones can.
        this.unsent++;
        done++;
      }
    }
  }
}
