// Follows the host's user database: who the names in the rules are, and what uids are called that were seen.

import { messageOf } from '../../base/errors.ts';
import {
  UID_MAX,
  UIDS_INTERVAL_MS,
  USER_KEPT_MS,
  USERS_REFRESH_MS,
  USERS_RETRY_MS,
} from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Cgroups } from '../../host/host.ts';
import { type AskDeps, askUsers } from '../app/host-users.ts';
import { NamelessUids } from '../app/nameless-uids.ts';

/** Where systemd has the cgroups of users who are logged in; only root makes one there. */
const USER_SLICE = '/user.slice';
const SLICE_OF_USER = /^user-([0-9]+)\.slice$/;

/** The name of a job, in capitals. */
interface Named {
  readonly name: string;
}

/** The names that the rules and the settings spell out. */
export interface SpelledNames<Spelled extends Named> {
  readonly jobs: readonly Spelled[];
  /** Other users who are named, in capitals. */
  readonly users: readonly string[];
  /** Users and groups on access lists, in capitals. */
  readonly ids: readonly string[];
}

interface UserFollowerParts<Spelled extends Named> extends AskDeps {
  readonly cgroups: Pick<Cgroups, 'at' | 'list'>;
  /** Reads what the rules in force say. */
  readonly spelled: () => SpelledNames<Spelled>;
  /** Whether a uid has a job. */
  readonly isNamed: (uid: number) => boolean;
  /** Is told, once, what does not work. */
  readonly warn: (message: string) => void;
}

/** To be called every tick; it asks in the background, one question at a time. */
export class UserFollower<Spelled extends Named> {
  readonly #parts: UserFollowerParts<Spelled>;
  readonly #nameless: NamelessUids;
  #spelled: SpelledNames<Spelled> = { jobs: [], users: [], ids: [] };
  #refreshAt = Number.NEGATIVE_INFINITY;
  #uidsAt = Number.NEGATIVE_INFINITY;
  /** Since when each user who was known has not been answered (monotonic milliseconds). */
  readonly #absentSince = new Map<string, number>();
  #isAsking = false;
  #isClosed = false;
  #fault: string | undefined;

  constructor(parts: UserFollowerParts<Spelled>) {
    this.#parts = parts;
    this.#nameless = new NamelessUids(parts);
  }

  /** The jobs that the rules spelled out when they were read last. */
  get jobs(): readonly Spelled[] {
    return this.#spelled.jobs;
  }

  /** Why what is known of users may be old; undefined where they are followed. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Somebody without a job was refused. */
  see(uid: number): void {
    this.#nameless.see(uid);
  }

  /** The rules may name others now. */
  renewSoon(): void {
    this.#refreshAt = Number.NEGATIVE_INFINITY;
  }

  tick(): void {
    const now = this.#parts.clock.monotonic();
    const isDue = now >= this.#refreshAt;
    if (this.#isClosed || this.#isAsking || !(isDue || now >= this.#uidsAt)) return;
    this.#uidsAt = now + UIDS_INTERVAL_MS;
    if (isDue) this.#refreshAt = now + USERS_REFRESH_MS;
    void this.#ask(isDue);
  }

  /** What is not answered yet does not matter any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #ask(isRefresh: boolean): Promise<void> {
    this.#isAsking = true;
    try {
      const uids = this.#nameless.take(this.#present());
      if (isRefresh) this.#spelled = this.#parts.spelled();
      const { jobs, users, ids } = this.#spelled;
      const names = [...jobs.map(({ name }) => name), ...users];
      const deps = { ...this.#parts, isGone: this.#isGone };
      if (isRefresh) await askUsers(deps, { names, ids, uids, isRefresh });
      else if (uids.length > 0) await askUsers(deps, { names: [], ids: [], uids, isRefresh });
      if (isRefresh) this.#fault = undefined;
    } catch (thrown) {
      this.#tell(messageOf(thrown));
      const now = this.#parts.clock.monotonic();
      this.#refreshAt = Math.min(this.#refreshAt, now + USERS_RETRY_MS);
      this.#uidsAt = now + USERS_RETRY_MS;
    } finally {
      this.#isAsking = false;
    }
  }

  /**
   * NSS does not tell who is gone from who cannot be found at present. How long that lasts counts while we run: after a
   * boot the network is there later than we are, however long the host was off.
   */
  readonly #isGone = (name: string, isAnswered: boolean): boolean => {
    const now = this.#parts.clock.monotonic();
    const since = this.#absentSince.get(name) ?? now;
    if (isAnswered) this.#absentSince.delete(name);
    else this.#absentSince.set(name, since);
    return !isAnswered && now - since >= USER_KEPT_MS;
  };

  /** The uids that are logged in. */
  #present(): number[] {
    const { cgroups } = this.#parts;
    if (!cgroups.at(USER_SLICE)) return [];
    const slices = cgroups.list(USER_SLICE, (name) => (SLICE_OF_USER.test(name) ? 'take' : 'leave'));
    return slices.flatMap(({ path }) => {
      const [, digits = ''] = SLICE_OF_USER.exec(path.slice(USER_SLICE.length + 1)) ?? [];
      return parseDecimal(digits, UID_MAX) ?? [];
    });
  }

  #tell(fault: string): void {
    if (fault !== this.#fault && !this.#isClosed) this.#parts.warn(fault);
    this.#fault = fault;
  }
}
