// Decides from observations of its socket whether a registered service still exists. Pure: the time is an argument.
import { NEVER_SEEN_MS, OBSERVATIONS_APART_MS } from '../../base/limits.ts';
import type { Registration } from './registrations.ts';

export interface ObservedSocket {
  readonly uid: number;
  readonly inode: number;
}

/** The observations of one registration. Times are monotonic milliseconds. */
interface Observation {
  /** The socket that was seen last; undefined if none was ever seen. */
  socket: ObservedSocket | undefined;
  /** When it was registered. */
  readonly since: number;
  /** When its socket was first missed after it was last seen. */
  missedAt: number | undefined;
}

/** The result of a check; `found`: the socket was seen for the first time. */
type CheckResult = 'alive' | 'found' | 'missed' | { readonly goneBecause: string };

/** The socket of a registration: the one seen before, else one of the same user, whose service was restarted. */
function matching(sockets: readonly ObservedSocket[], before: ObservedSocket): ObservedSocket | undefined {
  return sockets.find(({ inode }) => inode === before.inode) ?? sockets.find(({ uid }) => uid === before.uid);
}

/** The observations of all registrations. Times are monotonic milliseconds. */
export class Liveness {
  readonly #observations = new Map<Registration, Observation>();
  #unobserved: Registration[] = [];

  /** Adds a registration, with its socket if that is known. */
  registered(registration: Registration, socket: ObservedSocket | undefined, now: number): void {
    this.#observations.set(registration, { socket, since: now, missedAt: undefined });
    if (!socket) this.#unobserved.push(registration);
  }

  /** Whether takeUnobserved() may return a registration. */
  get hasUnobserved(): boolean {
    return this.#unobserved.length > 0;
  }

  /** Returns up to `count` current registrations that were added without a socket; each is returned once. */
  takeUnobserved(count: number): Registration[] {
    const taken: Registration[] = [];
    let at = 0;
    for (; at < this.#unobserved.length && taken.length < count; at++) {
      const next = this.#unobserved[at];
      if (next && this.#observations.has(next)) taken.push(next);
    }
    this.#unobserved = this.#unobserved.slice(at);
    return taken;
  }

  removed(registration: Registration): void {
    this.#observations.delete(registration);
  }

  /** The socket that was seen last. */
  socketOf(registration: Registration): ObservedSocket | undefined {
    return this.#observations.get(registration)?.socket;
  }

  /**
   * Records the sockets that are at a registration's address now. The registration is gone when its socket was missed
   * twice, OBSERVATIONS_APART_MS apart, or when none was seen for NEVER_SEEN_MS. A socket of another user that has
   * bound the port since does not count.
   */
  check(registration: Registration, sockets: readonly ObservedSocket[], now: number): CheckResult {
    const observation = this.#observations.get(registration);
    if (!observation) return 'alive';
    const { socket: before } = observation;
    const socket = before ? matching(sockets, before) : firstSocket(sockets, registration);
    if (socket) {
      observation.socket = socket;
      observation.missedAt = undefined;
      return before ? 'alive' : 'found';
    }
    if (!before) {
      return now - observation.since >= NEVER_SEEN_MS ? { goneBecause: 'it never had a socket' } : 'missed';
    }
    if (observation.missedAt === undefined) {
      observation.missedAt = now;
      return 'missed';
    }
    return now - observation.missedAt >= OBSERVATIONS_APART_MS
      ? { goneBecause: goneBecause(sockets) }
      : 'missed';
  }

  /** Whether a socket that was seen before no longer exists: then another server may register at once. */
  isGone(registration: Registration, sockets: readonly ObservedSocket[]): boolean {
    const before = this.#observations.get(registration)?.socket;
    return before !== undefined && matching(sockets, before) === undefined;
  }
}

/** Prefers a socket of the registration's owner. */
export function firstSocket(
  sockets: readonly ObservedSocket[],
  registration: Registration,
): ObservedSocket | undefined {
  return sockets.find(({ uid }) => uid === registration.owner) ?? sockets[0];
}

function goneBecause(sockets: readonly ObservedSocket[]): string {
  const [other] = sockets;
  return other ? `its socket is gone, and uid ${other.uid} now holds the port` : 'its socket is gone';
}
