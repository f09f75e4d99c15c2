// Predicts whether bind(2) followed by listen(2) would fail with EADDRINUSE: the conflict rules of Linux, applied to
// what its socket tables show.
import { type IpAddress, isWildcard } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Protocol } from '../../../base/port.ts';

/** The bind of a server that is to be predicted. */
export interface BindRequest {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** IPV6_V6ONLY (ipv6(7)); ignored for IPv4. */
  readonly v6Only: boolean;
  /** SO_REUSEADDR and SO_REUSEPORT (socket(7)). */
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  /** The effective uid of the binding process. */
  readonly uid: number;
}

/** Socket options that the kernel does not show to other processes. */
export type HiddenOption = 'SO_REUSEADDR' | 'SO_REUSEPORT' | 'IPV6_V6ONLY';

/** A socket that conflicts with the bind. */
export interface Conflict<Holder extends OpenSocket = OpenSocket> {
  readonly holder: Holder;
  /** There is no conflict if the holder set one of these; empty: the conflict is certain. */
  readonly unless: readonly HiddenOption[];
}

/** The result of a bind: `free`, `in-use` (EADDRINUSE), or `unknown` where it depends on hidden options. */
export interface BindOutcome<Holder extends OpenSocket = OpenSocket> {
  readonly answer: 'free' | 'in-use' | 'unknown';
  /** The conflicts: certain if the answer is `in-use`, possible if it is `unknown`. */
  readonly conflicts: readonly Conflict<Holder>[];
}

/**
 * Predicts a bind, given all sockets on its port. Privilege, the profile, and whether the host has the address are not
 * considered. Assumes a server that is not bound to an interface.
 */
export function predictBind<Holder extends OpenSocket>(
  holders: readonly Holder[],
  request: BindRequest,
): BindOutcome<Holder> {
  const conflicts = holders.flatMap((holder) => {
    const unless = conflictOf(holder, request);
    return unless ? [{ holder, unless }] : [];
  });
  const certain = conflicts.filter(({ unless }) => unless.length === 0);
  if (certain.length > 0) return { answer: 'in-use', conflicts: certain };
  return { answer: conflicts.length > 0 ? 'unknown' : 'free', conflicts };
}

/** Undefined where the two do not conflict; else the options of the holder that would permit the bind. */
function conflictOf(holder: OpenSocket, request: BindRequest): HiddenOption[] | undefined {
  if (holder.protocol !== request.protocol || !isBound(holder)) return undefined;
  const overlap = overlapOf(holder, request);
  if (overlap === 'no') return undefined;
  return [...(overlap === 'unless v6only' ? ['IPV6_V6ONLY' as const] : []), ...sharingOf(holder, request)];
}

/** A connection request in SYN_RECV belongs to the listener and does not hold the port itself. */
function isBound({ state, inode }: OpenSocket): boolean {
  return state !== 'SYN_RECV' || inode !== 0;
}

/**
 * inet_bind_conflict() of net/ipv4/inet_connection_sock.c, and udp_lib_lport_inuse() of net/ipv4/udp.c: SO_REUSEADDR on
 * both sockets, for TCP unless the holder listens; SO_REUSEPORT on both sockets and equal uids. A socket in TIME_WAIT
 * no longer has a uid (tcp_time_wait() of net/ipv4/tcp_minisocks.c).
 */
function sharingOf(holder: OpenSocket, { reuseAddress, reusePort, uid }: BindRequest): HiddenOption[] {
  const isSameUser = holder.uid === undefined || holder.uid === uid;
  return [
    ...(reuseAddress && holder.state !== 'LISTEN' ? ['SO_REUSEADDR' as const] : []),
    ...(reusePort && isSameUser ? ['SO_REUSEPORT' as const] : []),
  ];
}

/**
 * Whether the addresses of two sockets overlap; the kernel does not show for all of them whether they are IPv6 only.
 */
type Overlap = 'yes' | 'no' | 'unless v6only';

/** inet_rcv_saddr_equal() of net/ipv4/inet_connection_sock.c, with wildcards on both sides. */
function overlapOf({ local, v6Only, state }: OpenSocket, request: BindRequest): Overlap {
  const held = endOf(local.address);
  const requested = endOf(request.address);
  if (held.v4 && requested.v4) return overlaps(held.v4, requested.v4) ? 'yes' : 'no';
  if (!held.v4 && !requested.v4) return overlaps(held.ip, requested.ip) ? 'yes' : 'no';
  if (held.v4) return isWildcard(requested.ip) && !request.v6Only ? 'yes' : 'no';
  // An IPv6 address, even ::1, conflicts with 0.0.0.0 unless the socket is IPv6 only. bind(2) to such an address makes
  // it IPv6 only, connect(2) does not. The mapped form of an IPv4 address conflicts with :: alone.
  const isCovered = isWildcard(held.ip) || (request.address.family === 4 && isWildcard(request.address));
  if (!isCovered) return 'no';
  if (SHOWS_V6ONLY.has(state)) return v6Only ? 'no' : 'yes';
  return 'unless v6only';
}

/** The states in which inet_diag_msg_attrs_fill() of net/ipv4/inet_diag.c reports IPV6_V6ONLY. */
const SHOWS_V6ONLY: ReadonlySet<OpenSocket['state']> = new Set(['LISTEN', 'BOUND', 'UNCONNECTED']);

/** An address, and the IPv4 address that it is or maps to (RFC 4291 2.5.5.2). */
function endOf(ip: IpAddress): { readonly ip: IpAddress; readonly v4: IpAddress | undefined } {
  if (ip.family === 4) return { ip, v4: ip };
  const isMapped = ip.bytes.every((byte, at) => at >= 12 || byte === (at < 10 ? 0 : 0xff));
  return { ip, v4: isMapped ? { family: 4, bytes: ip.bytes.subarray(12) } : undefined };
}

/** Whether two addresses of a family are equal, or one of them is the wildcard. */
function overlaps(one: IpAddress, other: IpAddress): boolean {
  return isWildcard(one) || isWildcard(other) || one.bytes.every((byte, at) => byte === other.bytes[at]);
}
