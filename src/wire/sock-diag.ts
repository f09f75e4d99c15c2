// sock_diag(7): asking the kernel which sockets there are and whose they are, and reading its answers.
import type { IpAddress } from '../base/address.ts';
import type { Bytes } from '../base/bytes.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NETLINK_HEADER_BYTES } from './netlink.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

/** <linux/sock_diag.h>: the type of requests and of answers. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** <linux/netlink.h>: flags of a request. */
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;

/** <linux/inet_diag.h>: sizes of struct inet_diag_req_v2 and struct inet_diag_msg. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
/** Where the socket's identity (struct inet_diag_sockid) is in each: ports, addresses, interface, cookie. */
const REQUEST_ID_AT = 8;
const MESSAGE_ID_AT = 4;
const SOURCE_AT = 4;
const DESTINATION_AT = 20;
const COOKIE_AT = 40;
/** Where an answer has the owner and the inode. */
const UID_AT = 64;
const INODE_AT = 68;

/** <net/tcp_states.h>: the states as bits; a bound UDP socket that is not connected is in CLOSE. */
export const STATE = { ESTABLISHED: 1, CLOSE: 7, LISTEN: 10, BOUND_INACTIVE: 13 } as const;
export const ALL_STATES = 0xffff_ffff;

/** The transports that are asked about. */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export type DiagProtocol = typeof IPPROTO_TCP | typeof IPPROTO_UDP;

/** One end of a socket. */
export interface DiagEnd {
  readonly address: IpAddress;
  readonly port: number;
}

/** A socket of the network namespace. */
export interface DiagSocket {
  readonly family: 4 | 6;
  readonly state: number;
  readonly local: DiagEnd;
  readonly remote: DiagEnd;
  readonly interfaceIndex: number;
  readonly uid: number;
  /** 0 for a socket that its process has closed and the kernel still finishes: its uid is then 0, whoever had it. */
  readonly inode: number;
  /** An IPv6 socket that takes no IPv4 (IPV6_V6ONLY); undefined where the kernel does not say. */
  readonly v6Only: boolean | undefined;
}

/** What to list. */
export interface DiagQuery {
  readonly family: 4 | 6;
  readonly protocol: DiagProtocol;
  /** Bits of STATE. */
  readonly states: number;
  /** Only sockets with this local port; 0 for all. */
  readonly port: number;
}

/** The bytes of a request. */
export const DIAG_REQUEST_BYTES = NETLINK_HEADER_BYTES + REQUEST_BYTES;

function writeHead(view: DataView, length: number, flags: number, sequence: number): void {
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
}

