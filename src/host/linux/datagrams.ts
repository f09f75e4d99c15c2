// A UDP socket that is served in batches: one recvmmsg(2) takes many requests, one sendmmsg(2) answers them.
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

/** A slot for a sockaddr_in6 (28 bytes), and one for two control messages: times (64 bytes), and pktinfo (40). */
const NAME_BYTES = 32;
const CONTROL_BYTES = 128;
/** struct cmsghdr: length, level, type; the data follows, and the next one at a multiple of eight bytes. */
const CMSG_LEVEL_AT = 8;
const CMSG_TYPE_AT = 12;
const CMSG_DATA_AT = 16;
/** sizeof(struct timespec), struct in_pktinfo and struct in6_pktinfo. */
const TIMESPEC_BYTES = 16;
const PKTINFO4_BYTES = 12;
const PKTINFO6_BYTES = 20;

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
  /** The slots that the last batch filled. */
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
   * Receives what there is, without waiting; gives how many datagrams, or less than 1. The kernel writes lengths into
   * the slots that it fills: those of the batch before are made ready again.
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

  /** How many bytes datagram `i` has; 0 if it was cut off, because then it is no request that could be answered. */
  lengthOf(i: number): number {
    const { view } = this.received;
    const cut = (view.getUint32(i * MMSGHDR_BYTES + MSG_FLAGS_AT, true) & MSG_TRUNC) !== 0;
    return cut ? 0 : view.getUint32(i * MMSGHDR_BYTES + MSG_LEN_AT, true);
  }

  /**
   * Where the data of a control message of datagram `i` is that has at least so many bytes; -1 if there is none. The
   * kernel puts them one behind the other, and cuts off what has no room.
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
   * Addresses answer `j` to the sender of datagram `i`. The control message whose data is at `info`, if it is not -1,
   * goes with it and says from which address.
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

  /** Where the datagram's pktinfo is (ip(7), ipv6(7)); -1 if it has none. */
  get #info(): number {
    return this.#isV4
      ? this.#batch.control(this.#slot, IPPROTO_IP, IP_PKTINFO, PKTINFO4_BYTES)
      : this.#batch.control(this.#slot, IPPROTO_IPV6, IPV6_PKTINFO, PKTINFO6_BYTES);
  }

  /** The address in the datagram's pktinfo, or else the one that the socket is bound to. */
  localAddress(): IpAddress {
    const at = this.#info;
    const { u8 } = this.#batch.controls;
    if (at < 0) return this.#bound;
    // struct in_pktinfo: interface, the local address to answer from, the address sent to.
    return this.#isV4
      ? { family: 4, bytes: u8.slice(at + 4, at + 8) }
      : { family: 6, bytes: u8.slice(at, at + 16) };
  }

  sender(): Sender {
    return this.#senders.senderOf(this.address(), this.port, this.#sentUs());
  }

  /** When the kernel put the datagram into the queue; undefined where it does not say. */
  #sentUs(): number | undefined {
    const at = this.#batch.control(this.#slot, SOL_SOCKET, SO_TIMESTAMPING, TIMESPEC_BYTES);
    const us = at < 0 ? 0 : microseconds(this.#batch.controls.view, at);
    return us === 0 ? undefined : us;
  }

  isElsewhere(): boolean {
    return false;
  }

  /**
   * Makes the pktinfo that came good for the answer, and gives where it is: it chooses the address, not the interface,
   * because the way back may be another one; but a link-local address means nothing without its interface.
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
  /** Whether the answer has to say from which address it comes. */
  readonly #isWildcard: boolean;
  /** Answers that the kernel did not take: its buffer was full, or there is no way to the caller. */
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
      if (count <= 0) return; // Nothing there, or an ICMP error of an earlier answer, which is nobody's.
      this.#senders.begin();
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
        // This one cannot be sent; those behind it can.
        this.unsent++;
        done++;
      }
    }
  }
}
