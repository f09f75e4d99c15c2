// A socket of a host that has a port, and a process that has it open.
import type { IpAddress } from './address.ts';
import type { Protocol } from './port.ts';

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
