// Rate limit of events: the first few refusals of each second are recorded individually, the others are only counted.
import { eventWith, type NewGuardEvent } from '../../base/guard-event.ts';
import {
  GUARD_EVENT_USERS_PER_SECOND_MAX,
  GUARD_EVENTS_PER_SECOND_MAX,
  GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
} from '../../base/limits.ts';

const SECOND_MS = 1000;

/** An event for refusals of which only the number is known. */
export function lostEvent(count: number, timeMs: number): NewGuardEvent {
  return eventWith({ kind: 'lost', count, timeMs });
}

interface MoreContext {
  /** Milliseconds from the clock of the records to wall-clock time. */
  readonly bootOffsetMs: number;
  readonly userOf: (uid: number) => string | undefined;
}

/** Admits the first few refusals of each second, per group and in total. Times are those of the records. */
export class EventGate {
  readonly #seconds = new Map<number, Second>();

  /** Whether to record a refusal; otherwise it is counted. `group` is the key of similar refusals. */
  admits(group: string, uid: number, atMs: number): boolean {
    const key = Math.floor(atMs / SECOND_MS);
    let second = this.#seconds.get(key);
    if (!second) {
      second = new Second();
      this.#seconds.set(key, second);
    }
    return second.admits(group, uid);
  }

  /** Stores the event of an admitted refusal, to describe similar ones that are only counted. */
  recorded(group: string, atMs: number, event: NewGuardEvent): void {
    this.#seconds.get(Math.floor(atMs / SECOND_MS))?.recorded(group, event);
  }

  /** Forgets everything, and returns how many were counted. */
  forget(): number {
    const counts = [...this.#seconds.values()].map((second) => second.counted);
    this.#seconds.clear();
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The events for refusals that were counted in the seconds before `nowMs`; these are then forgotten. */
  more(nowMs: number, { bootOffsetMs, userOf }: MoreContext): NewGuardEvent[] {
    const events: NewGuardEvent[] = [];
    for (const [key, second] of this.#seconds) {
      const endMs = (key + 1) * SECOND_MS;
      if (endMs > nowMs) continue;
      events.push(...second.more(Math.round(endMs + bootOffsetMs), userOf));
      this.#seconds.delete(key);
    }
    return events;
  }
}

/** A group of similar refusals in a second. */
interface Similar {
  admitted: number;
  counted: number;
  /** The event of the last one that was recorded. */
  event: NewGuardEvent | undefined;
}

class Second {
  readonly #groups = new Map<string, Similar>();
  /** The others, by user; beyond the maximum number of users, under undefined. */
  readonly #others = new Map<number | undefined, number>();
  #admitted = 0;

  admits(group: string, uid: number): boolean {
    const known = this.#groups.get(group);
    const hasRoom = this.#admitted < GUARD_EVENTS_PER_SECOND_MAX;
    if (hasRoom && (known?.admitted ?? 0) < GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX) {
      this.#admitted++;
      if (known) known.admitted++;
      else this.#groups.set(group, { admitted: 1, counted: 0, event: undefined });
      return true;
    }
    if (known) known.counted++;
    else this.#countOther(uid);
    return false;
  }

  #countOther(uid: number): void {
    const isListed = this.#others.has(uid) || this.#others.size < GUARD_EVENT_USERS_PER_SECOND_MAX;
    const key = isListed ? uid : undefined;
    this.#others.set(key, (this.#others.get(key) ?? 0) + 1);
  }

  recorded(group: string, event: NewGuardEvent): void {
    const known = this.#groups.get(group);
    if (known) known.event = event;
  }

  get counted(): number {
    const similar = [...this.#groups.values()].reduce((sum, { counted }) => sum + counted, 0);
    return [...this.#others.values()].reduce((sum, count) => sum + count, similar);
  }

  more(timeMs: number, userOf: MoreContext['userOf']): NewGuardEvent[] {
    const similar = [...this.#groups.values()].flatMap(({ counted, event }) => {
      if (counted === 0) return [];
      if (!event) return [lostEvent(counted, timeMs)];
      const common = { ...event, pid: undefined, command: undefined, address: undefined };
      return [{ ...common, kind: 'more', count: counted, timeMs } as const];
    });
    const others = [...this.#others].map(([uid, count]) => {
      const user = uid === undefined ? undefined : userOf(uid);
      return eventWith({ kind: 'more', count, timeMs, uid, user });
    });
    return [...similar, ...others];
  }
}
