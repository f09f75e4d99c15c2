// Who is which job at this moment, for whoever does not follow it.
import { PortreeveError } from '../base/errors.ts';
import { type Job, jobNamed, parseJobName } from '../base/job.ts';
import { jobOfUnit, pickUnit } from '../base/unit.ts';
import type { Cgroups } from '../host/host.ts';
import { activatedBy, hostUnits, type UnitReader } from '../services/guard/host-units.ts';
import { jobsOf, listUnits } from '../services/guard/jobs.ts';
import type { Jobs } from '../services/guard/kernel.ts';
import { readUsers } from './profile/users.ts';

/** The jobs of users, of system units, and of the cgroups that `run` has made, and the units that may begin. */
export function jobsNow(cgroups: Cgroups, files: UnitReader): Jobs {
  const { accounts } = readUsers(files);
  const activates = (unit: string) => activatedBy(files, unit);
  const named = jobsOf({ cgroups: listUnits(cgroups), made: cgroups.marked(), accounts, activates });
  return { ...named, units: hostUnits(files) };
}

/**
 * A job by its name, or that of a unit, "ssh.socket", with the other names that it has on this host. Throws
 * PortreeveError `JOB_INVALID` (usage).
 */
export function jobCalled(text: string, files: UnitReader): Job {
  if (pickUnit(text) !== 'take') return jobNamed(parseJobName(text));
  const named = jobOfUnit(text, activatedBy(files, text));
  if ('job' in named) return named.job;
  throw new PortreeveError('usage', 'JOB_INVALID', `the unit ${text} is not a job: ${named.problem}`);
}
