// What the daemon is known by: its process, its unit, its sockets, and the head of its status.

/** Its name among processes, and its whole command line: nothing else of portreeve has the same. */
export const DAEMON_TITLE = 'portreeve';

/** The unit that `portreeve install` makes for it. */
export const DAEMON_UNIT = 'portreeve.service';

/** The socket in the runtime directory that everybody may ask. */
export const LOOK_SOCKET = 'look.sock';
/** The same for root alone: the queue in which the kernel keeps connections until they are accepted has no shares. */
export const ROOT_LOOK_SOCKET = 'look-root.sock';
/** The socket on which any user may ask for something for itself. */
export const RUN_SOCKET = 'run.sock';

/** The daemon itself in GET /v1/status; the rest of it is the part of each service, under the service's name. */
export interface DaemonHead {
  readonly version: string;
  readonly pid: number;
  /** When it was started: RFC 3339, UTC. */
  readonly since: string;
  readonly runtime: string;
}
