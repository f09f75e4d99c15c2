// Keeps the answers of the host's user database (NSS) current: the users named in rules, and the names of uids seen.

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
import { queryUsers, type UserQueryDeps } from '../app/host-users.ts';
import { NamelessUids } from '../app/nameless-uids.ts';

/** systemd's cgroups of logged-in users; only root can create one here. */
const USER_SLICE = '/user.slice';
const SLICE_OF_USER = /^user-([0-9]+)\.slice$/;

/** An uppercase job name. */
interface Named {
  readonly name: string;
}

/** The names in rules and settings that are not patterns, in uppercase. */
export interface SpelledNames<Spelled extends Named> {
  readonly jobs: readonly Spelled[];
  /** Other user names. */
  readonly users: readonly string[];
  /** Users and groups on access lists. */
  readonly ids: readonly string[];
}

interface UserFollowerParts<Spelled extends Named> extends UserQueryDeps {
  readonly cgroups: Pick<Cgroups, 'at' | 'list'>;
  /** Reads the rules in force. */
  readonly spelled: () => SpelledNames<Spelled>;
  /** Whether a uid already has a job. */
  readonly isNamed: (uid: number) => boolean;
  /** Called once for each problem. */
  readonly warn: (message: string) => void;
}

/** Queries in the background, one query at a time. Call tick() periodically. */
export class UserFollower<Spelled extends Named> {
  readonly #parts: UserFollowerParts<Spelled>;
  readonly #nameless: NamelessUids;
  #spelled: SpelledNames<Spelled> = { jobs: [], users: [], ids: [] };
  #refreshAt = Number.NEGATIVE_INFINITY;
  #uidsAt = Number.NEGATIVE_INFINITY;
  /** The time since which each known user has been missing from the answers (monotonic milliseconds). */
  readonly #absentSince = new Map<string, number>();
  #isQuerying = false;
  #isClosed = false;
  #fault: string | undefined;

  constructor(parts: UserFollowerParts<Spelled>) {
    this.#parts = parts;
    this.#nameless = new NamelessUids(parts);
  }

  /** The jobs named in the rules when they were last read. */
  get jobs(): readonly Spelled[] {
    return this.#spelled.jobs;
  }

  /** Why the known users may be outdated; undefined if they are current. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** A bind of a uid without a job was refused. */
  observe(uid: number): void {
    this.#nameless.observe(uid);
  }

  /** The rules have changed. */
  renewSoon(): void {
    this.#refreshAt = Number.NEGATIVE_INFINITY;
  }

  tick(): void {
    const now = this.#parts.clock.monotonic();
    const isDue = now >= this.#refreshAt;
    if (this.#isClosed || this.#isQuerying || !(isDue || now >= this.#uidsAt)) return;
    this.#uidsAt = now + UIDS_INTERVAL_MS;
    if (isDue) this.#refreshAt = now + USERS_REFRESH_MS;
    void this.#query(isDue);
  }

  /** Stops; ignores pending answers. */
  close(): void {
    this.#isClosed = true;
  }

  async #query(isRefresh: boolean): Promise<void> {
    this.#isQuerying = true;
    try {
      const uids = this.#nameless.take(this.#loggedIn());
      if (isRefresh) this.#spelled = this.#parts.spelled();
      const { jobs, users, ids } = this.#spelled;
      const names = [...jobs.map(({ name }) => name), ...users];
      const deps = { ...this.#parts, isGone: this.#isGone };
      if (isRefresh) await queryUsers(deps, { names, ids, uids, isRefresh });
      else if (uids.length > 0) await queryUsers(deps, { names: [], ids: [], uids, isRefresh });
      if (isRefresh) this.#fault = undefined;
    } catch (thrown) {
      this.#report(messageOf(thrown));
      const now = this.#parts.clock.monotonic();
      this.#refreshAt = Math.min(this.#refreshAt, now + USERS_RETRY_MS);
      this.#uidsAt = now + USERS_RETRY_MS;
    } finally {
      this.#isQuerying = false;
    }
  }

  /**
   * NSS does not distinguish a deleted user from one that cannot be found at present, so a user is kept for
   * USER_KEPT_MS. Only time while this process runs counts, because after a boot the network may not be up yet.
   */
  readonly #isGone = (name: string, isAnswered: boolean): boolean => {
    const now = this.#parts.clock.monotonic();
    const since = this.#absentSince.get(name) ?? now;
    if (isAnswered) this.#absentSince.delete(name);
    else this.#absentSince.set(name, since);
    return !isAnswered && now - since >= USER_KEPT_MS;
  };

  #loggedIn(): number[] {
    const { cgroups } = this.#parts;
    if (!cgroups.at(USER_SLICE)) return [];
    const slices = cgroups.list(USER_SLICE, (name) => (SLICE_OF_USER.test(name) ? 'take' : 'leave'));
    return slices.flatMap(({ path }) => {
      const [, digits = ''] = SLICE_OF_USER.exec(path.slice(USER_SLICE.length + 1)) ?? [];
      return parseDecimal(digits, UID_MAX) ?? [];
    });
  }

  #report(fault: string): void {
    if (fault !== this.#fault && !this.#isClosed) this.#parts.warn(fault);
    this.#fault = fault;
  }
}
