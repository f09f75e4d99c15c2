// A user database with entries from the test, and an archive of its answers in memory.
import { PortreeveError } from '../../../src/base/errors.ts';
import type { UserDatabase } from '../../../src/host/host.ts';
import type { KnownUsers, UserArchive } from '../../../src/job/core/user-archive.ts';

/** Looks up names and numbers like getent(1): the first matching line. */
export class SimUserDatabase implements UserDatabase {
  /** Lines of passwd(5) and group(5). */
  passwd: readonly string[] = [];
  group: readonly string[] = [];
  /** Why it does not answer. */
  silence: string | undefined;
  /** The number of lookups that it leaves unanswered. */
  silentFor = Number.POSITIVE_INFINITY;
  /** The lookups it received. */
  readonly queries: string[] = [];

  async entries(database: 'passwd' | 'group', keys: readonly string[]): Promise<string> {
    this.queries.push([database, ...keys].join(' '));
    await undefined;
    if (this.silence && this.silentFor-- > 0)
      throw new PortreeveError('USERS_SILENT', this.silence, 'earlier answers are used');
    return keys
      .flatMap((key) => this[database].find((line) => [0, 2].some((at) => line.split(':')[at] === key)) ?? [])
      .map((line) => `${line}\n`)
      .join('');
  }
}

/** An archive that can be damaged. */
export class SimUserArchive implements UserArchive {
  damage: string | undefined;
  #known: KnownUsers = { users: [], groups: [] };
  #changes = 0;

  read(): KnownUsers {
    if (this.damage) throw new PortreeveError('ARCHIVE_CORRUPT', this.damage, '');
    return this.#known;
  }

  change(change: (known: KnownUsers) => KnownUsers): KnownUsers {
    this.#known = change(this.read());
    this.#changes++;
    return this.#known;
  }

  stamp(): string | undefined {
    return this.#changes === 0 && !this.damage ? undefined : `${this.#changes} ${this.damage}`;
  }
}
