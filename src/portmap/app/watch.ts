// Periodically checks the sockets of registered services, a few at a time, and drops stale registrations.
import { SWEEP_INTERVAL_MS, SWEEP_SLICE_REGISTRATIONS } from '../../base/limits.ts';
import type { SocketTable } from '../../host/host.ts';
import type { Liveness, ObservedSocket } from '../core/liveness.ts';
import type { Registration, Registrations } from '../core/registrations.ts';

/** The sockets that are at a registration's address now; undefined if they cannot be looked up. */
export function socketsOf(registration: Registration, sockets: SocketTable): ObservedSocket[] | undefined {
  const { netid, address, port, builtIn, isElsewhere } = registration;
  if (netid === 'local' || typeof address === 'string' || builtIn || isElsewhere) return undefined;
  return sockets.at(netid, address, port);
}

interface WatchParts {
  readonly registrations: Registrations;
  readonly liveness: Liveness;
  readonly sockets: SocketTable;
  /** The socket of a registration was seen for the first time. */
  readonly onFound: (registration: Registration) => void;
  /** A registration was dropped. */
  readonly onGone: (registration: Registration, reason: string) => void;
}

export class Watch {
  readonly #parts: WatchParts;
  /** The position of the current round; a Set may be modified during iteration. */
  #round: Iterator<Registration> | undefined;
  #nextRoundAt = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Whether checkNew() has registrations to check. */
  get hasNew(): boolean {
    return this.#parts.liveness.hasUnobserved;
  }

  /** Looks up the sockets of a few new registrations; `now` is monotonic milliseconds. */
  checkNew(now: number): void {
    for (const registration of this.#parts.liveness.takeUnobserved(SWEEP_SLICE_REGISTRATIONS)) {
      this.#check(registration, now);
    }
  }

  /** Checks the next few registrations. To be called often; `now` is monotonic milliseconds. */
  tick(now: number): void {
    this.checkNew(now);
    if (!this.#round) {
      if (now < this.#nextRoundAt) return;
      this.#round = this.#parts.registrations.all();
      this.#nextRoundAt = now + SWEEP_INTERVAL_MS;
    }
    for (let i = 0; i < SWEEP_SLICE_REGISTRATIONS; i++) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = undefined;
        return;
      }
      this.#check(next.value, now);
    }
  }

  #check(registration: Registration, now: number): void {
    const { liveness, sockets, registrations, onFound, onGone } = this.#parts;
    const found = socketsOf(registration, sockets);
    if (found === undefined) return;
    const result = liveness.check(registration, found, now);
    if (result === 'found') onFound(registration);
    if (typeof result === 'string') return;
    const refusal = registrations.drop(registration);
    if (refusal) return;
    liveness.removed(registration);
    onGone(registration, result.goneBecause);
  }
}
