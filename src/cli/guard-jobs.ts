// Who is which job on this host, at this moment.
import type { Jobs } from '../app/guard.ts';
import { readUsers } from '../app/profile/users.ts';
import { type JobName, jobPatternProblem } from '../base/job.ts';
import { readText } from '../host/linux/files.ts';

/** The jobs of the users; those of system units are added by the daemon. */
export function jobsOfHost(): Jobs {
  const { accounts } = readUsers({ readText });
  const users = new Map<number, JobName>();
  for (const { name, uid } of accounts) {
    const job = name.toUpperCase();
    if (!users.has(uid) && jobPatternProblem(job, false) === undefined) users.set(uid, job as JobName);
  }
  return { cgroups: new Map(), users };
}
