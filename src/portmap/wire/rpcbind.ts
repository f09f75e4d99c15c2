// rpcbind, versions 3 and 4 of program 100000 (RFC 1833 section 2): procedures, arguments and results.

import { UADDR_MAX_BYTES } from '../../wire/uaddr.ts';
import { decodeList, encodeList } from './portmap.ts';
import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

export const RPCBIND_VERSION_4 = 4;

/** RFC 1833 section 2.2.1: the procedures; 9 to 12 are version 4's, and 5 is called BCAST there. */
export const RPCBPROC = {
  NULL: 0,
  SET: 1,
  UNSET: 2,
  GETADDR: 3,
  DUMP: 4,
  CALLIT: 5,
  GETTIME: 6,
  UADDR2TADDR: 7,
  TADDR2UADDR: 8,
  GETVERSADDR: 9,
  INDIRECT: 10,
  GETADDRLIST: 11,
  GETSTAT: 12,
} as const;

/** The longest netid and owner that are read: longer than any that there is, short enough to be kept. */
export const NETID_MAX_BYTES = 32;
export const OWNER_MAX_BYTES = 255;
/** The longest address that is read; what is longer than a Unix socket's path is then refused as an address. */
export const ADDRESS_MAX_BYTES = 1024;
/** The longest transport address: sockaddr_storage has 128 bytes (RFC 1833 section 2.1: struct netbuf). */
export const NETBUF_MAX_BYTES = 128;

/** A registration as the wire has it (RFC 1833 section 2.1: struct rpcb). */
export interface Rpcb {
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
  readonly owner: string;
}

export function decodeRpcb(reader: XdrReader): Rpcb {
  return {
    program: reader.u32(),
    version: reader.u32(),
    netid: reader.string(NETID_MAX_BYTES),
    address: reader.string(ADDRESS_MAX_BYTES),
    owner: reader.string(OWNER_MAX_BYTES),
  };
}

export function encodeRpcb(writer: XdrWriter, rpcb: Rpcb): void {
  writer.u32(rpcb.program);
  writer.u32(rpcb.version);
  writer.string(rpcb.netid);
  writer.string(rpcb.address);
  writer.string(rpcb.owner);
}

/** A transport address (RFC 1833 section 2.1: struct netbuf): on Linux a sockaddr, its family in host order. */
interface Netbuf {
  readonly maxlen: number;
  readonly bytes: Uint8Array;
}

export function decodeNetbuf(reader: XdrReader): Netbuf {
  const maxlen = reader.u32();
  return { maxlen, bytes: reader.opaque(Math.min(maxlen, NETBUF_MAX_BYTES)) };
}

export function encodeNetbuf(writer: XdrWriter, netbuf: Netbuf): void {
  writer.u32(netbuf.maxlen);
  if (netbuf.bytes.length > Math.min(netbuf.maxlen, NETBUF_MAX_BYTES))
    throw new XdrError('XDR_TOO_LONG', 'an address of more than 128 bytes, or longer than its maxlen');
  writer.opaque(netbuf.bytes);
}

/** One way to reach a program (RFC 1833 section 2.1: struct rpcb_entry). */
export interface RpcbEntry {
  /** The universal address, for a Unix socket its path. */
  readonly address: string;
  /** The transport: "udp", "tcp6"... */
  readonly netid: string;
  /** 1: datagrams; 3: a connection with an orderly end. */
  readonly semantics: number;
  /** "inet", "inet6" or "loopback". */
  readonly family: string;
  /** "udp" or "tcp"; "-" or empty for a Unix socket. */
  readonly protocol: string;
}

export function decodeRpcbEntry(reader: XdrReader): RpcbEntry {
  return {
    address: reader.string(UADDR_MAX_BYTES),
    netid: reader.string(NETID_MAX_BYTES),
    semantics: reader.u32(),
    family: reader.string(NETID_MAX_BYTES),
    protocol: reader.string(NETID_MAX_BYTES),
  };
}

