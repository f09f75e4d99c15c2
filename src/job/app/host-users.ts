// The users of this host: those in /etc/passwd, followed by those that only the user database (NSS) knows.
import type { Clock } from '../../base/clock.ts';
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { USER_ANSWER_MS, USERS_QUERIED_MAX } from '../../base/limits.ts';
import type { Files, UserDatabase } from '../../host/host.ts';
import { parseGroup } from '../../text/group.ts';
import { parsePasswd } from '../../text/passwd.ts';
import {
  extraLines,
  type IsGone,
  type LocalUsers,
  mergeAnswers,
  namesToQuery,
  spellings,
} from '../core/known-users.ts';
import type { KnownUsers, UserArchive } from '../core/user-archive.ts';
import { readUsers } from './users.ts';

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
const NO_USERS: KnownUsers = { users: [], groups: [] };

interface HostUserDeps {
  readonly files: Pick<Files, 'readText' | 'names'> & Partial<Pick<Files, 'stamp'>>;
  readonly archive: Pick<UserArchive, 'read' | 'stamp'>;
  /** Whether a unit has an uppercase name: then no user of the user database gets that job. */
  readonly isUnit: (name: string) => boolean;
}

/**
 * Files in which passwd and group also have lines for the users and groups in the archive. If the archive cannot be
 * read, they are the host's own files, so that a rule permits fewer users, never more.
 */
export class HostUsers implements Pick<Files, 'readText' | 'stamp' | 'names'> {
  readonly #deps: HostUserDeps;
  #known: { readonly stamp: string | undefined; readonly users: KnownUsers } | undefined;
  #lines: { readonly key: string; readonly passwd: string; readonly group: string } | undefined;
  #fault: string | undefined;

  constructor(deps: HostUserDeps) {
    this.#deps = deps;
  }

  /** Why the archive cannot be read; undefined if it can. */
  get fault(): string | undefined {
    this.#read();
    return this.#fault;
  }

  readonly readText = (path: string, maxBytes: number): string | undefined => {
    const text = this.#deps.files.readText(path, maxBytes);
    const more = this.#more(path);
    if (more === '') return text;
    return `${text ?? ''}${text === undefined || text.endsWith('\n') ? '' : '\n'}${more}`;
  };

  readonly names = (directory: string): readonly string[] => this.#deps.files.names(directory);

  readonly stamp = (path: string): string | undefined => {
    const stamp = this.#deps.files.stamp?.(path);
    const more = this.#more(path);
    return more === '' ? stamp : `${stamp} ${more}`;
  };

  #more(path: string): string {
    if (path !== PASSWD && path !== GROUP) return '';
    const known = this.#read();
    if (known.users.length + known.groups.length === 0) return '';
    const key = this.#keyOf(known);
    if (key === undefined || this.#lines?.key !== key) {
      const lines = extraLines(known, readUsers(this.#deps.files), this.#deps.isUnit);
      this.#lines = { key: key ?? '', ...lines };
    }
    return path === PASSWD ? this.#lines.passwd : this.#lines.group;
  }

  /** Identifies the input of the extra lines; undefined if the files have no stamps. */
  #keyOf({ users }: KnownUsers): string | undefined {
    const { files, isUnit, archive } = this.#deps;
    if (!files.stamp) return undefined;
    const units = users.filter(({ name }) => isUnit(name.toUpperCase())).map(({ name }) => name);
    return [archive.stamp(), files.stamp(PASSWD), files.stamp(GROUP), ...units].join('\n');
  }

  #read(): KnownUsers {
    const { archive } = this.#deps;
    const stamp = archive.stamp();
    if (this.#known && this.#known.stamp === stamp) return this.#known.users;
    let users = NO_USERS;
    this.#fault = undefined;
    try {
      users = archive.read();
    } catch (thrown) {
      this.#fault = requireFailure(thrown).message;
    }
    this.#known = { stamp, users };
    return users;
  }
}

/** An archive that stores nothing, for a dry run. */
export class DraftUserArchive implements UserArchive {
  readonly #archive: Pick<UserArchive, 'read' | 'stamp'>;
  #draft: KnownUsers | undefined;

  constructor(archive: Pick<UserArchive, 'read' | 'stamp'>) {
    this.#archive = archive;
  }

