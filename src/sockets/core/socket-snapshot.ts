// A snapshot of the sockets of a host with their owners.
import type { OpenSocket, SocketEnd, SocketOwner } from '../../base/open-socket.ts';

/** A socket with its owners, as `portreeve ports` lists it. */
export interface ListedSocket {
  readonly socket: OpenSocket;
  /** The processes that have it open, oldest first; empty if there are none or they could not be read. */
  readonly owners: readonly SocketOwner[];
  /** The name of the user who created it; undefined if it has no uid or the uid has no account. */
  readonly user: string | undefined;
  /** The system unit of its cgroup, such as "nginx.service". */
  readonly unit: string | undefined;
  /** The container of its cgroup: the runtime and 12 digits of the id. */
  readonly container: { readonly runtime: string; readonly id: string } | undefined;
  /** The destination, where docker-proxy holds the port for a container. */
  readonly forwardsTo: SocketEnd | undefined;
  /**
   * The job as which the guard would judge the next bind of its owner: that of its cgroup, or else of its user.
   * For sockets of portreeve's daemon it is PORTMAP.
   */
  readonly job: string;
  /** Other names of the job (base/job.ts). */
  readonly aliases?: readonly string[];
}

export interface SocketSnapshot {
  readonly sockets: readonly ListedSocket[];
  /** The number of processes that could not be read; they are missing from the owners. */
  readonly hiddenProcesses: number;
}
