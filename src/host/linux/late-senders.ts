// Sockets whose datagrams came too late to be believed: one that is still there when it sends again has been there all
// the time.
import { LATE_SENDER_KEPT_MS, LATE_SENDERS_MAX, LATE_SENDERS_PER_USER_MAX } from '../../base/limits.ts';
import type { DatagramOwner } from './socket-table.ts';

/** A socket, and when it was seen first (CLOCK_REALTIME, microseconds). */
interface Seen {
  readonly uid: number;
  readonly cookie: number;
  readonly atUs: number;
}

/** How many are remembered. */
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

/** By what tells the port from others. Each user has his own share, so that he only loses his own. */
export class LateSenders {
  readonly #limits: LateLimits;
  readonly #seen = new Map<number, Seen>();
  /** The keys of each user, oldest first: a set keeps the order in which they were put in. */
  readonly #users = new Map<number, Set<number>>();

  constructor(limits: LateLimits = LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Whether a socket on that port is remembered, be it the one that is there now or not. */
  knows(key: number): boolean {
    return this.#seen.has(key);
  }

  /**
   * Whether this very socket had been seen on its port before `sentUs`, when a datagram was sent from there that is
   * looked at now, at `nowUs`. Nobody else can have sent it then.
   */
  wasThere(key: number, { uid, cookie }: DatagramOwner, sentUs: number, nowUs: number): boolean {
    const seen = this.#seen.get(key);
    if (seen?.cookie !== cookie || seen.uid !== uid) return false;
    return seen.atUs < sentUs && sentUs <= nowUs && nowUs - seen.atUs <= this.#limits.keptUs;
  }

  /** A socket is on its port at `nowUs`. If it is remembered, the first time counts. */
  see(key: number, { uid, cookie }: DatagramOwner, nowUs: number): void {
    const seen = this.#seen.get(key);
    const ageUs = nowUs - (seen?.atUs ?? 0);
    if (seen?.cookie === cookie && ageUs >= 0 && ageUs <= this.#limits.keptUs) return;
    this.#forget(key);
    if ((this.#users.get(uid)?.size ?? 0) >= this.#limits.perUser) this.#forgetOldest(uid);
    else if (this.size >= this.#limits.all) this.#forgetOldest(this.#largest());
    this.#seen.set(key, { uid, cookie, atUs: nowUs });
    const own = this.#users.get(uid) ?? new Set<number>();
    this.#users.set(uid, own.add(key));
  }

  #forget(key: number): void {
    const uid = this.#seen.get(key)?.uid;
    const own = uid === undefined ? undefined : this.#users.get(uid);
    if (uid === undefined || !own) return;
    this.#seen.delete(key);
    own.delete(key);
    if (own.size === 0) this.#users.delete(uid);
  }

  #forgetOldest(uid: number): void {
    const oldest = this.#users.get(uid)?.values().next().value;
    if (oldest !== undefined) this.#forget(oldest);
  }

  /** The user who has most. */
  #largest(): number {
    let largest = { uid: 0, size: 0 };
    for (const [uid, { size }] of this.#users) if (size > largest.size) largest = { uid, size };
    return largest.uid;
  }
}
