// The dependencies of the guard's use cases on this host, and the choices from portreeve.toml and the options.

import { cgroupsIfAny, LinuxCgroups } from '../../host/linux/cgroups.ts';
import { linuxFiles, readBytes } from '../../host/linux/files.ts';
import { GrantedPortsFile } from '../../host/linux/granted-ports.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { linuxNamespaces } from '../../host/linux/namespaces.ts';
import { SysctlRecordFiles } from '../../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { HostUsers } from '../../job/app/host-users.ts';
import { jobsNow, UnitJobs } from '../../job/app/jobs.ts';
import type { RuleUsersDeps } from '../../job/app/rule-users.ts';
import { withUsersOnce } from '../../job/app/users.ts';
import { SqliteUserArchive } from '../../job/linux/user-archive.ts';
import { LinuxUserDatabase } from '../../job/linux/user-database.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { queryStatus } from '../../kit/query-daemon.ts';
import type { ProfileSettings } from '../../profile/app/settings.ts';
import { ownState } from '../../profile/commands/deps.ts';
import { type ProfileOptions, profileSettingsOf } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import { type AssignableIn, AssignedPorts } from '../app/assigned-ports.ts';
import type { ChangeDeps } from '../app/change-profile.ts';
import type { GuardChoices } from '../app/guard.ts';
import { assignableElsewhereThan, type InspectDeps } from '../app/inspect.ts';
import { isArchiveOfGuard, type Places } from '../app/places.ts';
import { GUARD_PATH } from '../app/report.ts';
import { guardSettings } from '../app/settings.ts';
import { enforcingSince, markEnforcing } from '../linux/enforcing-since.ts';
import type { TypedGuardOptions } from './index.ts';

/** The options of the guard's commands. */
export type GuardOptions = ProfileOptions & TypedGuardOptions;

type GuardCommandDeps = ChangeDeps & InspectDeps;

export function guardDeps(
  options: Pick<GuardOptions, 'state' | 'pins' | 'runtime'>,
  io: Io,
): GuardCommandDeps {
  const directory = ownState(options.state, io);
  const cgroups = cgroupsIfAny();
  const users: RuleUsersDeps = {
    files: withUsersOnce(linuxFiles),
    present: linuxFiles,
    archive: new SqliteUserArchive(directory),
    database: new LinuxUserDatabase(),
    clock: systemClock,
    isUnit: new UnitJobs(cgroups, linuxFiles, systemClock).has,
  };
  const { readText, names } = new HostUsers(users);
  const files = { readBytes, readText, names };
  return {
    uid: io.uid,
    bpf: new LinuxBpf(),
    clock: systemClock,
    cgroups,
    files,
    users,
    archive: new SqliteProfileArchive(directory),
    jobs: () => jobsNow(new LinuxCgroups(), files),
    // The records in the default directory belong to the guard at the default place.
    assigned: isArchiveOfGuard(placesOf(options)) ? assignedHere(directory) : LEFT_ALONE,
    namespaces: linuxNamespaces,
    granted: new GrantedPortsFile(directory, options.pins ?? GUARD_PINS),
    sockets: new LinuxOpenSockets('all'),
    sysctls: linuxSysctls,
    enforcing: { since: enforcingSince, mark: markEnforcing },
    queryDaemon: () => queryStatus(io, options.runtime, GUARD_PATH),
  };
}

const LEFT_ALONE: GuardCommandDeps['assigned'] = {
  apply: () => [],
  prepare: () => [],
  restore: () => [],
  inspect: () => [],
};

/** Excludes reserved ports from automatic assignment on this host; its records are in the state directory. */
function assignedHere(directory: string): AssignedPorts {
  return new AssignedPorts({
    bpf: new LinuxBpf(),
    namespaces: linuxNamespaces,
    sysctls: linuxSysctls,
    records: new SysctlRecordFiles(directory),
  });
}

/** The archive and the guard that the options name. */
export function placesOf({ state, pins }: Pick<GuardOptions, 'state' | 'pins'>): Places {
  return { state, pins };
}

/** The choices from portreeve.toml, which is read once, and from the options, which override it. */
export async function guardChoices(
  options: GuardOptions,
  io: Io,
): Promise<{ readonly choices: GuardChoices; readonly settings: ProfileSettings; readonly places: Places }> {
  const settings = await io.readSettings(options.config);
  const guard = guardSettings(settings);
  const choices = { ...guard, pins: options.pins ?? GUARD_PINS, cgroup: options.cgroup ?? guard.cgroup };
  return { choices, settings: profileSettingsOf(settings, options), places: placesOf(options) };
}

/** Where the kernel may assign reserved ports, in the guard's network namespaces other than this process's. */
export function assignableElsewhere(io: Io): readonly AssignableIn[] {
  const directory = ownState(undefined, io);
  const archive = new SqliteProfileArchive(directory);
  const assigned = assignedHere(directory);
  return assignableElsewhereThan({ uid: io.uid, bpf: new LinuxBpf(), archive, assigned }, GUARD_PINS);
}
