// The sender of a request to one of our servers, and the addresses of this host.
import type { IpAddress } from './address.ts';
import type { NetId } from './netid.ts';

/** An address of a network interface in our network namespace. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  /** The prefix length, in bits. */
  readonly prefix: number;
  /** The index of the interface (netdevice(7)): the scope of a link-local address. */
  readonly interfaceIndex: number;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
}

/** Why the sender of a request is not identified. */
export type SenderRefusal =
  /** No socket of this host could have sent it, several could, or it came from another host. */
  | 'UNKNOWN'
  /** It waited too long: another socket may have the port by now. It is not answered, so that it is retransmitted. */
  | 'LATE'
  /** From root over UDP, from a port that is not below net.ipv4.ip_unprivileged_port_start, or that setting is 0. */
  | 'ROOT_PORT_UNPRIVILEGED'
  | 'ROOT_PORT_NONE'
  /** From root over UDP, from a port that the guard also permits to other users. */
  | 'ROOT_PORT_GRANTED';

export type Sender =
  | { readonly uid: number }
  | { readonly refused: 'LATE' }
  | { readonly refused: Exclude<SenderRefusal, 'LATE'> };

/** The sender of a request. The object is reused for other requests: copy what is needed later. */
export interface Peer {
  /** The transport over which the request came. */
  readonly netid: NetId;
  /** The IPv4 address as a number. 0 if there is none. */
  readonly v4: number;
  /** Undefined on a Unix socket. */
  address(): IpAddress | undefined;
  /** 0 on a Unix socket. */
  readonly port: number;
  /** The interface of a link-local IPv6 address. 0 if there is none. */
  readonly scopeId: number;
  /** The destination address of the request. Undefined on a Unix socket. */
  localAddress(): IpAddress | undefined;
  /**
   * The sender as the kernel reports it: the peer of a Unix socket, or the owner of the only socket of this host that
   * could have sent the request.
   */
  sender(): Sender;
  /** Whether the sender is in another network namespace of this host. Its sockets are not visible here. */
  isElsewhere(): boolean;
}
