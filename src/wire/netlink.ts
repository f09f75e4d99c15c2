// Encodes netlink requests for links and addresses, and decodes the responses (netlink(7), rtnetlink(7)).
import type { IpAddress } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

/** <linux/netlink.h>: the message types that end a response. */
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** <linux/rtnetlink.h> */
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;

/** sizeof(struct nlmsghdr) */
export const NETLINK_HEADER_BYTES = 16;
/** <linux/netlink.h>: request flags. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_DUMP = 0x300;

/** <linux/if_addr.h> and <linux/if.h> */
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_POINTOPOINT = 0x10;
const IFINFOMSG_BYTES = 16;
const IFADDRMSG_BYTES = 8;

const align = (length: number): number => (length + 3) & ~3;

/** A message: its header, and a view of its payload. */
export interface NetlinkMessage {
  readonly type: number;
  readonly sequence: number;
  readonly payload: DataView;
}

/** Encodes a request for all links (RTM_GETLINK) or addresses (RTM_GETADDR) in the network namespace. */
export function encodeDumpRequest(type: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(NETLINK_HEADER_BYTES + IFINFOMSG_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  return bytes;
}

/** Splits a datagram from the kernel into messages. A truncated message at the end is dropped. */
export function decodeMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (datagram.length - at >= NETLINK_HEADER_BYTES) {
    const length = view.getUint32(at, LITTLE_ENDIAN);
    if (length < NETLINK_HEADER_BYTES || length > datagram.length - at) break;
    messages.push({
      type: view.getUint16(at + 4, LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, LITTLE_ENDIAN),
      payload: new DataView(
        view.buffer,
        view.byteOffset + at + NETLINK_HEADER_BYTES,
        length - NETLINK_HEADER_BYTES,
      ),
    });
    at += align(length);
  }
  return messages;
}

/** An interface, from RTM_NEWLINK. */
export interface LinkInfo {
  readonly index: number;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
}

/** Decodes the payload of RTM_NEWLINK (struct ifinfomsg). */
export function decodeLink(payload: DataView): LinkInfo | undefined {
  if (payload.byteLength < IFINFOMSG_BYTES) return undefined;
  const flags = payload.getUint32(8, LITTLE_ENDIAN);
  return {
    index: payload.getUint32(4, LITTLE_ENDIAN),
    up: (flags & IFF_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    pointToPoint: (flags & IFF_POINTOPOINT) !== 0,
  };
}

/** An address, from RTM_NEWADDR. */
export interface AddressInfo {
  readonly index: number;
  readonly prefix: number;
  readonly address: IpAddress;
}

/** Decodes the payload of RTM_NEWADDR (struct ifaddrmsg and attributes). Returns undefined for other families. */
export function decodeAddress(payload: DataView): AddressInfo | undefined {
  if (payload.byteLength < IFADDRMSG_BYTES) return undefined;
  const linuxFamily = payload.getUint8(0);
  if (linuxFamily !== AF_INET && linuxFamily !== AF_INET6) return undefined;
  const family = linuxFamily === AF_INET ? 4 : 6;
  const attributes = addressAttributes(payload, family === 4 ? 4 : 16);
  // On a point-to-point link, IFA_ADDRESS is the peer. If IFA_LOCAL is present, it is the local address.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (!bytes) return undefined;
  return {
    index: payload.getUint32(4, LITTLE_ENDIAN),
    prefix: Math.min(payload.getUint8(1), bytes.length * 8),
    address: { family, bytes },
  };
}

/** The attributes with an address of this length, by type. */
function addressAttributes(payload: DataView, addressBytes: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = IFADDRMSG_BYTES;
  while (payload.byteLength - at >= 4) {
    const length = payload.getUint16(at, LITTLE_ENDIAN);
    if (length < 4 || length > payload.byteLength - at) break;
    if (length === 4 + addressBytes) {
      const bytes = new Uint8Array(payload.buffer, payload.byteOffset + at + 4, addressBytes);
      found.set(payload.getUint16(at + 2, LITTLE_ENDIAN), bytes.slice());
    }
    at += align(length);
  }
  return found;
}
