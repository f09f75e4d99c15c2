// What the daemon is known by: its process, its unit, its sockets, and the head of its status.

/** Its name among processes, and its whole command line: nothing else of portreeve has the same. */
export const DAEMON_TITLE = 'portreeve';

/** The unit that `portreeve install` makes for it. */
export const DAEMON_UNIT = 'portreeve.service';

/** The socket in the runtime directory that everybody may ask. */
export const STATUS_SOCKET = 'status.sock';
/** The same for root alone: the queue in which the kernel keeps connections until they are accepted has no shares. */
export const ROOT_STATUS_SOCKET = 'status-root.sock';
/** The socket on which any user may ask for something for itself. */
export const USER_SOCKET = 'user.sock';

/** The daemon itself in GET /v1/status; the rest of it is the part of each service, under the service's name. */
export interface DaemonHead {
  readonly version: string;
  readonly pid: number;
  /** When it was started: RFC 3339, UTC. */
  readonly since: string;
  readonly runtime: string;
}
