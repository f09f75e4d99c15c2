// Takes what the guard refused from the kernel, a moment after it happened, and puts it into the archive.
import type { Clock } from '../../base/clock.ts';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { NewGuardEvent } from '../../base/guard-event.ts';
import { GUARD_BUSY_INTERVAL_MS, GUARD_DRAIN_MAX, GUARD_POLL_INTERVAL_MS } from '../../base/limits.ts';
import type { Log } from '../../kit/log.ts';
import type { EventArchive } from '../core/event-archive.ts';
import { EventGate, lostEvent } from '../core/event-gate.ts';
import {
  bootMsOf,
  decodeRefusal,
  type EventContext,
  eventOf,
  isRefusal,
  likenessOf,
  type RefusalRecord,
  uidOf,
} from '../core/events.ts';

/** The guard in the kernel, as far as events go. There is one reader of it at a time. */
export interface EventSource {
  /** Which guard it is; another one has another name. */
  readonly guard: string;
  /** The revision in force. */
  revision(): number;
  /** How many refusals found no room for a record. */
  lost(): number;
  /** Milliseconds since boot, as records have them. */
  bootNowMs(): number;
  /** Hands over those for which there was no room, as far as they are kept, oldest first; gives how many. */
  takeNewest(onRecord: (record: DataView) => void): number;
  /** Hands over at most so many records, which hold until `onRecord` returns; gives how many. */
  drain(onRecord: (record: DataView) => void, max: number): number;
  /** Resolves when there are records, or after so many milliseconds. */
  wait(timeoutMs: number): Promise<unknown>;
  close(): void;
}

/** What it works with. */
interface EventRecordingDeps extends Omit<EventContext, 'bootOffsetMs'> {
  readonly source: EventSource;
  readonly archive: EventArchive;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Called when something was added to the archive. */
  readonly onRecorded: () => void;
}

/** A record, and what it has in common with those like it. */
interface Taken {
  readonly record: RefusalRecord;
  readonly likeness: string;
}

/** A fault is not met again without a pause. */
const FAULT_PAUSE_MS = 1000;

/** Records the guard's events from start() to stop(), which also closes the source. */
export class EventRecording {
  readonly #deps: EventRecordingDeps;
  readonly #gate = new EventGate();
  /** Those that were taken from the kernel and are to be recorded. */
  #taken: Taken[] = [];
  /** How many of the kernel's count of lost ones are recorded; undefined: it was not looked yet. */
  #lostBefore: number | undefined;
  /** How many were lost here. */
  #lostHere = 0;
  #checkAgainAt = Number.NEGATIVE_INFINITY;
  /** The latest revision that was waited for in vain. */
  #missing: number | undefined;
  #fault: string | undefined;
  #isStopped = false;

  constructor(deps: EventRecordingDeps) {
    this.#deps = deps;
  }

  /** Begins with what happened while nobody recorded it, as far as the kernel has kept it. */
  start(): void {
    void this.#run();
  }

  /** Records what has happened up to now. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      this.#take();
      this.#look();
      this.#record(true);
    } catch (thrown) {
      this.#report(thrown);
    }
    this.#deps.source.close();
  }

  async #run(): Promise<void> {
    const { source, clock } = this.#deps;
    while (!this.#isStopped) {
      try {
        const count = this.#take();
        if (this.#isAhead()) {
          await this.#pause(GUARD_BUSY_INTERVAL_MS);
          continue;
        }
        if (clock.monotonic() >= this.#checkAgainAt) this.#look();
        this.#record();
        this.#fault = undefined;
        await (count > 0 ? this.#pause(GUARD_BUSY_INTERVAL_MS) : source.wait(GUARD_POLL_INTERVAL_MS));
      } catch (thrown) {
        this.#report(thrown);
        // What cannot be recorded is counted, so that it does not pile up.
        this.#lostHere += this.#taken.splice(0).length + this.#gate.forget();
        await this.#pause(FAULT_PAUSE_MS);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(ms, resolve));
  }

  /** Takes what is there, and gives how many it were; of many alike a few are kept. */
  #take(): number {
    return this.#deps.source.drain((view) => this.#admit(view), GUARD_DRAIN_MAX);
  }

  #admit(view: DataView): void {
    if (!isRefusal(view)) {
      this.#lostHere++;
      return;
    }
    const likeness = likenessOf(view);
    if (this.#gate.admits(likeness, uidOf(view), bootMsOf(view))) {
      this.#taken.push({ record: decodeRefusal(view), likeness });
    }
  }

  /** Whether a revision is not in the archive: it comes there a moment after it is in force, and is waited for once. */
  #isAhead(): boolean {
    const ahead = this.#taken.find(({ record }) => !this.#deps.rulesOf(record.revision))?.record.revision;
    if (ahead === undefined || ahead === this.#missing) return false;
    this.#missing = ahead;
    return true;
  }

  /** Gets the rules in force ready before they are needed, and counts what the kernel had no room for. */
  #look(): void {
    const { source, archive, clock, rulesOf, log } = this.#deps;
    this.#checkAgainAt = clock.monotonic() + GUARD_POLL_INTERVAL_MS;
    rulesOf(source.revision());
    const isFirst = this.#lostBefore === undefined;
    // The archive is made, or looked through, before there is something that should not wait for it.
    if (isFirst) archive.append([], clock.now());
    const before = this.#lostBefore ?? archive.lost(source.guard);
    const counted = source.lost();
    if (counted === before && !isFirst) return;
    const lost = counted - before - source.takeNewest((view) => this.#admit(view));
    // One that was kept while it was looked is counted next time.
    this.#lostBefore = Math.max(counted, counted - lost);
    if (lost <= 0) return;
    this.#lostHere += lost;
    const when = isFirst ? 'while nobody recorded them, or too many at once' : 'too many at once';
    log.warn(`guard: ${lost} refusals were counted and not recorded: they came ${when}`);
  }

  /** Puts into the archive what was taken, and what was counted in the seconds that are over, or up to now. */
  #record(isLast = false): void {
    const { source, archive, clock, userOf, onRecorded } = this.#deps;
    const timeMs = clock.now();
    const bootNowMs = source.bootNowMs();
    const bootOffsetMs = timeMs - bootNowMs;
    const taken = this.#taken.splice(0);
    let more: readonly NewGuardEvent[] = [];
    try {
      const events = taken.map(({ record, likeness }) => {
        const event = eventOf(record, { ...this.#deps, bootOffsetMs });
        this.#gate.recorded(likeness, record.bootMs, event);
        return event;
      });
      more = this.#gate.more(isLast ? Number.POSITIVE_INFINITY : bootNowMs, { bootOffsetMs, userOf });
      const lost = this.#lostHere > 0 ? [lostEvent(this.#lostHere, timeMs)] : [];
      const all = [...events, ...more, ...lost];
      if (all.length === 0) return;
      const count = this.#lostBefore;
      archive.append(all, timeMs, count === undefined ? undefined : { guard: source.guard, count });
    } catch (thrown) {
      this.#lostHere += taken.length + more.reduce((sum, event) => sum + event.count, 0);
      throw thrown;
    }
    this.#lostHere = 0;
    onRecorded();
  }

  /** Says what is wrong once, until it is something else or over. */
  #report(thrown: unknown): void {
    const what =
      thrown instanceof PortreeveError ? `${thrown.message} ${thrown.hint}`.trim() : faultText(thrown);
    if (what === this.#fault) return;
    this.#fault = what;
    this.#deps.log.error(`guard: events are not recorded: ${what}`);
  }
}

function faultText(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
}
