// The port mapper as a whole: its table, the log that outlives it, the watch over what is registered, and the service.
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

/** What a port mapper is made of. */
interface PortmapperParts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly sockets: SocketTable;
  readonly logFiles: readonly [LogFile, LogFile];
  /** The boot and the network namespace: registrations of any other mean nothing here. */
  readonly stamp: string;
  readonly listener: EventListener;
}

/** An entry of the port mapper's own. */
export interface OwnEntry {
  readonly netid: NetId;
  readonly version: number;
  readonly uaddr: string;
}

/** What a port mapper began with. */
interface RecoveryReport {
  readonly count: number;
  readonly setAside: readonly SetAside[];
}

/** What a port mapper tells of itself. */
export interface PortmapperReport {
  readonly mappings: number;
  /** Of these, the ones made from other network namespaces. */
  readonly elsewhere: number;
  /** Calls by version of the protocol and procedure number. */
  readonly calls: Readonly<Record<string, readonly number[]>>;
}

/** A port mapper. recover() and startLog() come first, in that order; then it serves, and tick() is called often. */
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
   * Puts in the port mapper's own entries, what the log has, and what is carried over from another port mapper;
   * tells how many of the latter two there are, and what is wrong with the log.
   */
  recover(own: readonly OwnEntry[], carried: readonly LoggedSet[] = []): RecoveryReport {
    for (const { netid, version, uaddr } of own) {
      const address = parseServiceAddress(netid, uaddr);
      if (!address) throw new PortreeveError('BAD_MESSAGE', `"${uaddr}" is no address of ${netid}`);
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

  /** From now on every change is logged before it is made; tells why the log could not be begun, if it could not. */
  startLog(): string {
    this.#journal.start(this.#registrations.all());
    return this.#journal.failure;
  }

  #found(registration: Registration): void {
    const socket = this.#liveness.socketOf(registration);
    if (socket) this.#journal.found(registration, socket);
  }

  /** Whether there is something to be done as soon as no request waits. */
  get isWanted(): boolean {
    return this.#watch.hasNew;
  }

  /** What is done when no request waits. */
  run(): void {
    this.#watch.checkNew(this.#clock.monotonic());
  }

  /** What has to be done from time to time; `now` is monotonic. */
  tick(now: number): void {
    this.#watch.tick(now);
    this.#events.tick(now);
    this.#journal.compactIfLong(this.#registrations.all(), now);
  }

  report(): PortmapperReport {
    const { statistics } = this.service.tables;
    const versions = [2, 3, 4] as const;
    const calls = Object.fromEntries(versions.map((version) => [version, [...statistics.of(version).calls]]));
    let elsewhere = 0;
    for (const { isElsewhere } of this.#registrations.all()) if (isElsewhere) elsewhere++;
    return { mappings: this.#registrations.size, elsewhere, calls };
  }
}
