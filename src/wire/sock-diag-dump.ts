// The answers to a dump of sock_diag(7), read where they lie: a host can have very many sockets.
import type { IpAddress } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NETLINK_HEADER_BYTES, NLMSG_DONE, NLMSG_ERROR } from './netlink.ts';
import { type DiagEnd, SOCK_DIAG_BY_FAMILY } from './sock-diag.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

/** <linux/inet_diag.h>: struct inet_diag_msg, and where its fields are. */
const MESSAGE_BYTES = 72;
const STATE_AT = 1;
const TIMER_AT = 2;
const LOCAL_PORT_AT = 4;
const REMOTE_PORT_AT = 6;
const LOCAL_AT = 8;
const REMOTE_AT = 24;
const INTERFACE_AT = 40;
const COOKIE_AT = 44;
const EXPIRES_AT = 52;
const UID_AT = 64;
const INODE_AT = 68;

/** One more than a word holds. */
const WORD = 2 ** 32;

/** sizeof(struct nlattr) */
const ATTRIBUTE_HEAD_BYTES = 4;
/** <linux/inet_diag.h>: the attributes that tell of IPV6_V6ONLY and of the cgroup. */
const INET_DIAG_SKV6ONLY = 11;
const INET_DIAG_CGROUP_ID = 21;

/** inet_diag_msg.idiag_timer: what runs is the timer of TIME_WAIT (net/ipv4/inet_diag.c: inet_twsk_diag_fill). */
const TIMER_TIME_WAIT = 3;

/** A socket of the network namespace. */
export interface DiagSocket {
  readonly family: 4 | 6;
  /** One of STATE. */
  readonly state: number;
  readonly local: DiagEnd;
  readonly remote: DiagEnd;
  readonly interfaceIndex: number;
  readonly uid: number;
  /** Its number in this boot, which no other socket gets (SO_COOKIE in socket(7)). */
  readonly cookie: number;
  /** 0 for a socket that its process has closed and the kernel still finishes: its uid is then 0, whoever had it. */
  readonly inode: number;
  /** An IPv6 socket that takes no IPv4 (IPV6_V6ONLY); undefined where the kernel does not say. */
  readonly v6Only: boolean | undefined;
}

/**
 * Goes through the answers to one dump. Each datagram from the kernel is put at the beginning of a buffer and told of
 * by received(); next() goes from socket to socket in it, and the fields are those of the socket that was gone to.
 *
 * Words in the order of this machine are read through arrays, which a program that has just started is quicker at than
 * at a DataView.
 */
export class DiagDump {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #sequence: number;
  readonly #addresses = new Map<number | string, IpAddress>();
  /** How much of the buffer is there, and where the next message begins. */
  #length = 0;
  #nextAt = 0;
  /** Where the message is that was gone to, and where its attributes end. */
  #at = 0;
  #end = 0;
  #ending: number | undefined;
  /** Whether its attributes were read, and where the values of two of them are; 0: they are not there. */
  #areAttributesRead = false;
  #v6OnlyAt = 0;
  #cgroupAt = 0;
  /** What was given out last: neighbours are mostly alike, and to compare takes less than to make or to look up. */
  #v4Word = 0;
  #v4Address: IpAddress | undefined;
  #cgroupId = 0n;
  #cgroupLow = 0;
  #cgroupHigh = 0;

  /** The buffer begins at a multiple of four bytes, and has a multiple of them. */
  constructor(u8: Uint8Array, sequence: number) {
    this.#u8 = u8;
    this.#u16 = new Uint16Array(u8.buffer, u8.byteOffset, u8.length >> 1);
    this.#u32 = new Uint32Array(u8.buffer, u8.byteOffset, u8.length >> 2);
    this.#sequence = sequence;
  }

  /** 0 when the kernel has said all, else the errno with which it refused; undefined while more comes. */
  get ending(): number | undefined {
    return this.#ending;
  }

  /** A datagram of so many bytes is there. */
  received(length: number): void {
    this.#length = length;
    this.#nextAt = 0;
  }

  /** Goes to the next socket of the datagram; false if there is none in it any more. What is cut off is left out. */
  next(): boolean {
    const u16 = this.#u16;
    const u32 = this.#u32;
    const available = this.#length;
    for (let at = this.#nextAt; this.#ending === undefined && available - at >= NETLINK_HEADER_BYTES; ) {
      const length = u32[at >> 2] ?? 0;
      if (length < NETLINK_HEADER_BYTES || length > available - at) return false;
      const message = at + NETLINK_HEADER_BYTES;
      const type = u16[(at + 4) >> 1];
      const isOurs = u32[(at + 8) >> 2] === this.#sequence;
      at += (length + 3) & ~3;
      this.#nextAt = at;
      if (!isOurs) continue;
      if (type === SOCK_DIAG_BY_FAMILY) {
        if (this.#goTo(message, message + length - NETLINK_HEADER_BYTES)) return true;
      } else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        // A negative errno, or nothing.
        this.#ending = length < NETLINK_HEADER_BYTES + 4 ? 0 : -(u32[message >> 2] ?? 0) >>> 0;
      }
    }
    return false;
  }

