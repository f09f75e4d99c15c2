// Decodes the responses to a sock_diag(7) dump in place, without copying: a host can have very many sockets.
import type { IpAddress } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NETLINK_HEADER_BYTES, NLMSG_DONE, NLMSG_ERROR } from './netlink.ts';
import { type DiagEnd, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK } from './sock-diag.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

/** <linux/inet_diag.h>: struct inet_diag_msg, and the offsets of its fields. */
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

const WORD = 2 ** 32;

/** sizeof(struct nlattr) */
const ATTRIBUTE_HEAD_BYTES = 4;
/** <linux/inet_diag.h>: the attributes with IPV6_V6ONLY and the cgroup. */
const INET_DIAG_SKV6ONLY = 11;
const INET_DIAG_CGROUP_ID = 21;

/** inet_diag_msg.idiag_timer: the timer of TIME_WAIT is running (net/ipv4/inet_diag.c: inet_twsk_diag_fill). */
const TIMER_TIME_WAIT = 3;

/** A socket in the network namespace. */
export interface DiagSocket {
  readonly family: 4 | 6;
  /** One of STATE. */
  readonly state: number;
  readonly local: DiagEnd;
  readonly remote: DiagEnd;
  readonly interfaceIndex: number;
  readonly uid: number;
  /** Unique among the sockets since boot (SO_COOKIE in socket(7)). */
  readonly cookie: number;
  /** 0 for an orphaned socket, which its process has closed: its uid is then 0, whatever its owner was. */
  readonly inode: number;
  /** IPV6_V6ONLY. Undefined if the kernel does not report it. */
  readonly v6Only: boolean | undefined;
}

/**
 * A cursor over the responses to one dump. The caller puts each datagram at the beginning of the buffer and calls
 * received(). next() moves to the next socket, to which the properties refer.
 *
 * Words in host byte order are read through typed arrays, which are faster than a DataView in a program that has just
 * started.
 */
export class DiagDump {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #sequence: number;
  readonly #addresses = new Map<number | string, IpAddress>();
  /** The length of the datagram, and the offset of the next message. */
  #length = 0;
  #nextAt = 0;
  /** The offset of the current message, and the end of its attributes. */
  #at = 0;
  #end = 0;
  #ending: number | undefined;
  /** Whether its attributes have been parsed, and the offsets of two values. 0: not present. */
  #areAttributesRead = false;
  #v6OnlyAt = 0;
  #cgroupAt = 0;
  /** The last values returned. Neighbors mostly have the same, and comparing is cheaper than creating or looking up. */
  #v4Word = 0;
  #v4Address: IpAddress | undefined;
  #cgroupId = 0n;
  #cgroupLow = 0;
  #cgroupHigh = 0;

  /** The buffer must be aligned to four bytes, and its length a multiple of four. */
  constructor(u8: Uint8Array, sequence: number) {
    this.#u8 = u8;
    this.#u16 = new Uint16Array(u8.buffer, u8.byteOffset, u8.length >> 1);
    this.#u32 = new Uint32Array(u8.buffer, u8.byteOffset, u8.length >> 2);
    this.#sequence = sequence;
  }

  /** 0 when the dump is complete, or the errno with which it failed. Undefined while more data is expected. */
  get ending(): number | undefined {
    return this.#ending;
  }

  /** Starts a datagram of `length` bytes. */
  received(length: number): void {
    this.#length = length;
    this.#nextAt = 0;
  }

  /** Moves to the next socket of the datagram. Returns false at its end. A truncated message is dropped. */
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
      if (type === SOCK_DIAG_BY_FAMILY || type === TCPDIAG_GETSOCK) {
        if (this.#goTo(message, message + length - NETLINK_HEADER_BYTES)) return true;
      } else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        // A negative errno, or no payload.
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

  /** 0 if the socket is not connected. */
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

  /** Two words, the low one first. Cookies count up from 1, so a double represents them exactly. */
  get cookie(): number {
    const word = (this.#at + COOKIE_AT) >> 2;
    return (this.#u32[word + 1] ?? 0) * WORD + (this.#u32[word] ?? 0);
  }

  /** 0 for an orphaned socket: its uid is then 0, whatever its owner was. */
  get inode(): number {
    return this.#u32[(this.#at + INODE_AT) >> 2] ?? 0;
  }

  /** The remaining time of TIME_WAIT in milliseconds. Undefined in other states. */
  get timeWaitMs(): number | undefined {
    const isRunning = this.#u8[this.#at + TIMER_AT] === TIMER_TIME_WAIT;
    return isRunning ? this.#u32[(this.#at + EXPIRES_AT) >> 2] : undefined;
  }

  /** IPV6_V6ONLY. Undefined if the kernel does not report it. */
  get v6Only(): boolean | undefined {
    if (!this.#areAttributesRead) this.#readAttributes();
    return this.#v6OnlyAt === 0 ? undefined : this.#u8[this.#v6OnlyAt] === 1;
  }

  /** The ID of the cgroup in which it was created. Undefined if the kernel does not report it. */
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

  /** Copies the current socket, without the fields that few callers need. */
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

  /** A number above those of IPv4 if all words but the last are zero, such as the wildcard. Otherwise a text. */
  #v6Key(at: number): number | string {
    const u32 = this.#u32;
    const index = at >> 2;
    const [a = 0, b = 0, c = 0, d = 0] = [u32[index], u32[index + 1], u32[index + 2], u32[index + 3]];
    return a === 0 && b === 0 && c === 0 ? 0x1_0000_0000 + d : `${a} ${b} ${c} ${d}`;
  }

  /** Finds the values of the attributes that callers need. */
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
