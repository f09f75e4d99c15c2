// Who is which job on this host, at this moment.
import type { Jobs } from '../app/guard.ts';
import { jobsNow } from '../app/jobs.ts';
import { LinuxCgroups } from '../host/linux/cgroups.ts';

/** The jobs of users, system units and commands that are run as a job; what comes later is for the daemon to add. */
export function jobsOfHost(files: Parameters<typeof jobsNow>[1]): Jobs {
  return jobsNow(new LinuxCgroups(), files);
}
