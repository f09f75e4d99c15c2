// Uids that were seen and have no name: which of them the user database is asked for next, and how often.
import type { Clock } from '../../base/clock.ts';
import { UIDS_ASKED_MAX, UIDS_NAMELESS_MAX, UIDS_NAMELESS_MS, UIDS_WAITING_MAX } from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { parseSubuid } from '../../text/subuid.ts';

const SUBUID = '/etc/subuid';
const SUBUID_MAX_BYTES = 1024 * 1024;

interface NamelessUidsDeps {
  readonly files: Pick<Files, 'readText'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Whether a uid has a name already. */
  readonly isNamed: (uid: number) => boolean;
}

/**
 * A user can be refused under each of many uids: as root of a container, or with those of subuid(5), which are nobody's
 * names and are never asked for. So few wait, few are asked for at once, and those without a name are remembered.
 */
export class NamelessUids {
  readonly #deps: NamelessUidsDeps;
  readonly #waiting = new Set<number>();
  /** When each is asked for again. */
  readonly #nameless = new Map<number, number>();

  constructor(deps: NamelessUidsDeps) {
    this.#deps = deps;
  }

  /** A uid was refused. */
  see(uid: number): void {
    if (this.#waiting.size < UIDS_WAITING_MAX && this.#isUnasked(uid)) this.#waiting.add(uid);
  }

  /** The next ones to be asked for: those that are logged in, then those that were refused. */
  take(present: readonly number[]): number[] {
    const uids = [...new Set([...present, ...this.#waiting])].filter((uid) => this.#isUnasked(uid));
    const ranges = uids.length > 0 ? this.#subordinate() : [];
    const askable = uids.filter((uid) => !ranges.some(({ first, last }) => uid >= first && uid <= last));
    const taken = askable.slice(0, UIDS_ASKED_MAX);
    const left = new Set(askable.slice(UIDS_ASKED_MAX));
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

  #isUnasked(uid: number): boolean {
    const until = this.#nameless.get(uid);
    if (until !== undefined && this.#deps.clock.monotonic() < until) return false;
    this.#nameless.delete(uid);
    return !this.#deps.isNamed(uid);
  }
}
