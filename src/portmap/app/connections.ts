// Decides which stream connections to close: beyond a maximum number, an idle timeout, or a stall timeout.
import { CONNECTION_IDLE_MS, CONNECTION_STALL_MS, CONNECTIONS_MAX } from '../../base/limits.ts';
import type { ConnectionKeeper } from '../../host/host.ts';

/** Connections in order of their last activity: a Map iterates in insertion order. */
class ByLastActivity {
  readonly #activeAt = new Map<number, number>();

  get size(): number {
    return this.#activeAt.size;
  }

  put(id: number, now: number): void {
    this.#activeAt.delete(id);
    this.#activeAt.set(id, now);
  }

  take(id: number): boolean {
    return this.#activeAt.delete(id);
  }

  has(id: number): boolean {
    return this.#activeAt.has(id);
  }

  oldest(): number | undefined {
    return this.#activeAt.keys().next().value;
  }

  /** The connections without activity after `time`. */
  inactiveSince(time: number): number[] {
    const found: number[] = [];
    for (const [id, activeAt] of this.#activeAt) {
      if (activeAt > time) break;
      found.push(id);
    }
    return found;
  }
}

interface ConnectionLimits {
  readonly count: number;
  readonly idleMs: number;
  readonly stallMs: number;
}

/** The limits of portmap, unless the host permits fewer descriptors. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  count: CONNECTIONS_MAX,
  idleMs: CONNECTION_IDLE_MS,
  stallMs: CONNECTION_STALL_MS,
};

/** At the maximum, a new connection evicts a stalled one, else the one that has been idle longest. */
export class Connections implements ConnectionKeeper {
  readonly #limits: ConnectionLimits;
  readonly #idle = new ByLastActivity();
  /** The connections whose peer has not read its answers. */
  readonly #stalled = new ByLastActivity();

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
      ...this.#idle.inactiveSince(now - this.#limits.idleMs),
      ...this.#stalled.inactiveSince(now - this.#limits.stallMs),
    ];
  }
}
