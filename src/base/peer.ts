// Who sends requests to a server of ours, and the addresses at which it can be reached.
import type { IpAddress } from './address.ts';
import type { NetId } from './netid.ts';

/** An address of an interface of this host, in its network namespace. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  /** The length of its network's prefix, in bits. */
  readonly prefix: number;
  /** The index of its interface (netdevice(7)), the scope of a link-local address. */
  readonly interfaceIndex: number;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
}

/** Why it is not said who sent a request. */
export type SenderRefusal =
  /** No socket of this host can have sent it, several can, or it came from another host. */
  | 'UNKNOWN'
  /** It waited so long that its sender's port may be another's by now. It is not answered, so that it is sent again. */
  | 'LATE'
  /** Root's, over UDP, from a port that is not below net.ipv4.ip_unprivileged_port_start; that has no port below it. */
  | 'ROOT_PORT_UNPRIVILEGED'
  | 'ROOT_PORT_NONE'
  /** Root's, over UDP, from a port that the guard lets others have as well. */
  | 'ROOT_PORT_GRANTED';

/** Who sent a request. */
export type Sender =
  | { readonly uid: number }
  | { readonly refused: 'LATE' }
  | { readonly refused: Exclude<SenderRefusal, 'LATE'> };

/** Whoever sent a request. One object serves many requests: what is wanted later has to be copied. */
export interface Peer {
  /** The transport over which the request came. */
  readonly netid: NetId;
  /** Its IPv4 address as a number, 0 if it has none. */
  readonly v4: number;
  /** Its address, undefined on a Unix socket. */
  address(): IpAddress | undefined;
  /** Its port, 0 on a Unix socket. */
  readonly port: number;
  /** The interface that a link-local IPv6 address belongs to, 0 if none. */
  readonly scopeId: number;
  /** The address of ours that it sent the request to, undefined on a Unix socket. */
  localAddress(): IpAddress | undefined;
  /**
   * Who sent it, as the kernel knows: the process at the other end of a Unix socket, or the owner of the one socket of
   * this host that can have sent it.
   */
  sender(): Sender;
  /** Whether it is in another network namespace of this host, whose sockets cannot be seen from here. */
  isElsewhere(): boolean;
}
