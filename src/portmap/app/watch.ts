// Looks again and again whether the registered services are still there, a few at a time, and drops those that are not.
import { SWEEP_INTERVAL_MS, SWEEP_SLICE_REGISTRATIONS } from '../../base/limits.ts';
import type { SocketTable } from '../../host/host.ts';
import type { Liveness, SeenSocket } from '../core/liveness.ts';
import type { Registration, Registrations } from '../core/registrations.ts';

/** The sockets that are at a registration's address now; undefined where that cannot be looked up. */
export function socketsOf(registration: Registration, sockets: SocketTable): SeenSocket[] | undefined {
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
  /** Where the round of looks is; a set can be changed while it is walked through. */
  #round: Iterator<Registration> | undefined;
  #nextRoundAt = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Whether there are registrations that checkNew() would look at. */
  get hasNew(): boolean {
    return this.#parts.liveness.hasUnseen;
  }

  /** Looks for the sockets of what was registered lately, a few at a time; `now` is monotonic milliseconds. */
  checkNew(now: number): void {
    for (const registration of this.#parts.liveness.takeUnseen(SWEEP_SLICE_REGISTRATIONS)) {
      this.#look(registration, now);
    }
  }

  /** Looks at the next few. To be called often; times are monotonic milliseconds. */
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
      this.#look(next.value, now);
    }
  }

  #look(registration: Registration, now: number): void {
    const { liveness, sockets, registrations, onFound, onGone } = this.#parts;
    const found = socketsOf(registration, sockets);
    if (found === undefined) return;
    const look = liveness.look(registration, found, now);
    if (look === 'found') onFound(registration);
    if (typeof look === 'string') return;
    const refusal = registrations.drop(registration);
    if (refusal) return;
    liveness.removed(registration);
    onGone(registration, look.goneBecause);
  }
}
