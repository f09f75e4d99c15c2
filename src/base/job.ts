// What a job is called: the identity that a bind is judged by, and the patterns by which a profile names jobs.
import { PortreeveError } from './errors.ts';
import { JOB_NAME_MAX_CHARACTERS } from './limits.ts';
import { matchesWildcards } from './wildcards.ts';

declare const jobBrand: unique symbol;

/** A job's name, in upper case. */
export type JobName = string & { readonly [jobBrand]: true };

/** Who a bind is judged as: the first entry of a port that names any of its names decides, UNRSV goes by `name`. */
export interface Job {
  readonly name: JobName;
  /** Other names: of the template that it is an instance of, of the unit that a socket activates. */
  readonly aliases: readonly JobName[];
}

/** A job that has one name only. */
export function jobNamed(name: JobName): Job {
  return { name, aliases: [] };
}

/** Whether two jobs are judged alike. */
export function isSameJob(one: Job | undefined, other: Job | undefined): boolean {
  return one === other || namesOf(one).join(' ') === namesOf(other).join(' ');
}

/** All names of a job, its own first. */
export function namesOf(job: Job | undefined): readonly JobName[] {
  return job ? [job.name, ...job.aliases] : [];
}

/** Words that stand in the place of a job and are none (PORTRANGE: RESERVED, AUTHPORT). */
const NOT_JOBS: ReadonlySet<string> = new Set(['RESERVED', 'AUTHPORT']);

/** Whose job cannot be told yet; only the pattern `*` matches it. */
export const UNKNOWN_JOB = 'UNKNOWN' as JobName;

/** The job that the sockets of the port mapper are bound as, whatever unit or user the daemon is (decision 11). */
export const PORTMAP_JOB = 'PORTMAP' as JobName;

/** What the names of cgroups begin with that are made for a job. */
export const JOB_CGROUP_PREFIX = 'portreeve-job-';

/** The job names of z/OS: 1 to 8 letters, digits and national characters. */
const ZOS_JOB_MAX_CHARACTERS = 8;

/** Before small letters become capitals: some of other scripts become letters from A to Z. */
const NAME = /^[A-Za-z0-9@#$_.-]+$/;
const PATTERN = /^[A-Z0-9@#$_.*?-]+$/;
const ZOS_PATTERN = /^[A-Z0-9@#$*?]+$/;

/**
 * Reads a job's name; small letters become capitals. Throws PortreeveError `JOB_INVALID` (usage) for what is none, and
 * for RESERVED and AUTHPORT, which no profile can give a port to by that name.
 */
export function parseJobName(text: string): JobName {
  const name = text.toUpperCase();
  const isJob = NAME.test(text) && name.length <= JOB_NAME_MAX_CHARACTERS && !NOT_JOBS.has(name);
  if (isJob) return name as JobName;
  const why = NOT_JOBS.has(name)
    ? `${name} is a word of the profile, and no job`
    : `"${text}" is no job name`;
  const hint = `A job name has 1 to ${JOB_NAME_MAX_CHARACTERS} of the characters A-Z 0-9 @ # $ _ . -`;
  throw new PortreeveError('JOB_INVALID', why, hint, { value: text });
}

/** Why a word, in upper case, cannot stand for jobs in a profile; undefined if it can. */
export function jobPatternProblem(word: string, isZos: boolean): string | undefined {
  const max = isZos ? ZOS_JOB_MAX_CHARACTERS : JOB_NAME_MAX_CHARACTERS;
  if (word.length > max) return `it has ${word.length} characters, and a job name has at most ${max}`;
  if (!(isZos ? ZOS_PATTERN : PATTERN).test(word)) {
    return `a job name has only the characters A-Z 0-9 @ # $${isZos ? '' : ' _ . -'} and the wildcards * and ?`;
  }
  return undefined;
}

/** Whether a word of a profile stands for more than one job. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}

/** Whether a pattern, in which `*` stands for any characters and `?` for one, matches a job's name. */
export function matchesJob(pattern: string, job: string): boolean {
  if (job === UNKNOWN_JOB) return pattern === '*';
  return matchesWildcards(pattern, job, (item, character) => item === '?' || item === character);
}

/**
 * Orders patterns from the most to the least specific: those without wildcards first, then those with more literal
 * characters, then those with fewer `*`. What a name such as OMVS stands for is not known here.
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

/** The jobs that portreeve's own sockets have. */
export const OWN_JOBS: readonly string[] = ['PORTMAP', 'SUPERSERVER', 'GATEWAY'];
