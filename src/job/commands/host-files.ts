// The files of this host, with the users and groups that its user database has answered with.

import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { type HostUserDeps, HostUsers } from '../app/host-users.ts';
import { UnitJobs } from '../app/jobs.ts';
import { SqliteUserArchive } from '../linux/user-archive.ts';

/** By what was written down in a state directory, or in another archive. */
export function hostFiles(state: string, archive?: HostUserDeps['archive']): HostUsers {
  const units = new UnitJobs(cgroupsIfAny(), linuxFiles, systemClock);
  return new HostUsers({
    files: linuxFiles,
    archive: archive ?? new SqliteUserArchive(state),
    isUnit: units.has,
  });
}
