// What the daemon reports of itself in GET /v1/status, and the sockets on which it is asked.

/** The daemon itself; the rest of its status is the part of each service, under the service's name. */
export interface DaemonHead {
  readonly version: string;
  readonly pid: number;
  /** When it was started: RFC 3339, UTC. */
  readonly since: string;
  readonly runtime: string;
}

/** The daemon's socket that everybody may ask, in the runtime directory. */
export const LOOK_SOCKET = 'look.sock';
/** The same for root alone: the queue in which the kernel keeps connections until they are accepted has no shares. */
export const ROOT_LOOK_SOCKET = 'look-root.sock';
/** The daemon's socket on which any user may ask for something for itself. */
export const RUN_SOCKET = 'run.sock';
