// The files of this host, with the users and groups that its user database has answered with.

import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { HostUsers } from '../app/host-users.ts';
import { UnitJobs } from '../app/jobs.ts';
import { type UserFiles, withUsersOnce } from '../app/users.ts';
import { SqliteUserArchive } from '../linux/user-archive.ts';

/** By what was written down in a state directory; passwd and group are read once unless other files are given. */
export function hostFiles(state: string, files: UserFiles = withUsersOnce(linuxFiles)): HostUsers {
  const units = new UnitJobs(cgroupsIfAny(), linuxFiles, systemClock);
  return new HostUsers({ files, archive: new SqliteUserArchive(state), isUnit: units.has });
}
