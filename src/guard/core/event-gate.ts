// Which refusals are recorded one by one: the first few of a second. The others are counted: a flood costs little.
import { eventWith, type NewGuardEvent } from '../../base/guard-event.ts';
import {
  GUARD_EVENT_USERS_PER_SECOND_MAX,
  GUARD_EVENTS_PER_SECOND_MAX,
  GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
} from '../../base/limits.ts';

const SECOND_MS = 1000;

/** So many events of which nothing else is known. */
export function lostEvent(count: number, timeMs: number): NewGuardEvent {
  return eventWith({ kind: 'lost', count, timeMs });
}

/** How the clock of the records is that of the wall, and who users are. */
interface MoreContext {
  /** Milliseconds from the clock of the records to that of the wall. */
  readonly bootOffsetMs: number;
  readonly userOf: (uid: number) => string | undefined;
}

/** Lets the first few of each second through: of those that are alike, and of all. Times are those of the records. */
export class EventGate {
  readonly #seconds = new Map<number, Second>();

  /** Whether one is to be recorded; if not, it is counted. `likeness` is what alike ones have in common. */
  admits(likeness: string, uid: number, atMs: number): boolean {
    const key = Math.floor(atMs / SECOND_MS);
    let second = this.#seconds.get(key);
    if (!second) {
      second = new Second();
      this.#seconds.set(key, second);
    }
    return second.admits(likeness, uid);
  }

  /** What became of one that was let through: what is said of those like it that are only counted. */
  recorded(likeness: string, atMs: number, event: NewGuardEvent): void {
    this.#seconds.get(Math.floor(atMs / SECOND_MS))?.recorded(likeness, event);
  }

  /** Forgets all; gives how many were counted. */
  forget(): number {
    const counts = [...this.#seconds.values()].map((second) => second.counted);
    this.#seconds.clear();
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** What was counted in the seconds that are over at `nowMs`; they are forgotten then. */
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

/** Refusals that are alike. */
interface Alike {
  admitted: number;
  counted: number;
  /** What the last of those that were recorded came to. */
  event: NewGuardEvent | undefined;
}

class Second {
  readonly #alike = new Map<string, Alike>();
  /** The others by user; the last are of no one in particular. */
  readonly #others = new Map<number | undefined, number>();
  #admitted = 0;

  admits(likeness: string, uid: number): boolean {
    const known = this.#alike.get(likeness);
    const hasRoom = this.#admitted < GUARD_EVENTS_PER_SECOND_MAX;
    if (hasRoom && (known?.admitted ?? 0) < GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX) {
      this.#admitted++;
      if (known) known.admitted++;
      else this.#alike.set(likeness, { admitted: 1, counted: 0, event: undefined });
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

  recorded(likeness: string, event: NewGuardEvent): void {
    const known = this.#alike.get(likeness);
    if (known) known.event = event;
  }

  get counted(): number {
    const alike = [...this.#alike.values()].reduce((sum, { counted }) => sum + counted, 0);
    return [...this.#others.values()].reduce((sum, count) => sum + count, alike);
  }

  more(timeMs: number, userOf: MoreContext['userOf']): NewGuardEvent[] {
    const alike = [...this.#alike.values()].flatMap(({ counted, event }) => {
      if (counted === 0) return [];
      if (!event) return [lostEvent(counted, timeMs)];
      const common = { ...event, pid: undefined, command: undefined, address: undefined };
      return [{ ...common, kind: 'more', count: counted, timeMs } as const];
    });
    const others = [...this.#others].map(([uid, count]) => {
      const user = uid === undefined ? undefined : userOf(uid);
      return eventWith({ kind: 'more', count, timeMs, uid, user });
    });
    return [...alike, ...others];
  }
}
