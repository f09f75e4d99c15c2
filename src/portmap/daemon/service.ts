// portmap as a service of the daemon: opened as its job, in the place of another port mapper or on another port if need
// be, and elsewhere when the settings say so.
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
import { endpointText, type GuardAsked, planEndpoints } from '../app/listen.ts';
import { portmapMetrics } from '../app/metrics.ts';
import { requireNoAccessRules } from '../app/open-network.ts';
import type { PortmapReport } from '../app/report.ts';
import { type PortmapOptions, type PortmapSettings, portmapSettings } from '../app/settings.ts';
import type { ParseSettings } from '../app/settings-edit.ts';
import type { TakeOver } from '../app/take-over.ts';
import { Portmap, type PortmapParts } from './portmap.ts';
import { recordListen, stopRpcbind } from './take-over.ts';

/** The guard, by which its binds are judged. */
interface PortmapGuard {
  /** Does something as a job. */
  asJob<T>(job: string, act: () => T): T;
  /** Why a port is refused to this process; undefined where it is not, or where that is not known. */
  readonly refusalOf: GuardAsked;
  /** Opens the record of the UDP ports that the guard grants; undefined where there is no such record. */
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
  /** The port mapper whose place is taken. */
  readonly takeOver: TakeOver | undefined;
  /** The path of portreeve.toml, and what reads it. */
  readonly file: string;
  readonly parseSettings: ParseSettings;
}

/**
 * What it goes by. Throws PortreeveError: (usage) `ADDRESS_INVALID`, `PORT_INVALID` and `LOCAL_INVALID`; (environment)
 * `ACCESS_RULES_IGNORED`.
 */
export function settlePortmap(
  { host, options, runtime, takeOver }: Pick<PortmapServiceDeps, 'host' | 'options' | 'runtime' | 'takeOver'>,
  settings: Settings,
): PortmapSettings {
  const inherited = takeOver?.addresses.listen ?? [];
  const services = () => serviceNames(host.files);
  const settled = portmapSettings(settings, { options, runtime, uid: host.uid, inherited, services });
  requireNoAccessRules(settled.addresses, host.files);
  return settled;
}

/** The port that `npm start` takes where 111 is not available. */
const FALLBACK_PORT = 7111 as Port;

/** Where it is in the way, another port may help. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['ENDPOINT_TAKEN', 'ENDPOINT_DENIED', 'GUARD_REFUSED']);

export class PortmapService implements DaemonService {
  readonly name = 'portmap';
  readonly routes = {};
  readonly #deps: PortmapServiceDeps;
  #settings: PortmapSettings;
  #opened: Portmap | undefined;
  #answers: Promise<void> = Promise.resolve();
  /** Why it does not listen where it was to listen. */
  #obstacle: string | undefined;

  constructor(deps: PortmapServiceDeps, settings: Settings) {
    this.#deps = deps;
    this.#settings = settlePortmap(deps, settings);
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
      this.#answers = portmap.start();
    } catch (thrown) {
      await portmap.stop();
      throw thrown;
    }
    this.#opened = portmap;
  }

  /** Throws before another port mapper is stopped in whose place we would not get our ports. */
  #requireGuardAllows(): void {
    for (const { spec } of planEndpoints(this.#settings)) {
      const refusal = spec.netid === 'local' ? undefined : this.#deps.guard.refusalOf(spec);
      if (refusal) throw refusal;
    }
  }

  /** Opens it where it is to listen or, where that fails and a fallback is permitted, on another port of loopback. */
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

  /** The clients of the other port mapper wait: what is for later starts is written when they are answered. */
  async ready(): Promise<string> {
    const { version, takeOver, file } = this.#deps;
    await this.#answers;
    if (takeOver) await recordListen(this.#deps, takeOver, { ...this.#settings, file });
    return greeting(version, this.#portmap.endpoints, this.#obstacle);
  }

  async stop(): Promise<void> {
    await this.#portmap.stop();
  }

  check(settings: Settings): void {
    settlePortmap(this.#deps, settings);
  }

  async reload(settings: Settings): Promise<void> {
    const settled = settlePortmap(this.#deps, settings);
    this.#deps.guard.asJob(PORTMAP_JOB, () => this.#portmap.reconfigure(settled));
    this.#settings = settled;
  }

  get summary(): string {
    return `portmap listens on ${this.#portmap.endpoints.endpoints.map(({ spec }) => endpointText(spec)).join(', ')}`;
  }

  /** The Unix socket that it answers on; undefined where there is none. */
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

/** Where the other port is not available either, both obstacles are named. */
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
