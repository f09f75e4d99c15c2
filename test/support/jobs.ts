// Creates jobs by name, for tests.
import { type Job, jobNamed, parseJobName } from '../../src/base/job.ts';

/** The job with this name and without further names. */
export function jobCalled(name: string): Job {
  return jobNamed(parseJobName(name));
}
