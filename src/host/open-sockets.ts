// The sockets of this host that have a port, and the processes that have them open. Interfaces only.
import type { IpAddress } from '../base/address.ts';
import type { Protocol } from '../base/port.ts';

/**
 * What a socket does with its port. TCP's states are those of RFC 9293 under the kernel's names (<net/tcp_states.h>);
 * BOUND is one that is bound and neither listens nor is connected. UDP has UNCONNECTED and ESTABLISHED.
 */
export type SocketState =
  | 'LISTEN'
  | 'BOUND'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'ESTABLISHED'
  | 'FIN_WAIT1'
  | 'FIN_WAIT2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'UNCONNECTED';

/** One end of a socket. */
export interface SocketEnd {
  readonly address: IpAddress;
  readonly port: number;
}

/** A TCP or UDP socket of our network namespace that has a local port. */
export interface OpenSocket {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly local: SocketEnd;
  /** Undefined for one that is not connected. */
  readonly remote: SocketEnd | undefined;
  /** An IPv6 socket that takes no IPv4 (IPV6_V6ONLY); false for IPv4, and where the kernel does not say. */
  readonly v6Only: boolean;
  /** The index of the interface that it is bound to, or that its link-local address belongs to; 0 if none. */
  readonly interfaceIndex: number;
  /** The uid of who made it; undefined where it has no process any more (TIME_WAIT, closed but not yet finished). */
  readonly uid: number | undefined;
  /** 0 where it has no process any more. */
  readonly inode: number;
  /** The number of the cgroup in which it was made; undefined where the kernel does not say. */
  readonly cgroupId: bigint | undefined;
  /** TIME_WAIT: how long until the port is free again, in milliseconds, as the kernel told it. */
  readonly expiresMs: number | undefined;
}

/** A process that has a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** When it was started, in clock ticks since boot: with the pid this is no other process's (proc_pid_stat(5)). */
  readonly startTicks: number;
  /** Its name, up to 15 characters (proc_pid_comm(5)). */
  readonly name: string;
  /** The program and its arguments, with blanks between them, cut off at 4,096 bytes; "" where it tells none. */
  readonly command: string;
  /** Its effective uid. */
  readonly uid: number;
  /** Its cgroup of version 2, from the root of the hierarchy on; undefined if it is in none. */
  readonly cgroup: string | undefined;
}

/** Which sockets are asked for: those to which all applies that is said. */
export interface OpenSocketQuery {
  readonly protocol?: Protocol | undefined;
  /** Undefined is all. */
  readonly states?: readonly SocketState[] | undefined;
  /** The local port. */
  readonly port?: number | undefined;
}

/** Who has sockets open, as far as could be seen. */
export interface OwnersSeen {
  /** By inode; more than one where it was inherited or passed on. One that nobody was seen to have is not in it. */
  readonly owners: ReadonlyMap<number, readonly SocketOwner[]>;
  /** How many processes did not let us look: without root those of others, but for those that hidepid hides. */
  readonly notSeen: number;
}

/** The sockets of our network namespace, and who has them, asked anew each time: true at that moment only. */
export interface OpenSockets {
  /** Throws PortreeveError `SOCKETS_UNREADABLE` (world) where the kernel does not answer. */
  list(query?: OpenSocketQuery): OpenSocket[];
  /** Looks for the processes that have these sockets open. What ends while we look is left out. */
  owners(inodes: ReadonlySet<number>): OwnersSeen;
  /** The cgroup with a number, from the root of the hierarchy on; undefined if there is none any more. */
  cgroupPath(id: bigint): string | undefined;
}
