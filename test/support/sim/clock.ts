// A clock that stands still until it is told how much time passes.
import type { Clock, Timer } from '../../../src/base/clock.ts';

/** The time of a simulated host, unless it is given another: 2026-01-01T00:00:00Z. */
export const SIM_START_MS = 1_767_225_600_000;

interface Pending {
  readonly dueAt: number;
  readonly then: () => void;
}

/** Time that passes by `advance` alone. Timers run as they are due, those of one moment as they were made. */
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

  /** How many timers are set. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Lets time pass. Timers that are set on the way, and due within it, run as well. */
  advance(ms: number): void {
    const until = this.#passed + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#pending.delete(next);
      this.#passed = next.dueAt;
      next.then();
    }
    this.#passed = until;
  }

  /** The first timer that is due by then; a set keeps the order in which they were made. */
  #next(until: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueAt <= until && (!first || pending.dueAt < first.dueAt)) first = pending;
    }
    return first;
  }
}
