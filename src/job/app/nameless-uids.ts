// Selects which unnamed uids to query next in the user database, with limits on their number and frequency.
import type { Clock } from '../../base/clock.ts';
import {
  UIDS_NAMELESS_MAX,
  UIDS_NAMELESS_MS,
  UIDS_QUERIED_MAX,
  UIDS_WAITING_MAX,
} from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { parseSubuid } from '../../text/subuid.ts';

const SUBUID = '/etc/subuid';
const SUBUID_MAX_BYTES = 1024 * 1024;

interface NamelessUidsDeps {
  readonly files: Pick<Files, 'readText'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Whether a uid already has a name. */
  readonly isNamed: (uid: number) => boolean;
}

/**
 * A user may control many uids: as root of a container, or by subuid(5). Therefore the queue and each query are
 * limited, subordinate uids are never queried, and uids without a name are cached.
 */
export class NamelessUids {
  readonly #deps: NamelessUidsDeps;
  readonly #waiting = new Set<number>();
  /** The time after which each may be queried again. */
  readonly #nameless = new Map<number, number>();

  constructor(deps: NamelessUidsDeps) {
    this.#deps = deps;
  }

  /** A bind of this uid was refused. */
  observe(uid: number): void {
    if (this.#waiting.size < UIDS_WAITING_MAX && this.#isDue(uid)) this.#waiting.add(uid);
  }

  /** The next uids to query: logged-in users first, then refused uids. */
  take(loggedIn: readonly number[]): number[] {
    const uids = [...new Set([...loggedIn, ...this.#waiting])].filter((uid) => this.#isDue(uid));
    const ranges = uids.length > 0 ? this.#subordinate() : [];
    const eligible = uids.filter((uid) => !ranges.some(({ first, last }) => uid >= first && uid <= last));
    const taken = eligible.slice(0, UIDS_QUERIED_MAX);
    const left = new Set(eligible.slice(UIDS_QUERIED_MAX));
    for (const uid of this.#waiting) if (!left.has(uid)) this.#waiting.delete(uid);
    const until = this.#deps.clock.monotonic() + UIDS_NAMELESS_MS;
    for (const uid of taken) this.#nameless.set(uid, until);
    const excess = this.#nameless.size - UIDS_NAMELESS_MAX;
    for (const uid of [...this.#nameless.keys()].slice(0, Math.max(0, excess))) this.#nameless.delete(uid);
    return taken;
  }

  #subordinate() {
    return parseSubuid(this.#deps.files.readText(SUBUID, SUBUID_MAX_BYTES) ?? '');
  }

  #isDue(uid: number): boolean {
    const until = this.#nameless.get(uid);
    if (until !== undefined && this.#deps.clock.monotonic() < until) return false;
    this.#nameless.delete(uid);
    return !this.#deps.isNamed(uid);
  }
}
