// Users and groups that only the host's user database (NSS) knows: which of its answers are accepted.

import { OWN_JOBS } from '../../base/job.ts';
import { USERS_QUERIED_MAX, USERS_SEEN_MAX } from '../../base/limits.ts';
import type { Group } from '../../text/group.ts';
import type { Account } from '../../text/passwd.ts';
import type { KnownGroup, KnownUser, KnownUsers } from './user-archive.ts';

/** The users and groups in the host's files, which take precedence. */
export interface LocalUsers {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
}

interface WantedUsers {
  /** Uppercase names of possible users. */
  readonly names: readonly string[];
  /** Uppercase names of possible users or groups. */
  readonly ids: readonly string[];
  /** Uids seen that have no name. */
  readonly uids: readonly number[];
}

/** Answers by uid are separate because they determine which of several names is the primary one. */
export interface UserAnswers {
  readonly groups: readonly Group[];
  readonly byName: readonly Account[];
  readonly byUid: readonly Account[];
}

const ROOT = 0;
/** The uids of DynamicUser= (systemd.io/UIDS-GIDS), which systemd reuses for other units. */
const DYNAMIC_UIDS = { first: 61_184, last: 65_519 } as const;
/** Users of containers (nss-mymachines(8)). */
const CONTAINER_USER = /^V[UG]-/;

const upper = ({ name }: { readonly name: string }): string => name.toUpperCase();

/** The names to query: those that are neither a local user nor a unit. */
export function namesToQuery(
  names: readonly string[],
  { accounts }: Pick<LocalUsers, 'accounts'>,
  isUnit: (name: string) => boolean,
): string[] {
  const local = new Set(accounts.map(upper));
  const wanted = names.filter((name) => !local.has(name) && !OWN_JOBS.includes(name) && !isUnit(name));
  return wanted.slice(0, USERS_QUERIED_MAX);
}

/** The spellings of a name to query. */
export function spellings(name: string): string[] {
  return [...new Set([name.toLowerCase(), name])];
}

/** Whether a known user or group (uppercase) has been deleted; called for each with whether it was in the answer. */
export type IsGone = (name: string, isAnswered: boolean) => boolean;

/**
 * Merges an answer into the known users. `isGone` decides whether a missing user has been deleted or is only
 * unavailable at present. A user is removed immediately if the name now has another uid, or the uid another name.
 */
export function mergeAnswers(
  known: KnownUsers,
  wanted: WantedUsers,
  answers: UserAnswers,
  isGone: IsGone,
): KnownUsers {
  const nameOf = new Map(answers.byUid.map((account) => [account.uid, upper(account)]));
  // Only the primary name of a uid is a job, as in passwd(5), where the first name of a uid counts.
  const isPrimaryName = (one: Account) =>
    one.uid !== ROOT && (nameOf.get(one.uid) ?? upper(one)) === upper(one);
  const groups = mergedGroups(known.groups, wanted, answers.groups, isGone);
  const members = groups.flatMap((group) => group.members.map((member) => member.toUpperCase()));
  const spelled = new Set([...wanted.names, ...wanted.ids, ...members]);
  const seen = new Set(wanted.uids);
  const before = new Map(known.users.map((user) => [upper(user), user]));
  const now = new Map<string, KnownUser>();
  // Of two spellings of a name, the lowercase one counts.
  const answered = [...answers.byName, ...answers.byUid].filter(isPrimaryName).sort(lowercaseFirst);
  for (const account of answered) {
    const key = upper(account);
    const old = before.get(key);
    const isSpelled = spelled.has(key);
    if (now.has(key) || !(isSpelled || old?.isSeen || seen.has(account.uid))) continue;
    now.set(key, { ...account, isSeen: !isSpelled });
  }
  const uidOf = new Map(answers.byName.map((account) => [upper(account), account.uid]));
  const isOutdated = (user: KnownUser) =>
    !isPrimaryName(user) || (uidOf.get(upper(user)) ?? user.uid) !== user.uid;
  const kept = known.users.filter((user) => {
    const isAnswered = now.has(upper(user));
    return !isGone(upper(user), isAnswered) && !isAnswered && !isOutdated(user);
  });
  const all = [...kept, ...now.values()];
  const seenOnly = all.filter(({ isSeen }) => isSeen);
  return { users: [...all.filter(({ isSeen }) => !isSeen), ...seenOnly.slice(-USERS_SEEN_MAX)], groups };
}

function lowercaseFirst(a: Account, b: Account): number {
  const rank = ({ name }: Account) => (name === name.toLowerCase() ? 0 : 1);
  return rank(a) - rank(b);
}

function mergedGroups(
  known: readonly KnownGroup[],
  { ids }: WantedUsers,
  answered: readonly Group[],
  isGone: IsGone,
): KnownGroup[] {
  const now = new Map<string, KnownGroup>();
  for (const { name, gid, members: all } of answered) {
    const key = name.toUpperCase();
    if (!ids.includes(key) || now.has(key)) continue;
    const members = all.slice(0, USERS_QUERIED_MAX);
    now.set(key, { name, gid, members });
  }
  const kept = known.filter((group) => {
    const isAnswered = now.has(upper(group));
    return !isGone(`group ${upper(group)}`, isAnswered) && !isAnswered;
  });
  return [...kept, ...now.values()];
}

/**
 * Lines to append to the passwd and group files. Names and ids in the files take precedence. The user database can
 * never define root, or a user with the name of a unit or of one of portreeve's own jobs.
 */
export function extraLines(
  { users, groups }: KnownUsers,
  local: LocalUsers,
  isUnit: (name: string) => boolean,
): { readonly passwd: string; readonly group: string } {
  const names = new Set([...local.accounts.map(upper), ...OWN_JOBS]);
  const uids = new Set([ROOT, ...local.accounts.map(({ uid }) => uid)]);
  const accounts = users.filter((user) => {
    const { uid } = user;
    const name = upper(user);
    const isDynamic = uid >= DYNAMIC_UIDS.first && uid <= DYNAMIC_UIDS.last;
    if (names.has(name) || uids.has(uid) || isDynamic || CONTAINER_USER.test(name) || isUnit(name))
      return false;
    names.add(name);
    uids.add(uid);
    return true;
  });
  const groupNames = new Set(local.groups.map(upper));
  const gids = new Set(local.groups.map(({ gid }) => gid));
  const others = groups.filter((group) => !groupNames.has(upper(group)) && !gids.has(group.gid));
  return {
    passwd: accounts.map(({ name, uid, gid }) => `${name}:x:${uid}:${gid}:::\n`).join(''),
    group: others.map(({ name, gid, members }) => `${name}:x:${gid}:${members.join(',')}\n`).join(''),
  };
}
