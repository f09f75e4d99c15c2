// Finds the statements and user names that the guard's events are reported with.
import type { Clock } from '../../base/clock.ts';
import { requireFailure } from '../../base/errors.ts';
import type { Files } from '../../host/host.ts';
import { readUsers } from '../../job/app/users.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { RuleContext } from '../../profile/core/table.ts';
import { RefusalRules } from '../core/events.ts';

/** The rules of this many revisions are cached: the one in force, and the one before it. */
const REVISIONS_KEPT = 2;
/** The maximum age of the user names. */
const USERS_AGE_MAX_MS = 1000;

/** The rules by which each revision in the archive refuses. */
export class RevisionRules {
  readonly #archive: ProfileArchive;
  readonly #context: Omit<RuleContext, 'saf'>;
  /** The last ones used, the most recent last. */
  readonly #known = new Map<number, RefusalRules>();

  constructor(archive: ProfileArchive, context: Omit<RuleContext, 'saf'>) {
    this.#archive = archive;
    this.#context = context;
  }

  /** The rules of a revision; undefined where it cannot be read, for example because it is not recorded yet. */
  of(revision: number): RefusalRules | undefined {
    const rules = this.#known.get(revision) ?? this.#read(revision);
    if (!rules) return undefined;
    this.#known.delete(revision);
    this.#known.set(revision, rules);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > REVISIONS_KEPT) this.#known.delete(oldest);
    return rules;
  }

  #read(revision: number): RefusalRules | undefined {
    try {
      return new RefusalRules(profileAfter(this.#archive, revision).profile, this.#context);
    } catch (thrown) {
      requireFailure(thrown);
      return undefined;
    }
  }
}

/** The names of users, at most USERS_AGE_MAX_MS old. */
export class UserNames {
  readonly #files: Pick<Files, 'readText'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #names = new Map<number, string>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(files: Pick<Files, 'readText'>, clock: Pick<Clock, 'monotonic'>) {
    this.#files = files;
    this.#clock = clock;
  }

  /** The name of the first account with that uid. */
  of(uid: number): string | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#readAt >= USERS_AGE_MAX_MS) {
      this.#readAt = now;
      this.#names = this.#read() ?? this.#names;
    }
    return this.#names.get(uid);
  }

  #read(): Map<number, string> | undefined {
    try {
      const { accounts } = readUsers(this.#files);
      return new Map(accounts.toReversed().map((account) => [account.uid, account.name]));
    } catch (thrown) {
      requireFailure(thrown);
      return undefined;
    }
  }
}
