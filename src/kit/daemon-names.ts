// The names of the daemon: its process title, its unit, its sockets, and the common part of its status.

/** Its process title and its whole command line, which no other portreeve process has. */
export const DAEMON_TITLE = 'portreeve';

/** The unit that `portreeve install` creates for it. */
export const DAEMON_UNIT = 'portreeve.service';

/** The read-only socket in the runtime directory, open to every user. */
export const STATUS_SOCKET = 'status.sock';
/** The same for root only: the kernel's accept queue of a socket is not divided among users. */
export const ROOT_STATUS_SOCKET = 'status-root.sock';
/** The socket for requests that any user may make on their own behalf. */
export const USER_SOCKET = 'user.sock';

/** The common part of GET /v1/status. Each service adds its own part under its name. */
export interface DaemonHead {
  readonly version: string;
  readonly pid: number;
  /** The start time: RFC 3339, UTC. */
  readonly since: string;
  readonly runtime: string;
}