  read(): KnownUsers {
    return this.#draft ?? this.#archive.read();
  }

  change(change: (known: KnownUsers) => KnownUsers): KnownUsers {
    this.#draft = change(this.read());
    return this.#draft;
  }

  stamp(): string | undefined {
    return this.#draft ? JSON.stringify(this.#draft) : this.#archive.stamp();
  }
}

export interface UserQueryDeps {
  readonly database: UserDatabase;
  readonly archive: UserArchive;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** The host's own files, which may be cached. */
  readonly files: Pick<Files, 'readText' | 'stamp'>;
  /** The same without a cache. The default is `files`. */
  readonly present?: Pick<Files, 'stamp'>;
  readonly isUnit: (name: string) => boolean;
  /** Whether a known user who is missing from the answer has been deleted. The default is false. */
  readonly isGone?: IsGone;
}

export interface UserRequest {
  /** Uppercase names of possible users. */
  readonly names: readonly string[];
  /** Uppercase names of possible users or groups, as on SAF access lists. */
  readonly ids: readonly string[];
  /** Uids seen. */
  readonly uids: readonly number[];
  /** Whether to query all known users and groups again. */
  readonly isRefresh: boolean;
}

/**
 * Queries the user database for names and uids that are not in the host's files, and stores the answers. Throws
 * PortreeveError (environment) `USERS_SILENT` if it does not answer, `USERS_CHANGED` if the host's files changed during
 * the query, and what the archive throws. On an error nothing is stored.
 */
export async function queryUsers(deps: UserQueryDeps, request: UserRequest): Promise<KnownUsers> {
  const { archive, clock, files, present = files, isUnit } = deps;
  const stamp = stampOfUsers(files);
  const local = readUsers(files);
  const known = request.isRefresh ? archive.read() : NO_USERS;
  const wanted = {
    names: namesToQuery(request.names, local, isUnit),
    ids: idsToQuery(request.ids, local),
    uids: request.uids.filter((uid) => !local.accounts.some((account) => account.uid === uid)),
  };
  const query = withDeadline(deps.database, clock);
  const groupNames = [...wanted.ids.flatMap(spellings), ...known.groups.map(({ name }) => name)];
  const groups = parseGroup(await query('group', groupNames));
  const members = groups.flatMap((group) => group.members).slice(0, USERS_QUERIED_MAX);
  const names = [
    ...[...wanted.names, ...wanted.ids].flatMap(spellings),
    ...members,
    ...known.users.map(({ name }) => name),
  ];
  const byName = parsePasswd(await query('passwd', names));
  const uids = [...wanted.uids, ...[...known.users, ...byName].map(({ uid }) => uid)];
  const byUid = parsePasswd(await query('passwd', uids.map(String)));
  // NSS also answers from these files: a user who was in them only briefly must not be stored.
  if (stampOfUsers(present) !== stamp) throw changed();
  const answers = { groups, byName, byUid };
  const isGone = (request.isRefresh && deps.isGone) || (() => false);
  return archive.change((before) => mergeAnswers(before, wanted, answers, isGone));
}

const stampOfUsers = (files: Pick<Files, 'stamp'>) => `${files.stamp(PASSWD)} ${files.stamp(GROUP)}`;

function changed(): PortreeveError {
  const message = `${PASSWD} or ${GROUP} changed during a query of the user database`;
  const hint = 'Run the command again. The daemon retries in half a minute.';
  return new PortreeveError('USERS_CHANGED', message, hint);
}

function idsToQuery(ids: readonly string[], { accounts, groups }: LocalUsers): string[] {
  const local = new Set([...accounts, ...groups].map(({ name }) => name.toUpperCase()));
  return ids.filter((id) => !local.has(id)).slice(0, USERS_QUERIED_MAX);
}

/** All queries share one timeout. */
function withDeadline(database: UserDatabase, clock: Pick<Clock, 'monotonic'>) {
  const deadline = clock.monotonic() + USER_ANSWER_MS;
  return async (what: 'passwd' | 'group', keys: readonly string[]): Promise<string> =>
    keys.length === 0 ? '' : await database.entries(what, keys, deadline - clock.monotonic());
}
