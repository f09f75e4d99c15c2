// The interface of a daemon service, which a feature implements. main/services.ts lists the services.
import type { Commands } from './control-server.ts';
import type { Metric } from './metrics.ts';
import type { Settings } from './settings.ts';
import type { StatusRoutes, Streams } from './status-server.ts';

/** The HTTP paths that a service serves on the daemon's sockets. No two services have the same path. */
export interface Routes {
  /** GET on status.sock, with a JSON response. */
  readonly queries?: StatusRoutes;
  /** GET on status.sock, where the handler writes the response itself. */
  readonly streams?: Streams;
  /** POST on user.sock, for any user. */
  readonly commands?: Commands;
}

/**
 * The constructor checks the settings and has no side effects; it receives what the service needs from the daemon and
 * from other services. A service is started once, and stopped once unless its start failed.
 */
export interface DaemonService {
  /** The name of its feature. */
  readonly name: string;
  /** Valid once started. */
  readonly routes: Routes;
  /** A clause that describes what it does, where that depends on the settings. */
  readonly summary?: string;
  /** Throws PortreeveError, and then leaves nothing open. */
  start(): Promise<void>;
  /** Resolves once it serves, possibly never, to a message for the log. */
  ready?(): Promise<string>;
  stop(): Promise<void>;
  /** Throws PortreeveError (usage or environment) for settings that it cannot apply. */
  check(settings: Settings): void;
  /** Applies new settings. Throws PortreeveError, and then continues with the old ones. */
  reload(settings: Settings): Promise<void>;
  /** Its part of `portreeve status`. */
  status(): Promise<object>;
  metrics(): Promise<readonly Metric[]>;
}