/** Writes a request for all sockets that fit the query, DIAG_REQUEST_BYTES long, at the beginning of `target`. */
export function writeDiagDump({ u8, view }: Bytes, query: DiagQuery, sequence: number): void {
  u8.fill(0, 0, DIAG_REQUEST_BYTES);
  writeHead(view, DIAG_REQUEST_BYTES, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  const at = NETLINK_HEADER_BYTES;
  view.setUint8(at, query.family === 4 ? AF_INET : AF_INET6);
  view.setUint8(at + 1, query.protocol);
  view.setUint32(at + 4, query.states >>> 0, LITTLE_ENDIAN);
  view.setUint16(at + REQUEST_ID_AT, query.port);
}

/**
 * Writes a request for the one socket that gets what `remote` sends to `local`, a connected one or the one that
 * listens, at the beginning of `target`; it has DIAG_REQUEST_BYTES bytes. The kernel reads the two ends of the identity
 * (struct inet_diag_sockid) the other way round for UDP, "for historical reasons" (net/ipv4/udp_diag.c).
 */
export function writeDiagLookup(
  target: Bytes,
  protocol: DiagProtocol,
  local: DiagEnd,
  remote: DiagEnd,
  sequence: number,
): void {
  const { u8, view } = target;
  u8.fill(0, 0, DIAG_REQUEST_BYTES);
  writeHead(view, DIAG_REQUEST_BYTES, NLM_F_REQUEST, sequence);
  const at = NETLINK_HEADER_BYTES;
  view.setUint8(at, local.address.family === 4 ? AF_INET : AF_INET6);
  view.setUint8(at + 1, protocol);
  view.setUint32(at + 4, ALL_STATES, LITTLE_ENDIAN);
  const id = at + REQUEST_ID_AT;
  const isUdp = protocol === IPPROTO_UDP;
  const source = isUdp ? remote : local;
  const destination = isUdp ? local : remote;
  view.setUint16(id, source.port);
  view.setUint16(id + 2, destination.port);
  u8.set(source.address.bytes, id + SOURCE_AT);
  u8.set(destination.address.bytes, id + DESTINATION_AT);
  // INET_DIAG_NOCOOKIE: whichever socket it is.
  view.setUint32(id + COOKIE_AT, 0xffff_ffff, LITTLE_ENDIAN);
  view.setUint32(id + COOKIE_AT + 4, 0xffff_ffff, LITTLE_ENDIAN);
}

/** What an answer to a lookup says of the socket. */
export interface DiagAnswer {
  readonly state: number;
  readonly uid: number;
  readonly inode: number;
}

/** Reads the one message of an answer to a lookup; undefined if there is no such socket. */
export function readDiagAnswer(view: DataView, length: number, sequence: number): DiagAnswer | undefined {
  if (length < NETLINK_HEADER_BYTES + MESSAGE_BYTES) return undefined;
  if (view.getUint16(4, LITTLE_ENDIAN) !== SOCK_DIAG_BY_FAMILY) return undefined;
  if (view.getUint32(8, LITTLE_ENDIAN) !== sequence) return undefined;
  const at = NETLINK_HEADER_BYTES;
  return {
    state: view.getUint8(at + 1),
    uid: view.getUint32(at + UID_AT, LITTLE_ENDIAN),
    inode: view.getUint32(at + INODE_AT, LITTLE_ENDIAN),
  };
}

/** Reads the payload of an answer (struct inet_diag_msg); undefined for what is none. */
export function decodeDiagSocket(payload: DataView): DiagSocket | undefined {
  if (payload.byteLength < MESSAGE_BYTES) return undefined;
  const linuxFamily = payload.getUint8(0);
  if (linuxFamily !== AF_INET && linuxFamily !== AF_INET6) return undefined;
  const family = linuxFamily === AF_INET ? 4 : 6;
  const addressAt = (at: number): IpAddress => {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset + at, family === 4 ? 4 : 16);
    return { family, bytes: bytes.slice() };
  };
  const id = MESSAGE_ID_AT;
  return {
    family,
    state: payload.getUint8(1),
    local: { port: payload.getUint16(id), address: addressAt(id + SOURCE_AT) },
    remote: { port: payload.getUint16(id + 2), address: addressAt(id + DESTINATION_AT) },
    interfaceIndex: payload.getUint32(id + 36, LITTLE_ENDIAN),
    uid: payload.getUint32(UID_AT, LITTLE_ENDIAN),
    inode: payload.getUint32(INODE_AT, LITTLE_ENDIAN),
    v6Only: v6OnlyOf(payload),
  };
}

/** <linux/inet_diag.h>: the attribute that tells of IPV6_V6ONLY, behind the message. */
const INET_DIAG_SKV6ONLY = 11;

function v6OnlyOf(payload: DataView): boolean | undefined {
  let at = MESSAGE_BYTES;
  while (payload.byteLength - at >= 5) {
    const length = payload.getUint16(at, LITTLE_ENDIAN);
    if (length < 4 || length > payload.byteLength - at) return undefined;
    if (payload.getUint16(at + 2, LITTLE_ENDIAN) === INET_DIAG_SKV6ONLY && length >= 5) {
      return payload.getUint8(at + 4) === 1;
    }
    at += (length + 3) & ~3;
  }
  return undefined;
}
