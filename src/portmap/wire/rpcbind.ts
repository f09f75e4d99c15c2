// rpcbind, versions 3 and 4 of program 100000 (RFC 1833 section 2): procedures, arguments and results.

import { UADDR_MAX_BYTES } from '../../wire/uaddr.ts';
import { decodeList, encodeList } from './portmap.ts';
import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

export const RPCBIND_VERSION_4 = 4;

/** RFC 1833 section 2.2.1: the procedures. 9 to 12 exist in version 4 only, which names 5 BCAST. */
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

/** The maximum length of a netid and of an owner: longer than any in use, and short enough to store. */
export const NETID_MAX_BYTES = 32;
export const OWNER_MAX_BYTES = 255;
/** The maximum length of an address in a request; anything longer than a Unix socket path is refused as an address. */
export const ADDRESS_MAX_BYTES = 1024;
/** The maximum size of a transport address (RFC 1833 section 2.1: struct netbuf): that of sockaddr_storage. */
export const NETBUF_MAX_BYTES = 128;

/** A registration on the wire (RFC 1833 section 2.1: struct rpcb). */
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

/** A transport address (RFC 1833 section 2.1: struct netbuf): on Linux a sockaddr, with the family in host order. */
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
    throw new XdrError('XDR_TOO_LONG', 'an address that exceeds 128 bytes or its maxlen');
  writer.opaque(netbuf.bytes);
}

/** An address of a program (RFC 1833 section 2.1: struct rpcb_entry). */
export interface RpcbEntry {
  /** The universal address; the path of a Unix socket. */
  readonly address: string;
  /** The transport: "udp", "tcp6"... */
  readonly netid: string;
  /** 1: connectionless (NC_TPI_CLTS); 3: connection-oriented with orderly release (NC_TPI_COTS_ORD). */
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

/** The lookups of an address (RFC 1833 section 2.1: struct rpcbs_addrlist). */
export interface AddressStat {
  /** The program that was looked up. */
  readonly program: number;
  /** The version that was looked up. */
  readonly version: number;
  /** The number of lookups that found it. */
  readonly success: number;
  /** The number of lookups that did not. */
  readonly failure: number;
  /** The transport of the lookups. */
  readonly netid: string;
}

/** The calls that the port mapper forwarded to a program (RFC 1833 section 2.1: struct rpcbs_rmtcalllist). */
export interface RemoteCallStat extends AddressStat {
  /** The procedure of the program that was called. */
  readonly procedure: number;
  /** The number of calls that arrived by INDIRECT. */
  readonly indirect: number;
}

/** The statistics of one version (RFC 1833 section 2.1: struct rpcb_stat). */
export interface RpcbStat {
  /** Calls by procedure: RPCBSTAT_HIGHPROC (13) counters. */
  readonly calls: readonly number[];
  /** SETs that registered something. */
  readonly sets: number;
  /** UNSETs that removed something. */
  readonly unsets: number;
  /** The lookups, by address. */
  readonly addresses: readonly AddressStat[];
  /** The forwarded calls, by procedure. */
  readonly remoteCalls: readonly RemoteCallStat[];
}

/** RFC 1833 section 2.1: RPCBSTAT_HIGHPROC, the number of call counters. */
export const STAT_PROCEDURES = 13;
/** RFC 1833 section 2.1: RPCBVERS_STAT, the number of versions with statistics: 2, 3 and 4. */
export const STAT_VERSIONS = 3;
/** The maximum number of nodes in a statistics list that a client reads. */
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
