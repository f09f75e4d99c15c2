// Users and groups that only the host's user database (NSS) knows: what its answers mean, and which of them count.

import { OWN_JOBS } from '../../base/job.ts';
import { USERS_ASKED_MAX, USERS_SEEN_MAX } from '../../base/limits.ts';
import type { Group } from '../../text/group.ts';
import type { Account } from '../../text/passwd.ts';
import type { KnownGroup, KnownUser, KnownUsers } from './user-archive.ts';

/** What the files of the host say, which comes first. */
export interface LocalUsers {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
}

/** Whose names are wanted. */
interface WantedUsers {
  /** Names in capitals that may be users'. */
  readonly names: readonly string[];
  /** Names in capitals that may be users' or groups'. */
  readonly ids: readonly string[];
  /** Uids that were seen and have no name. */
  readonly uids: readonly number[];
}

/** What was asked, and what was answered. An answer by uid is kept apart: it says which of several names counts. */
export interface UserAnswers {
  readonly groups: readonly Group[];
  readonly byName: readonly Account[];
  readonly byUid: readonly Account[];
}

const ROOT = 0;
/** The uids of DynamicUser= (systemd.io/UIDS-GIDS), which belong to whichever unit is started next. */
const DYNAMIC_UIDS = { first: 61_184, last: 65_519 } as const;
/** Users of containers, as machines' modules call them (nss-mymachines(8)). */
const OF_CONTAINER = /^V[UG]-/;

const upper = ({ name }: { readonly name: string }): string => name.toUpperCase();

/** The names that have to be asked for: the files of the host have no user of that name, and no unit is called so. */
export function namesToAsk(
  names: readonly string[],
  { accounts }: Pick<LocalUsers, 'accounts'>,
  isUnit: (name: string) => boolean,
): string[] {
  const local = new Set(accounts.map(upper));
  const wanted = names.filter((name) => !local.has(name) && !OWN_JOBS.includes(name) && !isUnit(name));
  return wanted.slice(0, USERS_ASKED_MAX);
}

/** How a name may be written in a user database. */
export function spellings(name: string): string[] {
  return [...new Set([name.toLowerCase(), name])];
}

/** Whether a user or group who was known is gone: told of each, in capitals, whether it was answered this time. */
export type IsGone = (name: string, isAnswered: boolean) => boolean;

/**
 * What is known after an answer. Who was not answered may be gone, or only not to be had at present: that is left to
 * `isGone`. A user goes at once where the name has another uid now, or the uid another name.
 */
export function settle(
  known: KnownUsers,
  wanted: WantedUsers,
  answers: UserAnswers,
  isGone: IsGone,
): KnownUsers {
  const nameOf = new Map(answers.byUid.map((account) => [account.uid, upper(account)]));
  // A second name of a uid is nobody's job, as in passwd(5), where the first name of a uid counts.
  const isItsName = (one: Account) => one.uid !== ROOT && (nameOf.get(one.uid) ?? upper(one)) === upper(one);
  const groups = settledGroups(known.groups, wanted, answers.groups, isGone);
  const members = groups.flatMap((group) => group.members.map((member) => member.toUpperCase()));
  const spelled = new Set([...wanted.names, ...wanted.ids, ...members]);
  const seen = new Set(wanted.uids);
  const before = new Map(known.users.map((user) => [upper(user), user]));
  const now = new Map<string, KnownUser>();
  // Small letters come first: they are what people write, and what makes two spellings of a name one user.
  const answered = [...answers.byName, ...answers.byUid].filter(isItsName).sort(bySmallLetters);
  for (const account of answered) {
    const key = upper(account);
    const old = before.get(key);
    const isSpelled = spelled.has(key);
    if (now.has(key) || !(isSpelled || old?.isSeen || seen.has(account.uid))) continue;
    now.set(key, { ...account, isSeen: !isSpelled });
  }
  const uidOf = new Map(answers.byName.map((account) => [upper(account), account.uid]));
  const isOutdated = (user: KnownUser) =>
    !isItsName(user) || (uidOf.get(upper(user)) ?? user.uid) !== user.uid;
  const kept = known.users.filter((user) => {
    const isAnswered = now.has(upper(user));
    return !isGone(upper(user), isAnswered) && !isAnswered && !isOutdated(user);
  });
  const all = [...kept, ...now.values()];
  const bySight = all.filter(({ isSeen }) => isSeen);
  return { users: [...all.filter(({ isSeen }) => !isSeen), ...bySight.slice(-USERS_SEEN_MAX)], groups };
}

function bySmallLetters(a: Account, b: Account): number {
  const rank = ({ name }: Account) => (name === name.toLowerCase() ? 0 : 1);
  return rank(a) - rank(b);
}

function settledGroups(
  known: readonly KnownGroup[],
  { ids }: WantedUsers,
  answered: readonly Group[],
  isGone: IsGone,
): KnownGroup[] {
  const now = new Map<string, KnownGroup>();
  for (const { name, gid, members: all } of answered) {
    const key = name.toUpperCase();
    if (!ids.includes(key) || now.has(key)) continue;
    const members = all.slice(0, USERS_ASKED_MAX);
    now.set(key, { name, gid, members });
  }
  const kept = known.filter((group) => {
    const isAnswered = now.has(upper(group));
    return !isGone(`group ${upper(group)}`, isAnswered) && !isAnswered;
  });
  return [...kept, ...now.values()];
}

/**
 * Lines to stand behind those of the passwd and the group file. What the files say comes first, for names and for
 * numbers; nobody is root, or has the name of a unit or of one of our own jobs, because the user database says so.
 */
export function linesBehind(
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
    if (names.has(name) || uids.has(uid) || isDynamic || OF_CONTAINER.test(name) || isUnit(name))
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
