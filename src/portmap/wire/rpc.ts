// ONC RPC version 2 messages (RFC 5531): calls, replies, and the credentials AUTH_NONE and AUTH_SYS.
import { padded, XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

/** RFC 5531 section 9: msg_type. */
const MSG_CALL = 0;
const MSG_REPLY = 1;
/** RFC 5531 section 9: reply_stat. */
const MSG_ACCEPTED = 0;

/** RFC 5531 section 9: the only version of the protocol. */
const RPC_VERSION = 2;

/** RFC 5531 section 9: accept_stat. */
export const ACCEPT = {
  SUCCESS: 0,
  PROG_UNAVAIL: 1,
  PROG_MISMATCH: 2,
  PROC_UNAVAIL: 3,
  GARBAGE_ARGS: 4,
  SYSTEM_ERR: 5,
} as const;

/** RFC 5531 section 9: reject_stat. */
const REJECT = { RPC_MISMATCH: 0, AUTH_ERROR: 1 } as const;

/** RFC 5531 section 9: the values of auth_stat that a server of AUTH_NONE and AUTH_SYS uses. */
export const AUTH_STAT = {
  OK: 0,
  BADCRED: 1,
  REJECTEDCRED: 2,
  BADVERF: 3,
  TOOWEAK: 5,
  FAILED: 7,
} as const;

/** RFC 5531 section 8.2 and appendix A: auth_flavor. */
const AUTH_FLAVOR = { NONE: 0, SYS: 1, DH: 3, GSS: 6 } as const;

/** RFC 5531 section 8.2: the body of a credential or verifier has at most 400 bytes. */
const AUTH_BODY_MAX_BYTES = 400;
/** RFC 5531 appendix A: a machine name has at most 255 bytes, a credential at most 16 groups. */
export const MACHINE_NAME_MAX_BYTES = 255;
export const AUTH_SYS_GIDS_MAX = 16;

/** The credential of AUTH_SYS (RFC 5531 appendix A): the identity that a caller claims, without proof. */
export interface AuthSys {
  /** An arbitrary number. */
  readonly stamp: number;
  /** The caller's host, at most 255 characters of one byte. */
  readonly machineName: string;
  /** The caller's effective uid. */
  readonly uid: number;
  /** The caller's effective gid. */
  readonly gid: number;
  /** The caller's supplementary groups, at most 16. */
  readonly gids: readonly number[];
}

/** The result of decoding the header of a message. */
type CallVerdict = 'call' | 'not-a-call' | 'rpc-mismatch' | 'auth-error';

/** The header of a call. A server reuses one object for all calls. */
export class CallHead {
  xid = 0;
  program = 0;
  version = 0;
  procedure = 0;
  flavor = 0;
  /** The auth_stat of the verdict `auth-error`. */
  authStat = 0;

  /**
   * Reads the header of a message; the reader is then at the arguments. A message that is truncated in its header, or
   * that is not a call, cannot be answered: `not-a-call`.
   */
  read(reader: XdrReader): CallVerdict {
    if (reader.left < 12) return 'not-a-call';
    this.xid = reader.peek(0);
    if (reader.peek(4) !== MSG_CALL) return 'not-a-call';
    if (reader.peek(8) !== RPC_VERSION) return 'rpc-mismatch';
    if (reader.left < 32) return 'not-a-call';
    this.program = reader.peek(12);
    this.version = reader.peek(16);
    this.procedure = reader.peek(20);
    reader.at += 24;
    return this.#readAuth(reader);
  }

  #readAuth(reader: XdrReader): CallVerdict {
    this.flavor = reader.u32();
    const length = reader.u32();
    if (length > AUTH_BODY_MAX_BYTES) return this.#refuse(AUTH_STAT.BADCRED);
    const start = reader.at;
    if (padded(length) + 8 > reader.left) return 'not-a-call';
    if (this.flavor !== AUTH_FLAVOR.NONE) {
      const stat = this.#judgeCredential(reader, length);
      if (stat !== AUTH_STAT.OK) return this.#refuse(stat);
    }
    reader.at = start + padded(length);
    reader.u32(); // The verifier's flavor is irrelevant for AUTH_NONE and AUTH_SYS.
    const verifierLength = reader.u32();
    if (verifierLength > AUTH_BODY_MAX_BYTES) return this.#refuse(AUTH_STAT.BADVERF);
    if (padded(verifierLength) > reader.left) return 'not-a-call';
    reader.at += padded(verifierLength);
    return 'call';
  }

  #refuse(stat: number): CallVerdict {
    this.authStat = stat;
    return 'auth-error';
  }

  /** The auth_stat of each flavor is the one of libtirpc's servers. */
  #judgeCredential(reader: XdrReader, length: number): number {
    if (this.flavor === AUTH_FLAVOR.SYS) return isAuthSys(reader, length) ? AUTH_STAT.OK : AUTH_STAT.BADCRED;
    if (this.flavor === AUTH_FLAVOR.DH) return AUTH_STAT.FAILED;
    if (this.flavor === AUTH_FLAVOR.GSS) return AUTH_STAT.BADCRED;
    return AUTH_STAT.REJECTEDCRED;
  }
}

/** Whether the next `length` bytes are an AUTH_SYS credential. Advances the reader. */
function isAuthSys(reader: XdrReader, length: number): boolean {
  const end = reader.at + length;
  if (length < 20) return false;
  reader.at += 4;
  const nameLength = reader.u32();
  if (nameLength > MACHINE_NAME_MAX_BYTES || reader.at + padded(nameLength) + 12 > end) return false;
  reader.at += padded(nameLength) + 8;
  const gids = reader.u32();
  return gids <= AUTH_SYS_GIDS_MAX && reader.at + gids * 4 <= end;
}

