// Which stream connections portmap keeps: so many, not idle for too long, and none whose peer takes no answers.
import { CONNECTION_IDLE_MS, CONNECTION_STALL_MS, CONNECTIONS_MAX } from '../../base/limits.ts';
import type { ConnectionKeeper } from '../../host/host.ts';

/** Connections by when something last moved on them: a map keeps the order in which its keys were put in. */
class ByLastMove {
  readonly #movedAt = new Map<number, number>();

  get size(): number {
    return this.#movedAt.size;
  }

  put(id: number, now: number): void {
    this.#movedAt.delete(id);
    this.#movedAt.set(id, now);
  }

  take(id: number): boolean {
    return this.#movedAt.delete(id);
  }

  has(id: number): boolean {
    return this.#movedAt.has(id);
  }

  oldest(): number | undefined {
    return this.#movedAt.keys().next().value;
  }

  /** Those on which nothing moved since `before`. */
  since(before: number): number[] {
    const found: number[] = [];
    for (const [id, movedAt] of this.#movedAt) {
      if (movedAt > before) break;
      found.push(id);
    }
    return found;
  }
}

/** How many connections, and for how long. */
interface ConnectionLimits {
  readonly count: number;
  readonly idleMs: number;
  readonly stallMs: number;
}

/** The limits that portmap has unless the host allows fewer descriptors. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  count: CONNECTIONS_MAX,
  idleMs: CONNECTION_IDLE_MS,
  stallMs: CONNECTION_STALL_MS,
};

/** Keeps the connections that are used: where there is no room for a new one, the one idle for longest goes. */
export class Connections implements ConnectionKeeper {
  readonly #limits: ConnectionLimits;
  readonly #idle = new ByLastMove();
  /** Those that have answers waiting for them. */
  readonly #stalled = new ByLastMove();

  constructor(limits: ConnectionLimits = CONNECTION_LIMITS) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#idle.size + this.#stalled.size;
  }

  opened(id: number, now: number): number | undefined {
    const victim =
      this.count >= this.#limits.count ? (this.#stalled.oldest() ?? this.#idle.oldest()) : undefined;
    this.#idle.put(id, now);
    return victim;
  }

  moved(id: number, now: number): void {
    if (this.#stalled.has(id)) this.#stalled.put(id, now);
    else this.#idle.put(id, now);
  }

  waiting(id: number, waits: boolean, now: number): void {
    const [from, to] = waits ? [this.#idle, this.#stalled] : [this.#stalled, this.#idle];
    if (from.take(id)) to.put(id, now);
  }

  closed(id: number): void {
    this.#idle.take(id);
    this.#stalled.take(id);
  }

  mostStalled(): number | undefined {
    return this.#stalled.oldest();
  }

  overdue(now: number): number[] {
    return [
      ...this.#idle.since(now - this.#limits.idleMs),
      ...this.#stalled.since(now - this.#limits.stallMs),
    ];
  }
}
