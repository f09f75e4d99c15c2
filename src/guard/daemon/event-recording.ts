// Reads the guard's refusals from the kernel shortly after they happen, and records them in the archive.
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
  groupOf,
  isRefusal,
  type RefusalRecord,
  uidOf,
} from '../core/events.ts';

/** The events of the guard in the kernel. There is one reader at a time. */
export interface EventSource {
  /** Identifies the guard. */
  readonly guard: string;
  /** The revision in force. */
  revision(): number;
  /** How many refusals were not put into the ring buffer because it was full. */
  lost(): number;
  /** Milliseconds since boot, by the clock of the records. */
  bootNowMs(): number;
  /** Takes the kept refusals for which the ring buffer was full, oldest first. Returns their number. */
  takeNewest(onRecord: (record: DataView) => void): number;
  /** Takes at most `max` records, each valid until `onRecord` returns. Returns their number. */
  drain(onRecord: (record: DataView) => void, max: number): number;
  /** Resolves when there are records, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<unknown>;
  close(): void;
}

interface EventRecordingDeps extends Omit<EventContext, 'bootOffsetMs'> {
  readonly source: EventSource;
  readonly archive: EventArchive;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Called when something was added to the archive. */
  readonly onRecorded: () => void;
}

/** A record, and the key that it has in common with similar ones. */
interface Taken {
  readonly record: RefusalRecord;
  readonly group: string;
}

/** The pause before a retry after a failure. */
const FAULT_PAUSE_MS = 1000;

/** Records the guard's events from start() to stop(), which also closes the source. */
export class EventRecording {
  readonly #deps: EventRecordingDeps;
  readonly #gate = new EventGate();
  /** Records that were taken from the kernel but are not in the archive yet. */
  #taken: Taken[] = [];
  /** How much of the kernel's count of lost refusals is recorded; undefined before the first check. */
  #lostBefore: number | undefined;
  /** How many were lost and are not recorded as lost yet. */
  #lostHere = 0;
  #checkAgainAt = Number.NEGATIVE_INFINITY;
  /** The last revision that did not appear in the archive in time. */
  #missing: number | undefined;
  #fault: string | undefined;
  #isStopped = false;

  constructor(deps: EventRecordingDeps) {
    this.#deps = deps;
  }

  /** Starts with the refusals that the kernel kept while no daemon recorded them. */
  start(): void {
    void this.#run();
  }

  /** Records what happened until now, and stops. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      this.#take();
      this.#check();
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
        if (clock.monotonic() >= this.#checkAgainAt) this.#check();
        this.#record();
        this.#fault = undefined;
        await (count > 0 ? this.#pause(GUARD_BUSY_INTERVAL_MS) : source.wait(GUARD_POLL_INTERVAL_MS));
      } catch (thrown) {
        this.#report(thrown);
        // Count what cannot be recorded, so that it does not accumulate.
        this.#lostHere += this.#taken.splice(0).length + this.#gate.forget();
        await this.#pause(FAULT_PAUSE_MS);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(ms, resolve));
  }

  /** Takes the pending records, and returns their number; of many similar ones only a few are kept. */
  #take(): number {
    return this.#deps.source.drain((view) => this.#admit(view), GUARD_DRAIN_MAX);
  }

  #admit(view: DataView): void {
    if (!isRefusal(view)) {
      this.#lostHere++;
      return;
    }
    const group = groupOf(view);
    if (this.#gate.admits(group, uidOf(view), bootMsOf(view))) {
      this.#taken.push({ record: decodeRefusal(view), group });
    }
  }

  /** Whether to wait for a revision, once: it is in the archive only a moment after it is in force. */
  #isAhead(): boolean {
    const ahead = this.#taken.find(({ record }) => !this.#deps.rulesOf(record.revision))?.record.revision;
    if (ahead === undefined || ahead === this.#missing) return false;
    this.#missing = ahead;
    return true;
  }

  /** Prepares the rules in force before they are needed, and counts the refusals that the kernel lost. */
  #check(): void {
    const { source, archive, clock, rulesOf, log } = this.#deps;
    this.#checkAgainAt = clock.monotonic() + GUARD_POLL_INTERVAL_MS;
    rulesOf(source.revision());
    const isFirst = this.#lostBefore === undefined;
    // Creates or checks the archive before events have to wait for that.
    if (isFirst) archive.append([], clock.now());
    const before = this.#lostBefore ?? archive.lost(source.guard);
    const counted = source.lost();
    if (counted === before && !isFirst) return;
    const lost = counted - before - source.takeNewest((view) => this.#admit(view));
    // A refusal that was kept during this check is counted the next time.
    this.#lostBefore = Math.max(counted, counted - lost);
    if (lost <= 0) return;
    this.#lostHere += lost;
    const why = isFirst ? 'no daemon was running, or they came too fast' : 'they came too fast';
    log.warn(`guard: ${lost} refusals were only counted: ${why}`);
  }

  /** Records what was taken, and what was counted in past seconds; with `isLast`, also in the current second. */
  #record(isLast = false): void {
    const { source, archive, clock, userOf, onRecorded } = this.#deps;
    const timeMs = clock.now();
    const bootNowMs = source.bootNowMs();
    const bootOffsetMs = timeMs - bootNowMs;
    const taken = this.#taken.splice(0);
    let more: readonly NewGuardEvent[] = [];
    try {
      const events = taken.map(({ record, group }) => {
        const event = eventOf(record, { ...this.#deps, bootOffsetMs });
        this.#gate.recorded(group, record.bootMs, event);
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

  /** Reports a fault once, until it changes or is over. */
  #report(thrown: unknown): void {
    const what =
      thrown instanceof PortreeveError ? `${thrown.message} ${thrown.hint}`.trim() : faultText(thrown);
    if (what === this.#fault) return;
    this.#fault = what;
    this.#deps.log.error(`guard: could not record events: ${what}`);
  }
}

function faultText(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
}
