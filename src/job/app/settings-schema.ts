// The schema of the sections [job.NAME] of portreeve.toml.
import { UID_MAX } from '../../base/limits.ts';
import { isJob, z } from '../../kit/schema.ts';

const JOB = 'an uppercase job name, such as WEB, and not RESERVED, AUTHPORT or UNKNOWN';
const USER = 'the name of a user, or a uid';
const GROUP = 'the name of a group, or a gid';

/** Words that are not jobs that a process can take. */
const NOT_JOBS: ReadonlySet<string> = new Set(['RESERVED', 'AUTHPORT', 'UNKNOWN']);
const isTakeable = (text: string): boolean => isJob(text) && text !== '' && !NOT_JOBS.has(text);

/** Names and ids of users or groups. */
const names = (what: string) => {
  const name = z.string(what).regex(/^[^:\s]+$/, what);
  const number = z.int(what).min(0, what).max(UID_MAX, what);
  return z.array(z.union([name, number], what), 'a list of names and numbers').optional();
};

const ONE_JOB = z.strictObject({ users: names(USER), groups: names(GROUP) }, 'a section, [job.NAME]');

export const JOBS = z.record(z.string().refine(isTakeable), ONE_JOB, {
  error: ({ code }) => (code === 'invalid_key' ? JOB : 'sections, [job.NAME]'),
});
