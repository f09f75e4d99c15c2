// The transports of netconfig(5) that a port mapper supports, and their network identifiers.
import type { IpAddress } from './address.ts';

/** A network identifier: the name of a transport in netconfig(5) and in rpcbind's messages. */
export type NetId = 'udp' | 'tcp' | 'udp6' | 'tcp6' | 'local';

/** In the order of netconfig(5). Tables use the position as their index. */
export const NETIDS: readonly NetId[] = ['udp', 'tcp', 'udp6', 'tcp6', 'local'];

interface NetIdInfo {
  readonly netid: NetId;
  /** The position in NETIDS. */
  readonly index: number;
  /** The protocol family as rpcbind v4's GETADDRLIST names it (RFC 1833 section 2.1). */
  readonly family: 'inet' | 'inet6' | 'loopback';
  /** The protocol as GETADDRLIST names it; empty for local transports. */
  readonly protocol: 'udp' | 'tcp' | '';
  /** The protocol number (RFC 1833 section 3.1: IPPROTO_TCP 6, IPPROTO_UDP 17), 0 for local transports. */
  readonly protocolNumber: number;
  /** 1: connectionless; 3: connection-oriented with orderly release (RFC 1833 section 2.1). */
  readonly semantics: 1 | 3;
}

const INFO: Readonly<Record<NetId, NetIdInfo>> = {
  udp: { netid: 'udp', index: 0, family: 'inet', protocol: 'udp', protocolNumber: 17, semantics: 1 },
  tcp: { netid: 'tcp', index: 1, family: 'inet', protocol: 'tcp', protocolNumber: 6, semantics: 3 },
  udp6: { netid: 'udp6', index: 2, family: 'inet6', protocol: 'udp', protocolNumber: 17, semantics: 1 },
  tcp6: { netid: 'tcp6', index: 3, family: 'inet6', protocol: 'tcp', protocolNumber: 6, semantics: 3 },
  local: { netid: 'local', index: 4, family: 'loopback', protocol: '', protocolNumber: 0, semantics: 3 },
};

/** The address of a service on a transport. Only uaddr.ts creates it, so that address, port and text agree. */
export interface ServiceAddress {
  /** The IP address. For a Unix socket, its path, or "@" and its abstract name. */
  readonly address: IpAddress | string;
  /** 1 to 65535, or 0 for a Unix socket. */
  readonly port: number;
  /** The canonical universal address. For a Unix socket, its path. */
  readonly uaddr: string;
}

export function netIdInfo(netid: NetId): NetIdInfo {
  return INFO[netid];
}

/** Returns undefined if the text is not a netid. */
export function parseNetId(text: string): NetId | undefined {
  return NETIDS.find((netid) => netid === text);
}