  #goTo(at: number, end: number): boolean {
    const family = this.#u8[at];
    if (end - at < MESSAGE_BYTES || (family !== AF_INET && family !== AF_INET6)) return false;
    this.#at = at;
    this.#end = end;
    this.#areAttributesRead = false;
    return true;
  }

  get family(): 4 | 6 {
    return this.#u8[this.#at] === AF_INET ? 4 : 6;
  }

  /** One of STATE. */
  get state(): number {
    return this.#u8[this.#at + STATE_AT] ?? 0;
  }

  get localPort(): number {
    return this.#portAt(this.#at + LOCAL_PORT_AT);
  }

  /** 0 for one that is not connected. */
  get remotePort(): number {
    return this.#portAt(this.#at + REMOTE_PORT_AT);
  }

  /** Sockets with the same address share it. */
  get localAddress(): IpAddress {
    return this.#addressAt(this.#at + LOCAL_AT);
  }

  get remoteAddress(): IpAddress {
    return this.#addressAt(this.#at + REMOTE_AT);
  }

  get interfaceIndex(): number {
    return this.#u32[(this.#at + INTERFACE_AT) >> 2] ?? 0;
  }

  get uid(): number {
    return this.#u32[(this.#at + UID_AT) >> 2] ?? 0;
  }

  /** Two words, the low one first; they are counted up from 1, so that a double holds them exactly. */
  get cookie(): number {
    const word = (this.#at + COOKIE_AT) >> 2;
    return (this.#u32[word + 1] ?? 0) * WORD + (this.#u32[word] ?? 0);
  }

  /** 0 for a socket that no process has any more: its uid is then 0, whoever had it. */
  get inode(): number {
    return this.#u32[(this.#at + INODE_AT) >> 2] ?? 0;
  }

  /** How long the timer of TIME_WAIT still runs, in milliseconds; undefined where it does not. */
  get timeWaitMs(): number | undefined {
    const isRunning = this.#u8[this.#at + TIMER_AT] === TIMER_TIME_WAIT;
    return isRunning ? this.#u32[(this.#at + EXPIRES_AT) >> 2] : undefined;
  }

  /** An IPv6 socket that takes no IPv4 (IPV6_V6ONLY); undefined where the kernel does not say. */
  get v6Only(): boolean | undefined {
    if (!this.#areAttributesRead) this.#readAttributes();
    return this.#v6OnlyAt === 0 ? undefined : this.#u8[this.#v6OnlyAt] === 1;
  }

  /** The number of the cgroup in which it was made; undefined where the kernel does not say. */
  get cgroupId(): bigint | undefined {
    if (!this.#areAttributesRead) this.#readAttributes();
    if (this.#cgroupAt === 0) return undefined;
    const low = this.#u32[this.#cgroupAt >> 2] ?? 0;
    const high = this.#u32[(this.#cgroupAt >> 2) + 1] ?? 0;
    if (low !== this.#cgroupLow || high !== this.#cgroupHigh) {
      this.#cgroupId = LITTLE_ENDIAN ? wide(high, low) : wide(low, high);
      this.#cgroupLow = low;
      this.#cgroupHigh = high;
    }
    return this.#cgroupId;
  }

  /** All of it but what only some need. */
  socket(): DiagSocket {
    return {
      family: this.family,
      state: this.state,
      local: { address: this.localAddress, port: this.localPort },
      remote: { address: this.remoteAddress, port: this.remotePort },
      interfaceIndex: this.interfaceIndex,
      uid: this.uid,
      cookie: this.cookie,
      inode: this.inode,
      v6Only: this.v6Only,
    };
  }

  #portAt(at: number): number {
    const u8 = this.#u8;
    return ((u8[at] ?? 0) << 8) | (u8[at + 1] ?? 0);
  }

  #addressAt(at: number): IpAddress {
    if (this.family === 6) return this.#shared(this.#v6Key(at), 6, at);
    const word = this.#u32[at >> 2] ?? 0;
    if (word !== this.#v4Word || !this.#v4Address) {
      this.#v4Address = this.#shared(word, 4, at);
      this.#v4Word = word;
    }
    return this.#v4Address;
  }

  #shared(key: number | string, family: 4 | 6, at: number): IpAddress {
    const known = this.#addresses.get(key);
    if (known) return known;
    const address = { family, bytes: this.#u8.slice(at, at + (family === 4 ? 4 : 16)) };
    this.#addresses.set(key, address);
    return address;
  }

  /** A number for the wildcard and what has zeros up to its last word, beyond all of IPv4; a text for others. */
  #v6Key(at: number): number | string {
    const u32 = this.#u32;
    const index = at >> 2;
    const [a = 0, b = 0, c = 0, d = 0] = [u32[index], u32[index + 1], u32[index + 2], u32[index + 3]];
    return a === 0 && b === 0 && c === 0 ? 0x1_0000_0000 + d : `${a} ${b} ${c} ${d}`;
  }

  /** Where the values are of the attributes that somebody asks for. */
  #readAttributes(): void {
    const u16 = this.#u16;
    const end = this.#end;
    let v6OnlyAt = 0;
    let cgroupAt = 0;
    for (let at = this.#at + MESSAGE_BYTES; end - at >= ATTRIBUTE_HEAD_BYTES; ) {
      const length = u16[at >> 1] ?? 0;
      if (length < ATTRIBUTE_HEAD_BYTES || length > end - at) break;
      const type = u16[(at + 2) >> 1];
      const value = at + ATTRIBUTE_HEAD_BYTES;
      if (type === INET_DIAG_SKV6ONLY && length > ATTRIBUTE_HEAD_BYTES) v6OnlyAt = value;
      else if (type === INET_DIAG_CGROUP_ID && length >= ATTRIBUTE_HEAD_BYTES + 8) cgroupAt = value;
      at += (length + 3) & ~3;
    }
    this.#v6OnlyAt = v6OnlyAt;
    this.#cgroupAt = cgroupAt;
    this.#areAttributesRead = true;
  }
}

function wide(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
