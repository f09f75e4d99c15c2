// A part of the daemon: what each feature that runs in it implements, and main/services.ts lists.
import type { Commands } from './control-server.ts';
import type { Metric } from './metrics.ts';
import type { Settings } from './settings.ts';
import type { StatusRoutes, Streams } from './status-server.ts';

/** What a service answers on the sockets of the daemon: paths, which no other service has. */
export interface Routes {
  /** GET on status.sock, answered with JSON. */
  readonly looks?: StatusRoutes;
  /** GET on status.sock, where the route writes the answer itself. */
  readonly streams?: Streams;
  /** POST on user.sock, for any user. */
  readonly commands?: Commands;
}

/**
 * Its constructor checks its settings and has no effects; what it needs of the daemon and of other services is handed
 * to it there. It is started once, and stopped once unless its start failed.
 */
export interface DaemonService {
  /** The word of its feature. */
  readonly name: string;
  /** What it answers, to be asked for when it was started. */
  readonly routes: Routes;
  /** What it does now, as a clause of a sentence, where that depends on the settings. */
  readonly summary?: string;
  /** Opens what it serves. Throws PortreeveError, and then has nothing open. */
  start(): Promise<void>;
  /** Resolves when it answers for the first time, which may be never, with what people are told then. */
  ready?(): Promise<string>;
  stop(): Promise<void>;
  /** Throws PortreeveError (usage or world) for settings by which it cannot go. */
  check(settings: Settings): void;
  /** Goes by these settings from now on. Throws PortreeveError, and then goes on as before. */
  reload(settings: Settings): Promise<void>;
  /** Its part of `portreeve status`. */
  status(): Promise<object>;
  metrics(): Promise<readonly Metric[]>;
}
