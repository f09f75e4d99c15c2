// Remembers sockets whose datagrams came too late to identify the sender. If the same socket is still there when it
// retransmits, it was there all the time.
import { LATE_SENDER_KEPT_MS, LATE_SENDERS_MAX, LATE_SENDERS_PER_USER_MAX } from '../../base/limits.ts';
import type { DatagramOwner } from './socket-table.ts';

/** A socket, and when it was first observed (CLOCK_REALTIME, microseconds). */
interface Observation {
  readonly uid: number;
  readonly cookie: number;
  readonly atUs: number;
}

interface LateLimits {
  readonly all: number;
  readonly perUser: number;
  readonly keptUs: number;
}

const LIMITS: LateLimits = {
  all: LATE_SENDERS_MAX,
  perUser: LATE_SENDERS_PER_USER_MAX,
  keptUs: LATE_SENDER_KEPT_MS * 1000,
};

/**
 * Keyed by address family and port. Each user has a limit, so that a user who exceeds it loses only their own sockets.
 */
export class LateSenders {
  readonly #limits: LateLimits;
  readonly #observations = new Map<number, Observation>();
  /** The keys of each user, oldest first: a set keeps insertion order. */
  readonly #users = new Map<number, Set<number>>();

  constructor(limits: LateLimits = LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#observations.size;
  }

  /** Whether a socket on this port is remembered, even if another one is there now. */
  knows(key: number): boolean {
    return this.#observations.has(key);
  }

  /**
   * Whether this socket was observed on its port before `sentUs`, when a datagram was sent from there. `nowUs` is the
   * time of the current observation. No other socket can have sent the datagram.
   */
  wasThere(key: number, { uid, cookie }: DatagramOwner, sentUs: number, nowUs: number): boolean {
    const observations = this.#observations.get(key);
    if (observations?.cookie !== cookie || observations.uid !== uid) return false;
    return observations.atUs < sentUs && sentUs <= nowUs && nowUs - observations.atUs <= this.#limits.keptUs;
  }

  /** Records that a socket is on its port at `nowUs`. If it is already recorded, the first time is kept. */
  observe(key: number, { uid, cookie }: DatagramOwner, nowUs: number): void {
    const observations = this.#observations.get(key);
    const ageUs = nowUs - (observations?.atUs ?? 0);
    if (observations?.cookie === cookie && ageUs >= 0 && ageUs <= this.#limits.keptUs) return;
    this.#forget(key);
    if ((this.#users.get(uid)?.size ?? 0) >= this.#limits.perUser) this.#forgetOldest(uid);
    else if (this.size >= this.#limits.all) this.#forgetOldest(this.#largest());
    this.#observations.set(key, { uid, cookie, atUs: nowUs });
    const keys = this.#users.get(uid) ?? new Set<number>();
    this.#users.set(uid, keys.add(key));
  }

  #forget(key: number): void {
    const uid = this.#observations.get(key)?.uid;
    const keys = uid === undefined ? undefined : this.#users.get(uid);
    if (uid === undefined || !keys) return;
    this.#observations.delete(key);
    keys.delete(key);
    if (keys.size === 0) this.#users.delete(uid);
  }

  #forgetOldest(uid: number): void {
    const oldest = this.#users.get(uid)?.values().next().value;
    if (oldest !== undefined) this.#forget(oldest);
  }

  /** The user with the most sockets. */
  #largest(): number {
    let largest = { uid: 0, size: 0 };
    for (const [uid, { size }] of this.#users) if (size > largest.size) largest = { uid, size };
    return largest.uid;
  }
}
