// Whether bind(2), and listen(2) after it, would find a port taken: Linux's own rules, by what its tables show.
import { type IpAddress, isWildcard } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Protocol } from '../../../base/port.ts';

/** A server that is to be bound to a port. */
export interface WantedBind {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** IPV6_V6ONLY (ipv6(7)); means nothing for IPv4. */
  readonly v6Only: boolean;
  /** SO_REUSEADDR and SO_REUSEPORT (socket(7)). */
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  /** The effective uid of who binds. */
  readonly uid: number;
}

/** What a socket may have set that the kernel tells nobody else. */
export type HiddenOption = 'SO_REUSEADDR' | 'SO_REUSEPORT' | 'IPV6_V6ONLY';

/** A socket that is in the way. */
export interface Conflict<Holder extends OpenSocket = OpenSocket> {
  readonly holder: Holder;
  /** It is not if it has one of these set; none: it is for certain. */
  readonly unless: readonly HiddenOption[];
}

/** What would become of a bind: `free`, `taken` (EADDRINUSE), or `unsure` where it depends on hidden options. */
export interface BindOutcome<Holder extends OpenSocket = OpenSocket> {
  readonly answer: 'free' | 'taken' | 'unsure';
  /** What is in the way: for certain where the answer is `taken`, perhaps where it is `unsure`. */
  readonly conflicts: readonly Conflict<Holder>[];
}

/**
 * What would become of a bind beside the sockets that there are, all of them on its port. Privilege, the profile and
 * whether the host has the address are not looked at. It is told for a server that is bound to no interface.
 */
export function judgeBind<Holder extends OpenSocket>(
  holders: readonly Holder[],
  wanted: WantedBind,
): BindOutcome<Holder> {
  const conflicts = holders.flatMap((holder) => {
    const unless = conflictOf(holder, wanted);
    return unless ? [{ holder, unless }] : [];
  });
  const certain = conflicts.filter(({ unless }) => unless.length === 0);
  if (certain.length > 0) return { answer: 'taken', conflicts: certain };
  return { answer: conflicts.length > 0 ? 'unsure' : 'free', conflicts };
}

/** Undefined where the two do not meet; else what of the holder's options would let the other one in. */
function conflictOf(holder: OpenSocket, wanted: WantedBind): HiddenOption[] | undefined {
  if (holder.protocol !== wanted.protocol || !isBound(holder)) return undefined;
  const meeting = meetingOf(holder, wanted);
  if (meeting === 'no') return undefined;
  return [...(meeting === 'unless v6only' ? ['IPV6_V6ONLY' as const] : []), ...sharingOf(holder, wanted)];
}

/** A connection that is not yet made belongs to the listener, and is not among those that hold the port. */
function isBound({ state, inode }: OpenSocket): boolean {
  return state !== 'SYN_RECV' || inode !== 0;
}

/**
 * inet_bind_conflict() of net/ipv4/inet_connection_sock.c, and udp_lib_lport_inuse() of net/ipv4/udp.c: SO_REUSEADDR
 * on both sides, of TCP unless the other one listens; SO_REUSEPORT on both sides and one uid, which a connection that
 * only waits has no more (tcp_time_wait() of net/ipv4/tcp_minisocks.c).
 */
function sharingOf(holder: OpenSocket, { reuseAddress, reusePort, uid }: WantedBind): HiddenOption[] {
  const isSameUser = holder.uid === undefined || holder.uid === uid;
  return [
    ...(reuseAddress && holder.state !== 'LISTEN' ? ['SO_REUSEADDR' as const] : []),
    ...(reusePort && isSameUser ? ['SO_REUSEPORT' as const] : []),
  ];
}

/** Whether the addresses of two sockets meet; of some the kernel does not show whether they are IPv6 only. */
type Meeting = 'yes' | 'no' | 'unless v6only';

/** inet_rcv_saddr_equal() of net/ipv4/inet_connection_sock.c, with wildcards on both sides. */
function meetingOf({ local, v6Only, state }: OpenSocket, wanted: WantedBind): Meeting {
  const held = endOf(local.address);
  const asked = endOf(wanted.address);
  if (held.v4 && asked.v4) return meets(held.v4, asked.v4) ? 'yes' : 'no';
  if (!held.v4 && !asked.v4) return meets(held.ip, asked.ip) ? 'yes' : 'no';
  if (held.v4) return isWildcard(asked.ip) && !wanted.v6Only ? 'yes' : 'no';
  // An IPv6 address, even ::1, keeps 0.0.0.0 from being bound, unless the socket is IPv6 only: bind(2) to such an
  // address makes it that, connect(2) does not. The mapped form of an IPv4 address meets :: alone.
  const isMet = isWildcard(held.ip) || (wanted.address.family === 4 && isWildcard(wanted.address));
  if (!isMet) return 'no';
  if (SHOWS_V6ONLY.has(state)) return v6Only ? 'no' : 'yes';
  return 'unless v6only';
}

/** The states in which inet_diag_msg_attrs_fill() of net/ipv4/inet_diag.c tells of IPV6_V6ONLY. */
const SHOWS_V6ONLY: ReadonlySet<OpenSocket['state']> = new Set(['LISTEN', 'BOUND', 'UNCONNECTED']);

/** An address, with the IPv4 address that it is or stands for (RFC 4291 2.5.5.2). */
function endOf(ip: IpAddress): { readonly ip: IpAddress; readonly v4: IpAddress | undefined } {
  if (ip.family === 4) return { ip, v4: ip };
  const isMapped = ip.bytes.every((byte, at) => at >= 12 || byte === (at < 10 ? 0 : 0xff));
  return { ip, v4: isMapped ? { family: 4, bytes: ip.bytes.subarray(12) } : undefined };
}

/** Whether two addresses of a family are the same, or one of them is the wildcard. */
function meets(one: IpAddress, other: IpAddress): boolean {
  return isWildcard(one) || isWildcard(other) || one.bytes.every((byte, at) => byte === other.bytes[at]);
}
