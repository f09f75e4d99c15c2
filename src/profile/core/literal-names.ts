// The job names without wildcards in a profile and the settings: the guard must resolve them before the jobs bind.
import { hasWildcard, OWN_JOBS } from '../../base/job.ts';
import type { RacfCommand } from '../text/racf.ts';
import type { Profile, RuleSource } from './rules.ts';

/** A name, in upper case, and the first statement that has it; undefined if only the settings do. */
export interface LiteralName {
  readonly name: string;
  readonly source: RuleSource | undefined;
}

/** The settings that names of a profile depend on. */
export interface NameContext {
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authportJobs: readonly string[];
  /** The name that stands for every job; undefined is OMVS. */
  readonly omvsJob: string | undefined;
}

/** Matches no job (PORT: INTCLIEN). */
const NO_JOB = 'INTCLIEN';

/** Each name once, in the order of the statements. */
export function literalJobs(
  { reservations, unreserved }: Pick<Profile, 'reservations' | 'unreserved'>,
  { authportJobs, omvsJob = 'OMVS' }: NameContext,
): LiteralName[] {
  const found = new Map<string, LiteralName>();
  const add = (name: string, source: RuleSource | undefined) => {
    const isLiteral = !hasWildcard(name) && name !== NO_JOB && name !== omvsJob;
    if (isLiteral && !found.has(name)) found.set(name, { name, source });
  };
  for (const { use, source } of reservations) {
    if (use.kind === 'JOB') add(use.pattern, source);
    if (use.kind === 'AUTHPORT') for (const job of authportJobs) add(job.toUpperCase(), source);
  }
  for (const { pattern, source } of unreserved) add(pattern, source);
  return [...found.values()];
}

/** The users and groups that RACF commands put on access lists, in upper case. */
export function literalIds(commands: readonly RacfCommand[]): string[] {
  const ids = commands.flatMap((command) => (command.kind === 'PERMIT' ? command.ids : []));
  return [...new Set(ids)].filter((id) => id !== '*');
}

/**
 * The names that no job and no user of this host has. They may be misspelled, or belong to software that is installed
 * later.
 */
export function unknownNames(
  names: readonly LiteralName[],
  isKnown: (name: string) => boolean,
): LiteralName[] {
  return names.filter(({ name }) => !OWN_JOBS.includes(name) && !isKnown(name));
}
