// Who has connected to a Unix socket that Node serves: what the kernel noted of him then (unix(7): SO_PEERCRED).
import type { Socket } from 'node:net';
import { AF_UNIX, SO_PEERCRED, SOL_SOCKET } from './sys/constants.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <asm-generic/socket.h> */
const SO_DOMAIN = 39;
const SO_PEERGROUPS = 59;

/** struct ucred (unix(7)): pid, uid and gid, each of 32 bits. */
export const UCRED_BYTES = 12;
export const UCRED_UID_AT = 4;
const UCRED_GID_AT = 8;
const GID_BYTES = 4;
/** Groups that are asked for at first; who has more is asked again (NGROUPS_MAX is 65536). */
const GROUPS_AT_FIRST = 64;
/** What the kernel gives where it noted nobody. */
const NOBODY = 0xffff_ffff;

/** Whoever connected, as he was at that moment. */
export interface PeerCredentials {
  readonly pid: number;
  /** The effective one. */
  readonly uid: number;
  /** His group, and his supplementary groups. */
  readonly gids: readonly number[];
}

/**
 * The credentials of the other end of a connection that was accepted on a Unix socket; undefined for another kind of
 * socket, and for one that is closed.
 */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined || option(fd, SO_DOMAIN, 4)?.view.getInt32(0, true) !== AF_UNIX) return undefined;
  const credentials = option(fd, SO_PEERCRED, UCRED_BYTES)?.view;
  const uid = credentials?.getUint32(UCRED_UID_AT, true) ?? NOBODY;
  if (!credentials || uid === NOBODY) return undefined;
  const gid = credentials.getUint32(UCRED_GID_AT, true);
  return { pid: credentials.getInt32(0, true), uid, gids: [gid, ...groupsOf(fd)] };
}

/**
 * The descriptor of a socket of node:net. Node shows it nowhere else than in the object that it has for it, which is
 * there until the socket is closed, and only then is the number given to another file.
 */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

function groupsOf(fd: number): number[] {
  const groups = option(fd, SO_PEERGROUPS, GROUPS_AT_FIRST * GID_BYTES);
  const count = (groups?.length ?? 0) / GID_BYTES;
  return Array.from({ length: count }, (_, i) => groups?.view.getUint32(i * GID_BYTES, true) ?? NOBODY);
}

/** The value of an option, and how many bytes of it there are; undefined where the kernel has none. */
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
