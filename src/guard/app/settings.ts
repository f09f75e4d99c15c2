// What portreeve.toml says of the guard: the commands and the daemon go by the same.

import { type Section, type Settings, sectionOf } from '../../kit/settings.ts';
import { PROFILE_SECTION } from '../../profile/app/settings.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { namespacePath } from '../../text/namespace.ts';

/** How bind(2) can fail (errno(3)): the numbers are the same on every architecture. */
export const GUARD_ERRNOS = { EPERM: 1, EACCES: 13, EADDRINUSE: 98 } as const;
export type GuardErrno = keyof typeof GUARD_ERRNOS;

interface GuardSection {
  /** With what bind(2) fails on a port that the profile refuses; `errno_low`: on one from 512 to 1023. */
  readonly errno?: GuardErrno | undefined;
  readonly errno_low?: GuardErrno | undefined;
  /** The directory of the cgroup below which binds are judged. */
  readonly cgroup?: string | undefined;
  /** Network namespaces: names that "ip netns" lists, and paths. */
  readonly namespaces?: readonly string[] | undefined;
}

export const GUARD_SECTION: Section<GuardSection> = {
  name: 'guard',
  schema: async () => (await import('./settings-schema.ts')).GUARD,
};

/** What a port is refused with if nobody says otherwise: bindresvport(3) goes on at EADDRINUSE, and at nothing else. */
const DEFAULT_ERRNO: GuardErrno = 'EACCES';
const DEFAULT_ERRNO_LOW: GuardErrno = 'EADDRINUSE';

/** What the tables of a profile are made by. */
export interface TableChoices extends NameContext {
  /** The errno of a refusal, and of one of a port from 512 to 1023. */
  readonly errno: GuardErrno;
  readonly errnoLow: GuardErrno;
}

/** How it is guarded, as far as a file can say it. */
export interface GuardSettings extends TableChoices {
  /** The directory of the cgroup below which binds are judged; undefined: all of them. */
  readonly cgroup: string | undefined;
  /** The files of the network namespaces in which the policy is to hold, too. */
  readonly namespaces: readonly string[];
}

/** What the sections [guard] and [profile] come to. */
export function guardSettings(settings: Settings): GuardSettings {
  const guard = sectionOf(settings, GUARD_SECTION);
  const profile = sectionOf(settings, PROFILE_SECTION);
  return {
    omvsJob: profile.omvs_job,
    authportJobs: profile.authport_jobs ?? [],
    errno: guard.errno ?? DEFAULT_ERRNO,
    errnoLow: guard.errno_low ?? DEFAULT_ERRNO_LOW,
    cgroup: guard.cgroup,
    namespaces: (guard.namespaces ?? []).flatMap((name) => namespacePath(name) ?? []),
  };
}
