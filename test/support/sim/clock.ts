// A clock that advances only on request.
import type { Clock, Timer } from '../../../src/base/clock.ts';

/** The default start time of a simulated host: 2026-01-01T00:00:00Z. */
export const SIM_START_MS = 1_767_225_600_000;

interface Pending {
  readonly dueAt: number;
  readonly then: () => void;
}

/** Time that passes only in advance(). Timers run in order of their due time, and of their creation if equal. */
export class SimClock implements Clock {
  readonly #startedAt: number;
  readonly #pending = new Set<Pending>();
  #passed = 0;

  constructor(startedAt = SIM_START_MS) {
    this.#startedAt = startedAt;
  }

  now(): number {
    return this.#startedAt + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  after(delayMs: number, then: () => void): Timer {
    const pending = { dueAt: this.#passed + Math.max(0, delayMs), then };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** The number of pending timers. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Advances the time. This also runs timers that are created and become due during the call. */
  advance(ms: number): void {
    const until = this.#passed + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#pending.delete(next);
      this.#passed = next.dueAt;
      next.then();
    }
    this.#passed = until;
  }

  /** The first timer due by then. A set keeps the order of creation. */
  #next(until: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueAt <= until && (!first || pending.dueAt < first.dueAt)) first = pending;
    }
    return first;
  }
}
