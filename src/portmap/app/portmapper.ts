// The port mapper: combines the table, its log, the check for stale registrations, and the service.
import type { Clock } from '../../base/clock.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import type { LogFile, SocketTable } from '../../host/host.ts';
import { parseServiceAddress } from '../../wire/uaddr.ts';
import { EventGate, type EventListener } from '../core/events.ts';
import { Liveness } from '../core/liveness.ts';
import { type Registration, Registrations } from '../core/registrations.ts';
import type { LoggedChange, LoggedSet } from '../wire/registration-log.ts';
import { reportDropped } from './changes.ts';
import { Journal, type SetAside } from './journal.ts';
import { PortmapService } from './service.ts';
import { Watch } from './watch.ts';

interface PortmapperParts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly sockets: SocketTable;
  readonly logFiles: readonly [LogFile, LogFile];
  /** Identifies the boot and the network namespace, in which alone the logged registrations are valid. */
  readonly stamp: string;
  readonly listener: EventListener;
}

/** A registration of the port mapper itself. */
export interface OwnEntry {
  readonly netid: NetId;
  readonly version: number;
  readonly uaddr: string;
}

/** The result of recover(). */
interface RecoveryReport {
  readonly count: number;
  readonly setAside: readonly SetAside[];
}

/** The counts that `portreeve status` and the metrics show. */
export interface PortmapperReport {
  readonly mappings: number;
  /** How many of these were made from other network namespaces. */
  readonly foreign: number;
  /** Calls by version of the protocol and procedure number. */
  readonly calls: Readonly<Record<string, readonly number[]>>;
}

/** A port mapper. Call recover(), then startLog(); after that it serves. Call tick() often. */
export class Portmapper {
  readonly service: PortmapService;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #registrations: Registrations;
  readonly #liveness = new Liveness();
  readonly #journal: Journal;
  readonly #events: EventGate;
  readonly #watch: Watch;

  constructor({ clock, sockets, logFiles, stamp, listener }: PortmapperParts) {
    this.#clock = clock;
    this.#journal = new Journal(logFiles, stamp, this.#liveness);
    this.#registrations = new Registrations(this.#journal);
    this.#events = new EventGate(listener);
    const registrations = this.#registrations;
    const liveness = this.#liveness;
    const events = this.#events;
    this.service = new PortmapService({
      registrations,
      liveness,
      sockets,
      clock,
      events,
    });
    const onGone = (registration: Registration, reason: string) =>
      reportDropped({ events }, registration, reason);
    const onFound = (registration: Registration) => this.#found(registration);
    this.#watch = new Watch({ registrations, liveness, sockets, onFound, onGone });
  }

  /**
   * Adds the port mapper's own entries, the logged ones, and those carried over from another port mapper. Returns the
   * number of the latter two, and the log files that cannot be continued.
   */
  recover(own: readonly OwnEntry[], carried: readonly LoggedSet[] = []): RecoveryReport {
    for (const { netid, version, uaddr } of own) {
      const address = parseServiceAddress(netid, uaddr);
      if (!address) throw new PortreeveError('BAD_MESSAGE', `"${uaddr}" is not an address of ${netid}`);
      this.service.addBuiltIn({ netid, version, ...address });
    }
    const { changes, setAside } = this.#journal.recover();
    for (const change of changes) this.#replay(change);
    for (const change of carried) this.#replay(change);
    return { count: this.#registrations.size - own.length, setAside };
  }

  #replay(change: LoggedChange): void {
    const { program, version, netid } = change;
    if (change.kind === 'unset') {
      const removed = this.#registrations.forget(program, version, netid);
      if (removed) this.#liveness.removed(removed);
      return;
    }
    if (change.kind === 'found') {
      const registration = this.#registrations.exact(program, version, netIdInfo(netid).index);
      if (registration) this.#liveness.registered(registration, change.socket, this.#clock.monotonic());
      return;
    }
    const { uaddr, owner, isElsewhere, socket } = change;
    const place = parseServiceAddress(netid, uaddr);
    if (!place) return;
    const registration = { program, version, netid, ...place, owner, builtIn: false, isElsewhere };
    const replaced = this.#registrations.restore(registration);
    if (replaced) this.#liveness.removed(replaced);
    this.#liveness.registered(registration, socket, this.#clock.monotonic());
  }

  /** From now on changes are logged before they are made. Returns why the log could not be started; else empty. */
  startLog(): string {
    this.#journal.start(this.#registrations.all());
    return this.#journal.failure;
  }

  #found(registration: Registration): void {
    const socket = this.#liveness.socketOf(registration);
    if (socket) this.#journal.found(registration, socket);
  }

  /** Whether run() has work to do. */
  get isWanted(): boolean {
    return this.#watch.hasNew;
  }

  /** Called when no request is waiting. */
  run(): void {
    this.#watch.checkNew(this.#clock.monotonic());
  }

  /** Periodic work; `now` is in monotonic milliseconds. */
  tick(now: number): void {
    this.#watch.tick(now);
    this.#events.tick(now);
    this.#journal.compactIfLong(this.#registrations.all(), now);
  }

  report(): PortmapperReport {
    const { statistics } = this.service.tables;
    const versions = [2, 3, 4] as const;
    const calls = Object.fromEntries(versions.map((version) => [version, [...statistics.of(version).calls]]));
    let foreign = 0;
    for (const { isElsewhere } of this.#registrations.all()) if (isElsewhere) foreign++;
    return { mappings: this.#registrations.size, foreign, calls };
  }
}
