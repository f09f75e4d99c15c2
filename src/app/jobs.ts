// Who is which job at this moment, for whoever does not follow it.
import type { Cgroups, Files } from '../host/host.ts';
import { jobsOf, listUnits } from '../services/guard/jobs.ts';
import type { Jobs } from '../services/guard/kernel.ts';
import { readUsers } from './profile/users.ts';

/** The jobs of users, of system units, and of the cgroups that `run` has made. */
export function jobsNow(cgroups: Cgroups, files: Pick<Files, 'readText'>): Jobs {
  const { accounts } = readUsers(files);
  return jobsOf({ cgroups: listUnits(cgroups), made: cgroups.marked(), accounts });
}
