// Who is which job on this host, at this moment.

import { LinuxCgroups } from '../../host/linux/cgroups.ts';
import { jobsNow } from '../app/jobs.ts';
import type { Jobs } from '../core/jobs.ts';

/** The jobs of users, system units and commands that are run as a job; what comes later is for the daemon to add. */
export function jobsOfHost(files: Parameters<typeof jobsNow>[1]): Jobs {
  return jobsNow(new LinuxCgroups(), files);
}
