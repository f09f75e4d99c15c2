// Whether a registration's service is still there: what was seen of its socket, and what follows from that. No clock.
import { NEVER_SEEN_MS, OBSERVATIONS_APART_MS } from '../../base/limits.ts';
import type { Registration } from './registrations.ts';

/** A socket, as far as it matters here. */
export interface SeenSocket {
  readonly uid: number;
  readonly inode: number;
}

/** What is known of one registration's socket. */
interface Observation {
  /** The socket that was seen last; undefined if there never was one. */
  socket: SeenSocket | undefined;
  /** When it was registered. */
  readonly since: number;
  /** When it was first missed, since it was seen last. */
  missedAt: number | undefined;
}

/** What a look at a registration says; `found` is the first time that its socket is seen. */
type Look = 'alive' | 'found' | 'missed' | { readonly goneBecause: string };

/** The socket that belongs to a registration: the one seen before, or another of its user, who started it again. */
function matching(sockets: readonly SeenSocket[], before: SeenSocket): SeenSocket | undefined {
  return sockets.find(({ inode }) => inode === before.inode) ?? sockets.find(({ uid }) => uid === before.uid);
}

/** What was seen of all registrations. Times are monotonic milliseconds. */
export class Liveness {
  readonly #observations = new Map<Registration, Observation>();
  #unseen: Registration[] = [];

  /** A registration that is new, with the socket that it is known to have, if any. */
  registered(registration: Registration, socket: SeenSocket | undefined, now: number): void {
    this.#observations.set(registration, { socket, since: now, missedAt: undefined });
    if (!socket) this.#unseen.push(registration);
  }

  /** Whether takeUnseen() may have something to give. */
  get hasUnseen(): boolean {
    return this.#unseen.length > 0;
  }

  /** Up to `count` registrations that were made without a known socket, and are still there; each is given once. */
  takeUnseen(count: number): Registration[] {
    const taken: Registration[] = [];
    let at = 0;
    for (; at < this.#unseen.length && taken.length < count; at++) {
      const next = this.#unseen[at];
      if (next && this.#observations.has(next)) taken.push(next);
    }
    this.#unseen = this.#unseen.slice(at);
    return taken;
  }

  removed(registration: Registration): void {
    this.#observations.delete(registration);
  }

  /** The socket of it that was seen last. */
  socketOf(registration: Registration): SeenSocket | undefined {
    return this.#observations.get(registration)?.socket;
  }

  /**
   * Takes note of the sockets that are at a registration's address now. It is gone when its socket was missed twice,
   * OBSERVATIONS_APART_MS apart, or when it has had none for NEVER_SEEN_MS. A socket of another user that has taken the
   * port since is not its socket.
   */
  look(registration: Registration, sockets: readonly SeenSocket[], now: number): Look {
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

  /** Whether a registration whose socket was seen has none now: then another server need not wait for its place. */
  isGone(registration: Registration, sockets: readonly SeenSocket[]): boolean {
    const before = this.#observations.get(registration)?.socket;
    return before !== undefined && matching(sockets, before) === undefined;
  }
}

/** Of several sockets the one of the user who registered. */
export function firstSocket(
  sockets: readonly SeenSocket[],
  registration: Registration,
): SeenSocket | undefined {
  return sockets.find(({ uid }) => uid === registration.owner) ?? sockets[0];
}

function goneBecause(sockets: readonly SeenSocket[]): string {
  const [other] = sockets;
  return other ? `its socket is gone, and uid ${other.uid} has the port now` : 'its socket is gone';
}
