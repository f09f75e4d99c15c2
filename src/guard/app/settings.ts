// The guard's settings in portreeve.toml, for the commands and the daemon.

import { type Section, type Settings, sectionOf } from '../../kit/settings.ts';
import { PROFILE_SECTION } from '../../profile/app/settings.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { namespacePath } from '../../text/namespace.ts';

/** The errors of a refused bind(2) (errno(3)). The numbers are the same on every architecture. */
export const GUARD_ERRNOS = { EPERM: 1, EACCES: 13, EADDRINUSE: 98 } as const;
export type GuardErrno = keyof typeof GUARD_ERRNOS;

interface GuardSection {
  /** The error of bind(2) on a port that the profile refuses; `errno_low`: on ports 512-1023. */
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

/** The defaults. bindresvport(3) tries the next port only after EADDRINUSE. */
const DEFAULT_ERRNO: GuardErrno = 'EACCES';
const DEFAULT_ERRNO_LOW: GuardErrno = 'EADDRINUSE';

/** The choices from which, with a profile, the tables are built. */
export interface TableChoices extends NameContext {
  /** The errno of a refusal, and of one on ports 512-1023. */
  readonly errno: GuardErrno;
  readonly errnoLow: GuardErrno;
}

export interface GuardSettings extends TableChoices {
  /** The directory of the cgroup below which binds are judged; undefined: all of them. */
  readonly cgroup: string | undefined;
  /** The paths of the other network namespaces to cover. */
  readonly namespaces: readonly string[];
}

/** The settings from the sections [guard] and [profile]. */
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
