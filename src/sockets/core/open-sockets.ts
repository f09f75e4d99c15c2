// Asking for the sockets of this host that have a port, and for the processes that have them open.
import type { OpenSocket, SocketOwner, SocketState } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';

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
  /** Throws PortreeveError `SOCKETS_UNREADABLE` (environment) where the kernel does not answer. */
  list(query?: OpenSocketQuery): OpenSocket[];
  /** Looks for the processes that have these sockets open. What ends while we look is left out. */
  owners(inodes: ReadonlySet<number>): OwnersSeen;
  /** The cgroup with a number, from the root of the hierarchy on; undefined if there is none any more. */
  cgroupPath(id: bigint): string | undefined;
}
