// The credentials of clients of a Unix socket that Node serves, recorded by the kernel at connect(2) (unix(7):
// SO_PEERCRED).
import type { Socket } from 'node:net';
import { AF_UNIX, SO_PEERCRED, SOL_SOCKET } from './sys/constants.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <asm-generic/socket.h> */
const SO_DOMAIN = 39;
const SO_PEERGROUPS = 59;

/** struct ucred (unix(7)): pid, uid and gid, 32 bits each. */
export const UCRED_BYTES = 12;
export const UCRED_UID_AT = 4;
const UCRED_GID_AT = 8;
const GID_BYTES = 4;
/** The initial size. A client with more groups requires another call (NGROUPS_MAX is 65536). */
const GROUPS_AT_FIRST = 64;
/** The uid that the kernel returns without credentials. */
const NO_UID = 0xffff_ffff;

/** The credentials at connect(2). */
export interface PeerCredentials {
  readonly pid: number;
  /** The effective uid. */
  readonly uid: number;
  /** The effective gid and the supplementary gids. */
  readonly gids: readonly number[];
}

/**
 * The credentials of the peer of an accepted Unix socket. Undefined for another type of socket, and for a closed one.
 */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined || option(fd, SO_DOMAIN, 4)?.view.getInt32(0, true) !== AF_UNIX) return undefined;
  const credentials = option(fd, SO_PEERCRED, UCRED_BYTES)?.view;
  const uid = credentials?.getUint32(UCRED_UID_AT, true) ?? NO_UID;
  if (!credentials || uid === NO_UID) return undefined;
  const gid = credentials.getUint32(UCRED_GID_AT, true);
  return { pid: credentials.getInt32(0, true), uid, gids: [gid, ...groupsOf(fd)] };
}

/**
 * The descriptor of a node:net socket. Node exposes it only in the handle object, which exists until the socket is
 * closed. The number is not reused before that.
 */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

function groupsOf(fd: number): number[] {
  const groups = option(fd, SO_PEERGROUPS, GROUPS_AT_FIRST * GID_BYTES);
  const count = (groups?.length ?? 0) / GID_BYTES;
  return Array.from({ length: count }, (_, i) => groups?.view.getUint32(i * GID_BYTES, true) ?? NO_UID);
}

/** The value of a socket option and its length. Undefined if the kernel does not support it. */
function option(fd: number, name: number, bytes: number): { view: DataView; length: number } | undefined {
  const value = new NativeBuffer(bytes);
  const length = new NativeBuffer(4);
  length.view.setUint32(0, bytes, true);
  if (sys.getsockopt(fd, SOL_SOCKET, name, value.address, length.address) === 0) {
    return { view: value.view, length: length.view.getUint32(0, true) };
  }
  const needed = length.view.getUint32(0, true);
  return errno() === ERRNO['ERANGE'] && needed > bytes ? option(fd, name, needed) : undefined;
}
