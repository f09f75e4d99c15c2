// Job names, the identities by which a bind is judged, and the patterns by which a profile names jobs.
import { PortreeveError } from './errors.ts';
import { JOB_NAME_MAX_CHARACTERS } from './limits.ts';
import { matchesWildcards } from './wildcards.ts';

declare const jobBrand: unique symbol;

/** In upper case. */
export type JobName = string & { readonly [jobBrand]: true };

/** The identity of a bind. The first entry of a port that matches any name decides. UNRSV matches `name` only. */
export interface Job {
  readonly name: JobName;
  /** Other names: of the template of an instance, of the unit that a socket activates. */
  readonly aliases: readonly JobName[];
}

export function jobNamed(name: JobName): Job {
  return { name, aliases: [] };
}

/** Whether two jobs receive the same verdicts. */
export function isSameJob(one: Job | undefined, other: Job | undefined): boolean {
  return one === other || namesOf(one).join(' ') === namesOf(other).join(' ');
}

/** All names of a job, its primary name first. */
export function namesOf(job: Job | undefined): readonly JobName[] {
  return job ? [job.name, ...job.aliases] : [];
}

/** Keywords in the position of a job name (PORTRANGE: RESERVED, AUTHPORT). */
const NOT_JOBS: ReadonlySet<string> = new Set(['RESERVED', 'AUTHPORT']);

/** The job of a process that has not been identified. Only the pattern `*` matches it. */
export const UNKNOWN_JOB = 'UNKNOWN' as JobName;

/** The job of the port mapper's sockets, whatever the daemon's unit or user. */
export const PORTMAP_JOB = 'PORTMAP' as JobName;

/** The prefix of the names of cgroups created for a job. */
export const JOB_CGROUP_PREFIX = 'portreeve-job-';

/** The job names of z/OS: 1 to 8 letters, digits and national characters. */
const ZOS_JOB_MAX_CHARACTERS = 8;

/** Applied before conversion to upper case, which turns some letters of other scripts into A to Z. */
const NAME = /^[A-Za-z0-9@#$_.-]+$/;
const PATTERN = /^[A-Z0-9@#$_.*?-]+$/;
const ZOS_PATTERN = /^[A-Z0-9@#$*?]+$/;

/**
 * Parses a job name and converts it to upper case. Throws PortreeveError `JOB_INVALID` (usage), also for RESERVED and
 * AUTHPORT, because a profile cannot assign a port to jobs of these names.
 */
export function parseJobName(text: string): JobName {
  const name = text.toUpperCase();
  const isJob = NAME.test(text) && name.length <= JOB_NAME_MAX_CHARACTERS && !NOT_JOBS.has(name);
  if (isJob) return name as JobName;
  const why = NOT_JOBS.has(name)
    ? `${name} is a keyword of the profile, not a job name`
    : `"${text}" is not a job name`;
  const hint = `A job name consists of 1 to ${JOB_NAME_MAX_CHARACTERS} of the characters A-Z 0-9 @ # $ _ . -`;
  throw new PortreeveError('JOB_INVALID', why, hint, { value: text });
}

/** Explains why a word in upper case is not a job name pattern. Returns undefined if it is one. */
export function jobPatternProblem(word: string, isZos: boolean): string | undefined {
  const max = isZos ? ZOS_JOB_MAX_CHARACTERS : JOB_NAME_MAX_CHARACTERS;
  if (word.length > max) return `it has ${word.length} characters, and a job name has at most ${max}`;
  if (!(isZos ? ZOS_PATTERN : PATTERN).test(word)) {
    return `a job name has only the characters A-Z 0-9 @ # $${isZos ? '' : ' _ . -'} and the wildcards * and ?`;
  }
  return undefined;
}

export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}

/** Matches a job name against a pattern. `*` matches any characters, `?` exactly one. */
export function matchesJob(pattern: string, job: string): boolean {
  if (job === UNKNOWN_JOB) return pattern === '*';
  return matchesWildcards(pattern, job, (item, character) => item === '?' || item === character);
}

/**
 * Orders patterns from the most to the least specific: those without wildcards first, then those with more literal
 * characters, then those with fewer `*`. It does not know the special meaning of names such as OMVS.
 */
export function compareSpecificity(a: string, b: string): number {
  return rank(b) - rank(a);
}

function rank(pattern: string): number {
  const asterisks = pattern.split('*').length - 1;
  const marks = pattern.split('?').length - 1;
  const literals = pattern.length - asterisks - marks;
  if (asterisks + marks === 0) return Number.MAX_SAFE_INTEGER;
  return literals * 1_000_000 + marks * 1000 - asterisks;
}

/** The jobs of portreeve's own sockets. */
export const OWN_JOBS: readonly string[] = ['PORTMAP', 'SUPERSERVER', 'GATEWAY'];
