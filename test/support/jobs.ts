// Jobs by their names, for tests.
import { type Job, jobNamed, parseJobName } from '../../src/base/job.ts';

/** The job of that name, without other names. */
export function jobCalled(name: string): Job {
  return jobNamed(parseJobName(name));
}
