// The DaemonService of the port mapper: binds its sockets as the job PORTMAP, replaces rpcbind or uses a fallback port,
// and follows changed settings.
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_JOB } from '../../base/job.ts';
import type { Port } from '../../base/port.ts';
import type { Host } from '../../host/host.ts';
import type { DaemonService } from '../../kit/daemon-service.ts';
import type { Log } from '../../kit/log.ts';
import type { Metric } from '../../kit/metrics.ts';
import type { Settings } from '../../kit/settings.ts';
import { serviceNames } from '../../names/app/service-names.ts';
import { greeting } from '../app/greeting.ts';
import { endpointText, type GuardCheck, planEndpoints } from '../app/listen.ts';
import { portmapMetrics } from '../app/metrics.ts';
import { requireNoAccessRules } from '../app/open-network.ts';
import type { PortmapReport } from '../app/report.ts';
import { type PortmapOptions, type PortmapSettings, portmapSettings } from '../app/settings.ts';
import type { ParseSettings } from '../app/settings-edit.ts';
import type { TakeOver } from '../app/take-over.ts';
import { Portmap, type PortmapParts } from './portmap.ts';
import { recordListen, stopRpcbind } from './take-over.ts';

/** The guard, which judges its binds. */
interface PortmapGuard {
  /** Runs `act` under a job. */
  asJob<T>(job: string, act: () => T): T;
  /** The error if the guard refuses a port to this process; undefined if it does not, or if that is unknown. */
  readonly refusalOf: GuardCheck;
  /** Opens the record of the UDP ports that the guard grants; undefined if there is none. */
  openGrantedPorts(): number | undefined;
}

interface PortmapServiceDeps {
  readonly host: Host;
  readonly log: Log;
  readonly version: string;
  /** The runtime directory. */
  readonly runtime: string;
  readonly guard: PortmapGuard;
  readonly options: PortmapOptions;
  /** The rpcbind to replace. */
  readonly takeOver: TakeOver | undefined;
  /** The path of portreeve.toml, and its parser. */
  readonly file: string;
  readonly parseSettings: ParseSettings;
}

/**
 * Resolves the settings of the port mapper. Throws PortreeveError: (usage) `ADDRESS_INVALID`, `PORT_INVALID` and
 * `LOCAL_INVALID`; (environment) `ACCESS_RULES_IGNORED`.
 */
export function resolvePortmapSettings(
  { host, options, runtime, takeOver }: Pick<PortmapServiceDeps, 'host' | 'options' | 'runtime' | 'takeOver'>,
  settings: Settings,
): PortmapSettings {
  const inherited = takeOver?.addresses.listen ?? [];
  const services = () => serviceNames(host.files);
  const settled = portmapSettings(settings, { options, runtime, uid: host.uid, inherited, services });
  requireNoAccessRules(settled.addresses, host.files);
  return settled;
}

/** The port that `npm start` uses if 111 is not available. */
const FALLBACK_PORT = 7111 as Port;

/** The errors for which another port may help. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['ENDPOINT_TAKEN', 'ENDPOINT_DENIED', 'GUARD_REFUSED']);

export class PortmapService implements DaemonService {
  readonly name = 'portmap';
  readonly routes = {};
  readonly #deps: PortmapServiceDeps;
  #settings: PortmapSettings;
  #opened: Portmap | undefined;
  #answering: Promise<void> = Promise.resolve();
  /** Why it listens on the fallback port. */
  #obstacle: string | undefined;

  constructor(deps: PortmapServiceDeps, settings: Settings) {
    this.#deps = deps;
    this.#settings = resolvePortmapSettings(deps, settings);
  }

  get #portmap(): Portmap {
    if (!this.#opened) throw new PortreeveError('BUG', 'portmap was not started');
    return this.#opened;
  }

  async start(): Promise<void> {
    const { host, guard, takeOver } = this.#deps;
    if (takeOver) {
      guard.asJob(PORTMAP_JOB, () => this.#requireGuardAllows());
      await stopRpcbind(host, takeOver);
    }
    const portmap = guard.asJob(PORTMAP_JOB, () => this.#open());
    try {
      this.#answering = portmap.start();
    } catch (thrown) {
      await portmap.stop();
      throw thrown;
    }
    this.#opened = portmap;
  }

  /** Throws if the guard would refuse a port, before rpcbind is stopped. */
  #requireGuardAllows(): void {
    for (const { spec } of planEndpoints(this.#settings)) {
      const refusal = spec.netid === 'local' ? undefined : this.#deps.guard.refusalOf(spec);
      if (refusal) throw refusal;
    }
  }

  /** Opens the sockets or, if that fails and a fallback is permitted, another port on loopback. */
  #open(): Portmap {
    const { host, log, runtime, guard, takeOver } = this.#deps;
    const { uid, fallback } = this.#settings;
    const parts: PortmapParts = {
      ...{ host, log, runtime, uid },
      guard: (spec) => guard.refusalOf(spec),
      openGrantedPorts: () => guard.openGrantedPorts(),
    };
    try {
      return new Portmap(parts, this.#settings, takeOver?.carried.entries);
    } catch (thrown) {
      const isInTheWay = thrown instanceof PortreeveError && IN_THE_WAY.has(thrown.code);
      if (!fallback || !isInTheWay) throw thrown;
      this.#obstacle = thrown.message;
      return openFallback(parts, thrown.message);
    }
  }

  /** The clients of rpcbind are waiting: the addresses are recorded only after they are served. */
  async ready(): Promise<string> {
    const { version, takeOver, file } = this.#deps;
    await this.#answering;
    if (takeOver) await recordListen(this.#deps, takeOver, { ...this.#settings, file });
    return greeting(version, this.#portmap.endpoints, this.#obstacle);
  }

  async stop(): Promise<void> {
    await this.#portmap.stop();
  }

  check(settings: Settings): void {
    resolvePortmapSettings(this.#deps, settings);
  }

  async reload(settings: Settings): Promise<void> {
    const settled = resolvePortmapSettings(this.#deps, settings);
    this.#deps.guard.asJob(PORTMAP_JOB, () => this.#portmap.reconfigure(settled));
    this.#settings = settled;
  }

  get summary(): string {
    return `portmap listens on ${this.#portmap.endpoints.endpoints.map(({ spec }) => endpointText(spec)).join(', ')}`;
  }

  /** The Unix socket that it listens on; undefined if there is none. */
  get localPath(): string | undefined {
    const local = this.#opened?.endpoints.endpoints.find(({ spec }) => spec.netid === 'local');
    return local && endpointText(local.spec);
  }

  status(): Promise<PortmapReport> {
    return this.#portmap.report();
  }

  async metrics(): Promise<readonly Metric[]> {
    return portmapMetrics(await this.#portmap.report(), this.#portmap.changes);
  }
}

/** If the fallback port fails as well, the error names both obstacles. */
function openFallback(parts: PortmapParts, obstacle: string): Portmap {
  const localPath = `${parts.runtime}/rpcbind.sock`;
  try {
    return new Portmap(parts, { addresses: [], port: FALLBACK_PORT, localPath });
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    const { code, message, hint, data } = thrown;
    throw new PortreeveError(code, `${obstacle}; and ${message}`, hint, data);
  }
}
