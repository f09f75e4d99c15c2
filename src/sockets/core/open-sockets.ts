// The interface that lists the sockets of this host and finds the processes that have them open.
import type { OpenSocket, SocketOwner, SocketState } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';

/** Selects the sockets that match every given field. */
export interface OpenSocketQuery {
  readonly protocol?: Protocol | undefined;
  readonly states?: readonly SocketState[] | undefined;
  /** The local port. */
  readonly port?: number | undefined;
}

/** The owners that could be read. */
export interface FoundOwners {
  /** By inode; several if it was inherited or passed on. A socket whose owner is unknown is missing. */
  readonly owners: ReadonlyMap<number, readonly SocketOwner[]>;
  /** The number of processes that could not be read. Those hidden by hidepid (proc(5)) are not counted. */
  readonly hiddenProcesses: number;
}

/** The current sockets of this network namespace and their owners. */
export interface OpenSockets {
  /** Throws PortreeveError `SOCKETS_UNREADABLE` (environment). */
  list(query?: OpenSocketQuery): OpenSocket[];
  /** Finds the processes that have these sockets open. A process that ends during the search is omitted. */
  owners(inodes: ReadonlySet<number>): FoundOwners;
  /** The path of a cgroup from the root of the hierarchy; undefined if it no longer exists. */
  cgroupPath(id: bigint): string | undefined;
}
