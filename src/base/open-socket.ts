// A socket with a port, as the kernel lists it, and the processes that have it open.
import type { IpAddress } from './address.ts';
import type { Protocol } from './port.ts';

/**
 * The state of a socket. TCP has the states of RFC 9293 under the kernel's names (<net/tcp_states.h>), and BOUND:
 * bound, but neither listening nor connected. UDP has UNCONNECTED and ESTABLISHED.
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

/** A TCP or UDP socket in our network namespace with a local port. */
export interface OpenSocket {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly local: SocketEnd;
  /** Undefined if the socket is not connected. */
  readonly remote: SocketEnd | undefined;
  /** IPV6_V6ONLY. False for an IPv4 socket, and if the kernel does not report it. */
  readonly v6Only: boolean;
  /** The interface that the socket is bound to, or that its link-local address belongs to. 0 if there is none. */
  readonly interfaceIndex: number;
  /** The uid of its creator. Undefined if no process has it open any more (TIME_WAIT, orphaned). */
  readonly uid: number | undefined;
  /** 0 if no process has it open any more. */
  readonly inode: number;
  /** The cgroup in which it was created. Undefined if the kernel does not report it. */
  readonly cgroupId: bigint | undefined;
  /** TIME_WAIT: the time in milliseconds until the port is free again, as the kernel reports it. */
  readonly expiresMs: number | undefined;
}

/** A process that has a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** The start time in clock ticks since boot. Together with the pid it identifies the process (proc_pid_stat(5)). */
  readonly startTicks: number;
  /** Up to 15 characters (proc_pid_comm(5)). */
  readonly name: string;
  /** The command line, truncated to 4,096 bytes. "" if the process has none. */
  readonly command: string;
  /** The effective uid. */
  readonly uid: number;
  /** The path of its cgroup of version 2. Undefined if it is not in one. */
  readonly cgroup: string | undefined;
}
