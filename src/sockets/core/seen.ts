// What is seen of the sockets of a host: each with those who hold it, as far as they could be seen.
import type { OpenSocket, SocketEnd, SocketOwner } from '../../base/open-socket.ts';

/** A socket and who holds it. */
export interface SeenSocket {
  readonly socket: OpenSocket;
  /** The processes that have it open, the oldest first; none where we may not see them or where there is none. */
  readonly owners: readonly SocketOwner[];
  /** The name of the user who made it; undefined where it has no uid, or the uid no account. */
  readonly user: string | undefined;
  /** The system unit in whose cgroup it was made or, where that is gone, is held: such as "nginx.service". */
  readonly unit: string | undefined;
  /** The container in whose cgroup it was made: what it runs under, and its id, 12 digits. */
  readonly container: { readonly runtime: string; readonly id: string } | undefined;
  /** Docker's proxy holds the port for a container: where it sends what comes in. */
  readonly forwardsTo: SocketEnd | undefined;
  /**
   * The job that the guard will take its holder for when he binds it again: that of its cgroup, then that of its user.
   * What the daemon of portreeve has opened is PORTMAP, whatever it was when it was bound.
   */
  readonly job: string;
  /** Its other names (base/job.ts). */
  readonly aliases?: readonly string[];
}

/** The sockets of a host at one moment. */
export interface Seen {
  readonly sockets: readonly SeenSocket[];
  /** How many processes did not let us look; the sockets of those have no owners here. */
  readonly notSeen: number;
}
