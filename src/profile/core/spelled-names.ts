// The names of jobs that a profile and the settings spell out: who they are has to be known before they bind.
import { hasWildcard, OWN_JOBS } from '../../base/job.ts';
import type { RacfCommand } from '../text/racf.ts';
import type { Profile, RuleSource } from './rules.ts';

/** A name, in capitals, and the statement that says it first; undefined where only the settings do. */
export interface SpelledName {
  readonly name: string;
  readonly source: RuleSource | undefined;
}

/** What a profile's names mean beside its text. */
export interface NameContext {
  /** Patterns of the jobs that AUTHPORT lets in. */
  readonly authportJobs: readonly string[];
  /** The name that stands for every job; OMVS. */
  readonly omvsJob: string | undefined;
}

/** Matches no job (PORT: INTCLIEN). */
const NO_JOB = 'INTCLIEN';

/** Each name once, in the order of the statements. */
export function jobsSpelled(
  { reservations, unreserved }: Pick<Profile, 'reservations' | 'unreserved'>,
  { authportJobs, omvsJob = 'OMVS' }: NameContext,
): SpelledName[] {
  const found = new Map<string, SpelledName>();
  const add = (name: string, source: RuleSource | undefined) => {
    const isOne = !hasWildcard(name) && name !== NO_JOB && name !== omvsJob;
    if (isOne && !found.has(name)) found.set(name, { name, source });
  };
  for (const { use, source } of reservations) {
    if (use.kind === 'JOB') add(use.pattern, source);
    if (use.kind === 'AUTHPORT') for (const job of authportJobs) add(job.toUpperCase(), source);
  }
  for (const { pattern, source } of unreserved) add(pattern, source);
  return [...found.values()];
}

/** The names of users and groups that RACF commands put on access lists, in capitals. */
export function idsSpelled(commands: readonly RacfCommand[]): string[] {
  const ids = commands.flatMap((command) => (command.kind === 'PERMIT' ? command.ids : []));
  return [...new Set(ids)].filter((id) => id !== '*');
}

/**
 * Of these names the ones that nobody on this host has: none of the jobs that are known here, and no user. They may be
 * misspelled, or of what is installed later.
 */
export function unknownNames(
  spelled: readonly SpelledName[],
  isKnown: (name: string) => boolean,
): SpelledName[] {
  return spelled.filter(({ name }) => !OWN_JOBS.includes(name) && !isKnown(name));
}
