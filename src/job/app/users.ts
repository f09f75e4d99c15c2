// The users and groups of this host, and who a program runs as.
import { PortreeveError } from '../../base/errors.ts';
import { UID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { type Group, parseGroup } from '../../text/group.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';

/** Beyond this a passwd or group file is none. */
export const USERS_MAX_BYTES = 16 * 1024 * 1024;

export interface Users {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
}

/** As whom a program asks. */
export interface Identity {
  readonly uid: number;
  /** Undefined where no account has the uid. */
  readonly name: string | undefined;
  /** The gids of his own group and of those that list him. */
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

/** The files in which users and units are looked up. */
export type UserFiles = Pick<Files, 'readText' | 'stamp' | 'names'>;

/**
 * Files of which passwd and group are read once, so that all that a command does depends on the same users. Their stamp
 * is that of the moment at which they were read.
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

/** Its members may see everything. */
const PORTREEVE_GROUP = 'portreeve';

/** The gid of the group `portreeve`; undefined where there is no such group. */
export function portreeveGid(files: Pick<Files, 'readText'>): number | undefined {
  return readUsers(files).groups.find(({ name }) => name === PORTREEVE_GROUP)?.gid;
}

/** A user by his name or uid. Throws PortreeveError `USER_UNKNOWN` (usage) for a name that nobody has. */
export function identityOf(user: string, users: Users): Identity {
  const named = users.accounts.find(({ name }) => name === user);
  if (named) return identity(named.uid, named, users);
  const uid = parseDecimal(user, UID_MAX);
  if (uid !== undefined) return identityOfUid(uid, users);
  const hint = 'Give the name of an account, or a uid.';
  throw new PortreeveError('USER_UNKNOWN', `there is no user "${user}"`, hint, { value: user });
}

/** A user by his uid, which need not have an account. */
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
