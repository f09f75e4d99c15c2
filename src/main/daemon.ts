// The daemon: starts its services in order, serves their routes on its sockets, and stops them.
import { join } from 'node:path';
import { PortreeveError } from '../base/errors.ts';
import { ControlServer } from '../kit/control-server.ts';
import { ROOT_STATUS_SOCKET, STATUS_SOCKET, USER_SOCKET } from '../kit/daemon-names.ts';
import type { DaemonService, Routes } from '../kit/daemon-service.ts';
import { METRICS_CONTENT_TYPE, metricsText } from '../kit/metrics.ts';
import type { Settings } from '../kit/settings.ts';
import { STATUS_MODE, StatusServer, type Streams } from '../kit/status-server.ts';
import type { PeerDeps, UnixHttpServer } from '../kit/unix-http.ts';

/** Any user may connect; each route decides what a user may do. */
const RUN_MODE = 0o666;

interface DaemonDeps {
  readonly version: string;
  /** The runtime directory. */
  readonly runtime: string;
  readonly uid: number;
  /** Limits the connections to its sockets for each user. */
  readonly peers: PeerDeps;
}

export class Daemon {
  readonly #deps: DaemonDeps;
  readonly #services: readonly DaemonService[];
  readonly #since = new Date().toISOString();
  #settings: Settings;
  #started: DaemonService[] = [];
  #servers: UnixHttpServer[] = [];

  /** `services`: each may use those before it. */
  constructor(deps: DaemonDeps, services: readonly DaemonService[], settings: Settings) {
    this.#deps = deps;
    this.#services = services;
    this.#settings = settings;
  }

  /** Starts the services in their order, then opens the sockets. Throws PortreeveError, and then has stopped them. */
  async start(): Promise<void> {
    try {
      for (const service of this.#services) {
        await service.start();
        this.#started.push(service);
      }
      this.#servers = this.#serversOf(this.#started.map(({ routes }) => routes));
      await Promise.all(this.#servers.map((server) => server.open()));
    } catch (thrown) {
      // The first failure matters more than those of stopping.
      await this.stop().catch(() => undefined);
      throw thrown;
    }
  }

  /** The runtime directory of a user other than root is closed to all other users anyway. */
  #serversOf(routes: readonly Routes[]): UnixHttpServer[] {
    const { runtime, uid, peers } = this.#deps;
    const own: Routes = {
      queries: { '/v1/status': () => this.status() },
      streams: { '/metrics': this.#metrics },
    };
    const { queries, streams, commands } = united([own, ...routes]);
    const statusServer = (name: string, mode: number) =>
      new StatusServer(join(runtime, name), queries, streams, peers, mode);
    return [
      ...(uid === 0 ? [statusServer(ROOT_STATUS_SOCKET, STATUS_MODE.root)] : []),
      statusServer(STATUS_SOCKET, STATUS_MODE.all),
      new ControlServer(join(runtime, USER_SOCKET), RUN_MODE, commands, peers),
    ];
  }

  /** Resolves when all services are ready, with their messages for the user. */
  ready(): Promise<readonly string[]> {
    return Promise.all(this.#started.flatMap((service) => service.ready?.() ?? []));
  }

  /** Closes the sockets, then stops the services in reverse order. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
    await inTurn(this.#started.splice(0).reverse(), (service) => service.stop());
  }

  /**
   * Applies the settings to all services, or to none. Throws the PortreeveError of the service that refuses. Each
   * service comes before those that it uses, as when they are stopped.
   */
  async reload(settings: Settings): Promise<void> {
    const services = this.#started.toReversed();
    for (const service of services) service.check(settings);
    const changed: DaemonService[] = [];
    try {
      for (const service of services) {
        await service.reload(settings);
        changed.push(service);
      }
    } catch (thrown) {
      await inTurn(changed.reverse(), (service) => service.reload(this.#settings)).catch(() => undefined);
      throw thrown;
    }
    this.#settings = settings;
  }

  /** The effect of the settings on each service, as clauses of a log line. */
  get summaries(): readonly string[] {
    return this.#started.flatMap(({ summary }) => summary ?? []);
  }

  async status(): Promise<object> {
    const { version, runtime } = this.#deps;
    const head = { version, pid: process.pid, since: this.#since, runtime };
    const parts = this.#started.map(async (service) => [service.name, await service.status()] as const);
    return { ...head, ...Object.fromEntries(await Promise.all(parts)) };
  }

  readonly #metrics: Streams[string] = async (_request, response) => {
    const metrics = await Promise.all(this.#started.map((service) => service.metrics()));
    const text = metricsText(metrics.flat());
    response.writeHead(200, {
      'content-type': METRICS_CONTENT_TYPE,
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  };
}

/** Continues if one fails, and throws the first failure at the end. */
async function inTurn(
  services: readonly DaemonService[],
  act: (service: DaemonService) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const service of services) await act(service).catch((thrown: unknown) => failures.push(thrown));
  if (failures.length > 0) throw failures[0];
}

/** The routes of all services. Throws PortreeveError `BUG` if two have the same path on one socket. */
function united(routes: readonly Routes[]): Required<Routes> {
  const queries = routes.map((each) => each.queries ?? {});
  const streams = routes.map((each) => each.streams ?? {});
  const commands = routes.map((each) => each.commands ?? {});
  for (const tables of [[...queries, ...streams], commands]) {
    const paths = tables.flatMap((table) => Object.keys(table));
    const twice = paths.find((path, index) => paths.indexOf(path) !== index);
    if (twice !== undefined) throw new PortreeveError('BUG', `two services have the path ${twice}`);
  }
  return {
    queries: Object.assign({}, ...queries),
    streams: Object.assign({}, ...streams),
    commands: Object.assign({}, ...commands),
  };
}