/** How often an address was asked for (RFC 1833 section 2.1: struct rpcbs_addrlist). */
export interface AddressStat {
  /** The program that was asked for. */
  readonly program: number;
  /** The version of it that was asked for. */
  readonly version: number;
  /** How often it was found. */
  readonly success: number;
  /** How often it was not. */
  readonly failure: number;
  /** The transport for which it was asked for. */
  readonly netid: string;
}

/** How often a program was called through the mapper (RFC 1833 section 2.1: struct rpcbs_rmtcalllist). */
export interface RemoteCallStat extends AddressStat {
  /** The procedure of the program that was called. */
  readonly procedure: number;
  /** How many of the calls came by INDIRECT. */
  readonly indirect: number;
}

/** The statistics of one version (RFC 1833 section 2.1: struct rpcb_stat). */
export interface RpcbStat {
  /** Calls by procedure: RPCBSTAT_HIGHPROC (13) counters. */
  readonly calls: readonly number[];
  /** SETs that registered something. */
  readonly sets: number;
  /** UNSETs that took something back. */
  readonly unsets: number;
  /** The lookups, by what was looked up. */
  readonly addresses: readonly AddressStat[];
  /** The calls that were forwarded. */
  readonly remoteCalls: readonly RemoteCallStat[];
}

/** RFC 1833 section 2.1: RPCBSTAT_HIGHPROC, the number of procedures that are counted. */
export const STAT_PROCEDURES = 13;
/** RFC 1833 section 2.1: RPCBVERS_STAT, the number of versions that statistics are kept for: 2, 3 and 4. */
export const STAT_VERSIONS = 3;
/** The most nodes of a statistics list that a client reads. */
const STAT_NODES_MAX = 65536;

export function encodeRpcbStat(writer: XdrWriter, stat: RpcbStat): void {
  for (let i = 0; i < STAT_PROCEDURES; i++) writer.u32(stat.calls[i] ?? 0);
  writer.u32(stat.sets);
  writer.u32(stat.unsets);
  encodeList(writer, stat.addresses, encodeAddressStat);
  encodeList(writer, stat.remoteCalls, encodeRemoteCallStat);
}

export function decodeRpcbStat(reader: XdrReader): RpcbStat {
  const calls: number[] = [];
  for (let i = 0; i < STAT_PROCEDURES; i++) calls.push(reader.u32());
  return {
    calls,
    sets: reader.u32(),
    unsets: reader.u32(),
    addresses: decodeList(reader, STAT_NODES_MAX, decodeAddressStat),
    remoteCalls: decodeList(reader, STAT_NODES_MAX, decodeRemoteCallStat),
  };
}

function encodeAddressStat(writer: XdrWriter, stat: AddressStat): void {
  writer.u32(stat.program);
  writer.u32(stat.version);
  writer.u32(stat.success);
  writer.u32(stat.failure);
  writer.string(stat.netid);
}

function decodeAddressStat(reader: XdrReader): AddressStat {
  return {
    program: reader.u32(),
    version: reader.u32(),
    success: reader.u32(),
    failure: reader.u32(),
    netid: reader.string(NETID_MAX_BYTES),
  };
}

function encodeRemoteCallStat(writer: XdrWriter, stat: RemoteCallStat): void {
  writer.u32(stat.program);
  writer.u32(stat.version);
  writer.u32(stat.procedure);
  writer.u32(stat.success);
  writer.u32(stat.failure);
  writer.u32(stat.indirect);
  writer.string(stat.netid);
}

function decodeRemoteCallStat(reader: XdrReader): RemoteCallStat {
  return {
    program: reader.u32(),
    version: reader.u32(),
    procedure: reader.u32(),
    success: reader.u32(),
    failure: reader.u32(),
    indirect: reader.u32(),
    netid: reader.string(NETID_MAX_BYTES),
  };
}
