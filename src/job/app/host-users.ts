// The users of this host: those of its files, and behind them those that only its user database (NSS) knows.
import type { Clock } from '../../base/clock.ts';
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { USER_ANSWER_MS, USERS_ASKED_MAX } from '../../base/limits.ts';
import type { Files, UserDatabase } from '../../host/host.ts';
import { parseGroup } from '../../text/group.ts';
import { parsePasswd } from '../../text/passwd.ts';
import {
  type IsGone,
  type LocalUsers,
  linesBehind,
  namesToAsk,
  settle,
  spellings,
} from '../core/known-users.ts';
import type { KnownUsers, UserArchive } from '../core/user-archive.ts';
import { readUsers } from './users.ts';

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
const NOBODY: KnownUsers = { users: [], groups: [] };

interface HostUserDeps {
  readonly files: Pick<Files, 'readText' | 'names'> & Partial<Pick<Files, 'stamp'>>;
  readonly archive: Pick<UserArchive, 'read' | 'stamp'>;
  /** Whether a unit of this host has a name, in capitals: then no user has that job by the user database. */
  readonly isUnit: (name: string) => boolean;
}

/**
 * Files of which passwd and group have a line for every user and group that is known, in a file or not. Where the
 * archive cannot be read they are those of the host alone: then a rule lets in fewer, and never more.
 */
export class HostUsers implements Pick<Files, 'readText' | 'stamp' | 'names'> {
  readonly #deps: HostUserDeps;
  #known: { readonly stamp: string | undefined; readonly users: KnownUsers } | undefined;
  #lines: { readonly key: string; readonly passwd: string; readonly group: string } | undefined;
  #fault: string | undefined;

  constructor(deps: HostUserDeps) {
    this.#deps = deps;
  }

  /** Why the archive cannot be read; undefined where it can. */
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
      const lines = linesBehind(known, readUsers(this.#deps.files), this.#deps.isUnit);
      this.#lines = { key: key ?? '', ...lines };
    }
    return path === PASSWD ? this.#lines.passwd : this.#lines.group;
  }

  /** What the lines depend on; undefined where the files have no stamps. */
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
    let users = NOBODY;
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

/** An archive of which nothing is written down: what a dry run learns. */
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

/** What the user database is asked with. */
export interface AskDeps {
  readonly database: UserDatabase;
  readonly archive: UserArchive;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** The files of the host alone, which may have been read before. */
  readonly files: Pick<Files, 'readText' | 'stamp'>;
  /** The same as they are at each moment; undefined: `files` are. */
  readonly present?: Pick<Files, 'stamp'>;
  readonly isUnit: (name: string) => boolean;
  /** Whether someone who was not answered is gone; undefined: nobody is. */
  readonly isGone?: IsGone;
}

export interface UserRequest {
  /** Names in capitals that may be users'. */
  readonly names: readonly string[];
  /** Names in capitals that may be users' or groups', as on the access lists of SAF. */
  readonly ids: readonly string[];
  /** Uids that were seen. */
  readonly uids: readonly number[];
  /** Whether all that was answered before is asked for again, too. */
  readonly isRefresh: boolean;
}

/**
 * Asks the user database for what no file of the host has, and writes down what it answers. Throws PortreeveError
 * (environment) `USERS_SILENT` where it does not answer, `USERS_CHANGED` where the host's own files changed meanwhile,
 * and what the archive throws; then what is known stays what it is.
 */
export async function askUsers(deps: AskDeps, request: UserRequest): Promise<KnownUsers> {
  const { archive, clock, files, present = files, isUnit } = deps;
  const stamp = stampOfUsers(files);
  const local = readUsers(files);
  const known = request.isRefresh ? archive.read() : NOBODY;
  const wanted = {
    names: namesToAsk(request.names, local, isUnit),
    ids: idsToAsk(request.ids, local),
    uids: request.uids.filter((uid) => !local.accounts.some((account) => account.uid === uid)),
  };
  const ask = questions(deps.database, clock);
  const groupNames = [...wanted.ids.flatMap(spellings), ...known.groups.map(({ name }) => name)];
  const groups = parseGroup(await ask('group', groupNames));
  const members = groups.flatMap((group) => group.members).slice(0, USERS_ASKED_MAX);
  const names = [
    ...[...wanted.names, ...wanted.ids].flatMap(spellings),
    ...members,
    ...known.users.map(({ name }) => name),
  ];
  const byName = parsePasswd(await ask('passwd', names));
  const uids = [...wanted.uids, ...[...known.users, ...byName].map(({ uid }) => uid)];
  const byUid = parsePasswd(await ask('passwd', uids.map(String)));
  // It answers from these files, too: one who was in them for a moment is not to be known for a day.
  if (stampOfUsers(present) !== stamp) throw changed();
  const answers = { groups, byName, byUid };
  const isGone = (request.isRefresh && deps.isGone) || (() => false);
  return archive.change((before) => settle(before, wanted, answers, isGone));
}

const stampOfUsers = (files: Pick<Files, 'stamp'>) => `${files.stamp(PASSWD)} ${files.stamp(GROUP)}`;

function changed(): PortreeveError {
  const message = `${PASSWD} or ${GROUP} has changed while the user database of this host was asked`;
  const hint = 'The daemon asks again in half a minute; a command asks again when it is run again.';
  return new PortreeveError('USERS_CHANGED', message, hint);
}

function idsToAsk(ids: readonly string[], { accounts, groups }: LocalUsers): string[] {
  const local = new Set([...accounts, ...groups].map(({ name }) => name.toUpperCase()));
  return ids.filter((id) => !local.has(id)).slice(0, USERS_ASKED_MAX);
}

/** All questions together have one time in which to be answered; what asks for nobody is not asked. */
function questions(database: UserDatabase, clock: Pick<Clock, 'monotonic'>) {
  const deadline = clock.monotonic() + USER_ANSWER_MS;
  return async (what: 'passwd' | 'group', keys: readonly string[]): Promise<string> =>
    keys.length === 0 ? '' : await database.entries(what, keys, deadline - clock.monotonic());
}
