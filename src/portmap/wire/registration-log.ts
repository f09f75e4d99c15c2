// The format of the registration log: a header that identifies the boot, then records with length and checksum.
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { crc32 } from '../../base/crc32.ts';
import { NETIDS, type NetId, netIdInfo } from '../../base/netid.ts';
import { UADDR_MAX_BYTES } from '../../wire/uaddr.ts';
import { XdrError, XdrReader, XdrWriter } from './xdr.ts';

/** The size of the header; the records follow it. */
export const LOG_HEADER_BYTES = 160;
/** The maximum size of a record, with its length and checksum. */
export const LOG_RECORD_MAX_BYTES = 256;
/** "PRLOG", and the version of this format. */
const MAGIC = 0x50524c31;
/** The maximum length of a stamp. */
export const LOG_STAMP_MAX_BYTES = 128;
/**
 * Before each record: its length, the complement of the length, and the checksum. The complement distinguishes a
 * damaged length from a record that was not written completely.
 */
const RECORD_HEAD_BYTES = 8;
/** The uid that means "unknown" (credentials(7): no user has this uid). */
const NO_UID = 0xffff_ffff;

interface LogHeader {
  /** Incremented each time the log is rewritten: of two logs, the higher one is newer. */
  readonly generation: number;
  /** The boot and the network namespace in which its registrations are valid. */
  readonly stamp: string;
}

export type LoggedChange = LoggedSet | LoggedUnset | LoggedFound;

export interface LoggedSet {
  readonly kind: 'set';
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  readonly uaddr: string;
  readonly owner: number | undefined;
  /** Registered from another network namespace. */
  readonly isElsewhere: boolean;
  /** The socket that was seen at its address when it was registered. */
  readonly socket: { readonly uid: number; readonly inode: number } | undefined;
}

interface LoggedUnset {
  readonly kind: 'unset';
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
}

/** The socket of a registration that was logged without a socket. */
interface LoggedFound {
  readonly kind: 'found';
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  readonly socket: { readonly uid: number; readonly inode: number };
}

const KIND = { set: 1, unset: 2, found: 3 } as const;

export function encodeLogHeader(header: LogHeader): Uint8Array {
  const bytes = bytesOf(new Uint8Array(LOG_HEADER_BYTES));
  const writer = new XdrWriter(bytes, 8);
  writer.u32(header.generation);
  writer.string(header.stamp);
  bytes.view.setUint32(0, MAGIC);
  bytes.view.setUint32(4, crc32(bytes.u8, 8));
  return bytes.u8;
}

/** The header of a log; undefined if it is missing or damaged. */
export function decodeLogHeader(log: Uint8Array): LogHeader | undefined {
  if (log.length < LOG_HEADER_BYTES) return undefined;
  const bytes = bytesOf(log.subarray(0, LOG_HEADER_BYTES));
  if (bytes.view.getUint32(0) !== MAGIC || bytes.view.getUint32(4) !== crc32(bytes.u8, 8)) return undefined;
  const reader = new XdrReader(bytes, 8);
  try {
    return { generation: reader.u32(), stamp: reader.string(LOG_STAMP_MAX_BYTES) };
  } catch (thrown) {
    if (thrown instanceof XdrError) return undefined;
    throw thrown;
  }
}

/** Whether a file has no header, because it is empty or was not written completely: the header is written last. */
export function isUnfinished(log: Uint8Array): boolean {
  return log.subarray(0, LOG_HEADER_BYTES).every((byte) => byte === 0);
}

/** Writes a record at an offset; returns its length. */
export function writeLogRecord(bytes: Bytes, at: number, change: LoggedChange): number {
  const start = at + RECORD_HEAD_BYTES;
  const writer = new XdrWriter(bytes, start, at + LOG_RECORD_MAX_BYTES);
  writer.u32(KIND[change.kind]);
  writer.u32(change.program);
  writer.u32(change.version);
  writer.u32(netIdInfo(change.netid).index);
  if (change.kind === 'set') {
    writer.string(change.uaddr);
    writer.u32(change.owner ?? NO_UID);
    writer.bool(change.isElsewhere);
    writer.u32(change.socket?.uid ?? NO_UID);
    writer.u32(change.socket?.inode ?? 0);
  } else if (change.kind === 'found') {
    writer.u32(change.socket.uid);
    writer.u32(change.socket.inode);
  }
  bytes.view.setUint16(at, writer.at - start);
  bytes.view.setUint16(at + 2, ~(writer.at - start));
  bytes.view.setUint32(at + 4, crc32(bytes.u8, start, writer.at));
  return writer.at - at;
}

function decodeChange(reader: XdrReader): LoggedChange {
  const kind = reader.u32();
  const program = reader.u32();
  const version = reader.u32();
  const netid = NETIDS[reader.u32()];
  if (netid === undefined) throw new XdrError('XDR_BAD_VALUE', 'an unknown netid');
  if (kind === KIND.unset) return { kind: 'unset', program, version, netid };
  if (kind === KIND.found) {
    return { kind: 'found', program, version, netid, socket: { uid: reader.u32(), inode: reader.u32() } };
  }
  if (kind !== KIND.set) throw new XdrError('XDR_BAD_VALUE', `${kind} is not a record kind`);
  const uaddr = reader.string(UADDR_MAX_BYTES);
  const owner = reader.u32();
  const isElsewhere = reader.bool();
  const uid = reader.u32();
  const inode = reader.u32();
  return {
    kind: 'set',
    program,
    version,
    netid,
    uaddr,
    owner: owner === NO_UID ? undefined : owner,
    isElsewhere,
    socket: inode === 0 ? undefined : { uid, inode },
  };
}

/** The valid records of a log. */
export interface LogContents {
  readonly changes: readonly LoggedChange[];
  /** The end of the last valid record. */
  readonly end: number;
  /** What follows `end`; `torn`: a record that was not written completely, `damaged`: corrupt data. */
  readonly tail: 'clean' | 'torn' | 'damaged';
}

export function readLog(log: Uint8Array): LogContents {
  const bytes = bytesOf(log);
  const changes: LoggedChange[] = [];
  let at = LOG_HEADER_BYTES;
  for (;;) {
    const left = log.length - at;
    if (left === 0) return { changes, end: at, tail: 'clean' };
    if (left < RECORD_HEAD_BYTES) return { changes, end: at, tail: 'torn' };
    const length = bytes.view.getUint16(at);
    const start = at + RECORD_HEAD_BYTES;
    if ((length ^ bytes.view.getUint16(at + 2)) !== 0xffff) return { changes, end: at, tail: 'damaged' };
    if (length > left - RECORD_HEAD_BYTES) return { changes, end: at, tail: 'torn' };
    if (bytes.view.getUint32(at + 4) !== crc32(log, start, start + length)) {
      return { changes, end: at, tail: 'damaged' };
    }
    try {
      changes.push(decodeChange(new XdrReader(bytes, start, start + length)));
    } catch (thrown) {
      if (thrown instanceof XdrError) return { changes, end: at, tail: 'damaged' };
      throw thrown;
    }
    at = start + length;
  }
}
