// Encodes sock_diag(7) requests, which list sockets or find the owner of one, and decodes the response to the latter.
import type { IpAddress } from '../base/address.ts';
import type { Bytes } from '../base/bytes.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NETLINK_HEADER_BYTES, NLM_F_DUMP, NLM_F_REQUEST } from './netlink.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

/** <linux/sock_diag.h>: the type of requests and responses. */
export const SOCK_DIAG_BY_FAMILY = 20;
/** <linux/inet_diag.h>: the older type for TCP, which lists both address families in one pass. */
export const TCPDIAG_GETSOCK = 18;

/** <linux/inet_diag.h>: sizes of struct inet_diag_req_v2 and struct inet_diag_msg. */
const REQUEST_BYTES = 56;
/** The size of struct inet_diag_req, and the offsets of its identity and its states. */
const TCP_REQUEST_BYTES = 60;
const TCP_REQUEST_ID_AT = 4;
const TCP_REQUEST_STATES_AT = 52;
const MESSAGE_BYTES = 72;
/** The offset of struct inet_diag_sockid in a request: ports, addresses, interface, cookie. */
const REQUEST_ID_AT = 8;
const SOURCE_AT = 4;
const DESTINATION_AT = 20;
const COOKIE_AT = 40;
/** The offsets of the uid and the inode in a response. */
const UID_AT = 64;
const INODE_AT = 68;

/**
 * <net/tcp_states.h>: the states in responses, and as bits of a request. A TCP socket that is bound, but neither
 * listens nor is connected, is requested as BOUND_INACTIVE (Linux 6.8 and newer) and reported as CLOSE.
 */
export const STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
  NEW_SYN_RECV: 12,
  BOUND_INACTIVE: 13,
} as const;
export const ALL_STATES = 0xffff_ffff;

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export type DiagProtocol = typeof IPPROTO_TCP | typeof IPPROTO_UDP;

export interface DiagEnd {
  readonly address: IpAddress;
  readonly port: number;
}

export interface DiagQuery {
  readonly family: 4 | 6;
  readonly protocol: DiagProtocol;
  /** Bits of STATE. */
  readonly states: number;
  /** Only sockets with this local port. 0: all. */
  readonly port: number;
}

export const DIAG_REQUEST_BYTES = NETLINK_HEADER_BYTES + REQUEST_BYTES;

function writeHead(
  view: DataView,
  length: number,
  flags: number,
  sequence: number,
  type = SOCK_DIAG_BY_FAMILY,
): void {
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
}

/** Writes a request for all sockets that match the query: DIAG_REQUEST_BYTES at the beginning of the target. */
export function writeDiagDump({ u8, view }: Bytes, query: DiagQuery, sequence: number): void {
  u8.fill(0, 0, DIAG_REQUEST_BYTES);
  writeHead(view, DIAG_REQUEST_BYTES, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  const at = NETLINK_HEADER_BYTES;
  view.setUint8(at, query.family === 4 ? AF_INET : AF_INET6);
  view.setUint8(at + 1, query.protocol);
  view.setUint32(at + 4, query.states >>> 0, LITTLE_ENDIAN);
  view.setUint16(at + REQUEST_ID_AT, query.port);
}

/** The bytes of a request by the older type. */
export const TCP_DUMP_BYTES = NETLINK_HEADER_BYTES + TCP_REQUEST_BYTES;

/** Writes a request for the TCP sockets of both families, TCP_DUMP_BYTES long: the kernel walks its tables once. */
export function writeTcpDump(
  { u8, view }: Bytes,
  { states, port }: Pick<DiagQuery, 'states' | 'port'>,
  sequence: number,
): void {
  u8.fill(0, 0, TCP_DUMP_BYTES);
  writeHead(view, TCP_DUMP_BYTES, NLM_F_REQUEST | NLM_F_DUMP, sequence, TCPDIAG_GETSOCK);
  const at = NETLINK_HEADER_BYTES;
  view.setUint16(at + TCP_REQUEST_ID_AT, port);
  view.setUint32(at + TCP_REQUEST_STATES_AT, states >>> 0, LITTLE_ENDIAN);
}

/**
 * Writes a request for the socket that receives what `remote` sends to `local`, a connected or a listening one:
 * DIAG_REQUEST_BYTES at the beginning of the target. For UDP the kernel reads the two ends of struct inet_diag_sockid
 * in reverse, "for historical reasons" (net/ipv4/udp_diag.c).
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
  // INET_DIAG_NOCOOKIE: the socket's cookie is unknown.
  view.setUint32(id + COOKIE_AT, 0xffff_ffff, LITTLE_ENDIAN);
  view.setUint32(id + COOKIE_AT + 4, 0xffff_ffff, LITTLE_ENDIAN);
}

/** The response to a lookup. */
export interface DiagAnswer {
  readonly state: number;
  readonly uid: number;
  readonly inode: number;
}

/** Decodes the response to a lookup. Returns undefined if there is no such socket. */
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