/** Writes the body of an AUTH_SYS credential. */
export function encodeAuthSys(writer: XdrWriter, sys: AuthSys): void {
  if (sys.machineName.length > MACHINE_NAME_MAX_BYTES || sys.gids.length > AUTH_SYS_GIDS_MAX) {
    throw new XdrError(
      'XDR_TOO_LONG',
      'a machine name has at most 255 bytes, a credential at most 16 groups',
    );
  }
  writer.u32(sys.stamp);
  writer.string(sys.machineName);
  writer.u32(sys.uid);
  writer.u32(sys.gid);
  writer.u32(sys.gids.length);
  for (const gid of sys.gids) writer.u32(gid);
}

/** Writes the header of an accepted reply; the results follow SUCCESS. */
export function writeAccepted(writer: XdrWriter, xid: number, stat: number): void {
  writer.words(xid, MSG_REPLY, MSG_ACCEPTED, AUTH_FLAVOR.NONE, 0, stat);
}

/** PROG_MISMATCH with the lowest and the highest supported version. */
export function writeProgMismatch(writer: XdrWriter, xid: number, low: number, high: number): void {
  writeAccepted(writer, xid, ACCEPT.PROG_MISMATCH);
  writer.u32(low);
  writer.u32(high);
}

/** RPC_MISMATCH: only RPC version 2 is supported. */
export function writeRpcMismatch(writer: XdrWriter, xid: number): void {
  writer.u32(xid);
  writer.u32(MSG_REPLY);
  writer.u32(1); // MSG_DENIED
  writer.u32(REJECT.RPC_MISMATCH);
  writer.u32(RPC_VERSION);
  writer.u32(RPC_VERSION);
}

/** AUTH_ERROR with its auth_stat. */
export function writeAuthError(writer: XdrWriter, xid: number, stat: number): void {
  writer.u32(xid);
  writer.u32(MSG_REPLY);
  writer.u32(1); // MSG_DENIED
  writer.u32(REJECT.AUTH_ERROR);
  writer.u32(stat);
}

/** The header of a call as a client writes it. */
export interface Call {
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  /** The caller's AUTH_SYS credential; AUTH_NONE if it is absent. */
  readonly sys?: AuthSys;
}

/** Writes the header of a call; the arguments follow. */
export function writeCall(writer: XdrWriter, call: Call): void {
  writer.u32(call.xid);
  writer.u32(MSG_CALL);
  writer.u32(RPC_VERSION);
  writer.u32(call.program);
  writer.u32(call.version);
  writer.u32(call.procedure);
  if (call.sys) {
    writer.u32(AUTH_FLAVOR.SYS);
    const lengthAt = writer.at;
    writer.u32(0);
    encodeAuthSys(writer, call.sys);
    const end = writer.at;
    writer.at = lengthAt;
    writer.u32(end - lengthAt - 4);
    writer.at = end;
  } else {
    writer.u32(AUTH_FLAVOR.NONE);
    writer.u32(0);
  }
  writer.u32(AUTH_FLAVOR.NONE);
  writer.u32(0);
}

/** The header of a reply. After `success` the reader is at the results. */
export type Reply = { readonly xid: number } & ReplyOutcome;

/** The outcome of a call (RFC 5531 section 9: reply_body). */
type ReplyOutcome =
  | { readonly outcome: 'success' | 'prog-unavail' | 'proc-unavail' | 'garbage-args' | 'system-err' }
  | { readonly outcome: 'prog-mismatch' | 'rpc-mismatch'; readonly low: number; readonly high: number }
  | { readonly outcome: 'auth-error'; readonly stat: number };

/** Reads the header of a reply. Throws XdrError if the message is not a reply. */
export function readReply(reader: XdrReader): Reply {
  const xid = reader.u32();
  if (reader.u32() !== MSG_REPLY) throw new XdrError('XDR_BAD_VALUE', 'not a reply');
  const status = reader.u32();
  if (status === 1) return { xid, ...readDenial(reader) };
  if (status !== 0) throw new XdrError('XDR_BAD_VALUE', `${status} is not a reply_stat`);
  reader.u32();
  reader.opaque(AUTH_BODY_MAX_BYTES);
  return { xid, ...readAcceptance(reader) };
}

function readDenial(reader: XdrReader): ReplyOutcome {
  const reason = reader.u32();
  if (reason === REJECT.RPC_MISMATCH)
    return { outcome: 'rpc-mismatch', low: reader.u32(), high: reader.u32() };
  if (reason === REJECT.AUTH_ERROR) return { outcome: 'auth-error', stat: reader.u32() };
  throw new XdrError('XDR_BAD_VALUE', `${reason} is not a reject_stat`);
}

function readAcceptance(reader: XdrReader): ReplyOutcome {
  const stat = reader.u32();
  switch (stat) {
    case ACCEPT.SUCCESS:
      return { outcome: 'success' };
    case ACCEPT.PROG_UNAVAIL:
      return { outcome: 'prog-unavail' };
    case ACCEPT.PROG_MISMATCH:
      return { outcome: 'prog-mismatch', low: reader.u32(), high: reader.u32() };
    case ACCEPT.PROC_UNAVAIL:
      return { outcome: 'proc-unavail' };
    case ACCEPT.GARBAGE_ARGS:
      return { outcome: 'garbage-args' };
    case ACCEPT.SYSTEM_ERR:
      return { outcome: 'system-err' };
    default:
      throw new XdrError('XDR_BAD_VALUE', `${stat} is not an accept_stat`);
  }
}
