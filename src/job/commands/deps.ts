// The files of this host, including the users and groups from its user database.

import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { HostUsers } from '../app/host-users.ts';
import { UnitJobs } from '../app/jobs.ts';
import { type UserFiles, withUsersOnce } from '../app/users.ts';
import { SqliteUserArchive } from '../linux/user-archive.ts';

/** Uses the archive in a state directory. By default passwd and group are read only once. */
export function hostFiles(state: string, files: UserFiles = withUsersOnce(linuxFiles)): HostUsers {
  const units = new UnitJobs(cgroupsIfAny(), linuxFiles, systemClock);
  return new HostUsers({ files, archive: new SqliteUserArchive(state), isUnit: units.has });
}
