// Reads the users and groups of this host.
import { PortreeveError } from '../../base/errors.ts';
import { UID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { type Group, parseGroup } from '../../text/group.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';

/** The largest passwd or group file. */
export const USERS_MAX_BYTES = 16 * 1024 * 1024;

export interface Users {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
}

/** The user and groups of a process. */
export interface Identity {
  readonly uid: number;
  /** Undefined if no account has the uid. */
  readonly name: string | undefined;
  /** The primary group and the groups that list the user. */
  readonly gids: readonly number[];
}

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';

/** Reads /etc/passwd and /etc/group. */
export function readUsers(files: Pick<Files, 'readText'>): Users {
  return {
    accounts: parsePasswd(files.readText(PASSWD, USERS_MAX_BYTES) ?? ''),
    groups: parseGroup(files.readText(GROUP, USERS_MAX_BYTES) ?? ''),
  };
}

export type UserFiles = Pick<Files, 'readText' | 'stamp' | 'names'>;

/**
 * Reads passwd and group only once, so that everything in a command uses the same users. Their stamps are those of the
 * time when they were read.
 */
export function withUsersOnce(files: UserFiles): UserFiles {
  const read = new Map<string, { readonly stamp: string | undefined; readonly text: string | undefined }>();
  return {
    readText: (path, maxBytes) => {
      if (path !== PASSWD && path !== GROUP) return files.readText(path, maxBytes);
      const known = read.get(path) ?? { stamp: files.stamp(path), text: files.readText(path, maxBytes) };
      read.set(path, known);
      return known.text;
    },
    stamp: (path) => (read.get(path) ?? { stamp: files.stamp(path) }).stamp,
    names: (directory) => files.names(directory),
  };
}

/** Members of this group may see everything. */
const PORTREEVE_GROUP = 'portreeve';

/** The gid of the group `portreeve`; undefined if it does not exist. */
export function portreeveGid(files: Pick<Files, 'readText'>): number | undefined {
  return readUsers(files).groups.find(({ name }) => name === PORTREEVE_GROUP)?.gid;
}

/** Finds a user by name or uid. Throws PortreeveError `USER_UNKNOWN` (usage). */
export function identityOf(user: string, users: Users): Identity {
  const named = users.accounts.find(({ name }) => name === user);
  if (named) return identity(named.uid, named, users);
  const uid = parseDecimal(user, UID_MAX);
  if (uid !== undefined) return identityOfUid(uid, users);
  const hint = 'Use the name of an account, or a uid.';
  throw new PortreeveError('USER_UNKNOWN', `there is no user "${user}"`, hint, { value: user });
}

/** A user by uid, with or without an account. */
export function identityOfUid(uid: number, users: Users): Identity {
  return identity(
    uid,
    users.accounts.find((account) => account.uid === uid),
    users,
  );
}

function identity(uid: number, account: Account | undefined, { groups }: Users): Identity {
  if (!account) return { uid, name: undefined, gids: [] };
  const listed = groups.filter(({ members }) => members.includes(account.name)).map(({ gid }) => gid);
  return { uid, name: account.name, gids: [...new Set([account.gid, ...listed])] };
}
