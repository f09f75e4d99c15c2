// The port mapper, version 2 of program 100000 (RFC 1833 section 3): its procedures, arguments and results.
import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

/** The program number of the port mapper and of rpcbind (RFC 1833 sections 2.2.1 and 3.2). */
export const PORTMAP_PROGRAM = 100000;

/** RFC 1833 section 3.2: the procedures of version 2. */
export const PMAPPROC = { NULL: 0, SET: 1, UNSET: 2, GETPORT: 3, DUMP: 4, CALLIT: 5 } as const;

/** RFC 1833 section 3.1: the protocols of a mapping. */
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

/** The maximum size of CALLIT's arguments: libtirpc's UDPMSGSIZE, the largest message of its UDP clients. */
export const CALL_ARGS_MAX_BYTES = 8800;

/** A mapping (RFC 1833 section 3.1: struct mapping). The port is any 32-bit value: it is not validated here. */
export interface Mapping {
  readonly program: number;
  readonly version: number;
  readonly protocol: number;
  readonly port: number;
}

export function decodeMapping(reader: XdrReader): Mapping {
  return { program: reader.u32(), version: reader.u32(), protocol: reader.u32(), port: reader.u32() };
}

export function encodeMapping(writer: XdrWriter, mapping: Mapping): void {
  writer.u32(mapping.program);
  writer.u32(mapping.version);
  writer.u32(mapping.protocol);
  writer.u32(mapping.port);
}

/** Reads a list of optional-data: TRUE before each node, FALSE after the last (RFC 4506 section 4.19). */
export function decodeList<T>(reader: XdrReader, max: number, decodeNode: (reader: XdrReader) => T): T[] {
  const nodes: T[] = [];
  while (reader.bool()) {
    if (nodes.length >= max) throw new XdrError('XDR_TOO_LONG', `a list of more than ${max} nodes`);
    nodes.push(decodeNode(reader));
  }
  return nodes;
}

/** Writes a list, with a loop in place of the recursion of RFC 4506, so that its length is not bound by the stack. */
export function encodeList<T>(
  writer: XdrWriter,
  nodes: Iterable<T>,
  encodeNode: (writer: XdrWriter, node: T) => void,
): void {
  for (const node of nodes) {
    writer.bool(true);
    encodeNode(writer, node);
  }
  writer.bool(false);
}

/**
 * The arguments of CALLIT, and of rpcbind's CALLIT, BCAST and INDIRECT (RFC 1833 3.1: call_args; 2.1:
 * rpcb_rmtcallargs).
 */
export interface CallItArgs {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly args: Uint8Array;
}

export function decodeCallItArgs(reader: XdrReader): CallItArgs {
  return {
    program: reader.u32(),
    version: reader.u32(),
    procedure: reader.u32(),
    args: reader.opaque(CALL_ARGS_MAX_BYTES),
  };
}
