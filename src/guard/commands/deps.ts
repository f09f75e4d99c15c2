// This host, as the use cases of the guard work with it, and what portreeve.toml and the options say of it.

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
import { askStatus } from '../../kit/ask-daemon.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import type { ProfileSettings } from '../../profile/app/settings.ts';
import { ownState } from '../../profile/commands/deps.ts';
import { type ProfileOptions, profileSettingsOf } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import { type AssignableIn, AssignedPorts } from '../app/assigned-ports.ts';
import type { ChangeDeps } from '../app/change-profile.ts';
import type { GuardChoices } from '../app/guard.ts';
import { assignableBeside, type InspectDeps } from '../app/inspect.ts';
import { isArchiveOfGuard, type Places } from '../app/places.ts';
import { GUARD_PATH } from '../app/report.ts';
import { guardSettings } from '../app/settings.ts';
import { enforcingSince, markEnforcing } from '../linux/enforcing-since.ts';
import type { TypedGuardOptions } from './index.ts';

/** What was typed for a command of the guard. */
export type GuardOptions = ProfileOptions & TypedGuardOptions;

/** What the use cases of the guard work with. */
type GuardCommandDeps = ChangeDeps & InspectDeps;

/** Those of this host. */
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
    // The records in the usual place are those of the usual guard.
    assigned: isArchiveOfGuard(placesOf(options)) ? assignedHere(directory) : LEFT_ALONE,
    namespaces: linuxNamespaces,
    granted: new GrantedPortsFile(directory, options.pins ?? GUARD_PINS),
    sockets: new LinuxOpenSockets('all'),
    sysctls: linuxSysctls,
    enforcing: { since: enforcingSince, mark: markEnforcing },
    askDaemon: () => askStatus(io, options.runtime, GUARD_PATH),
  };
}

const LEFT_ALONE: GuardCommandDeps['assigned'] = {
  apply: () => [],
  prepare: () => [],
  restore: () => [],
  inspect: () => [],
};

/** What keeps reserved ports out of automatic assignment on this host, with its records in the state directory. */
function assignedHere(directory: string): AssignedPorts {
  return new AssignedPorts({
    bpf: new LinuxBpf(),
    namespaces: linuxNamespaces,
    sysctls: linuxSysctls,
    records: new SysctlRecordFiles(directory),
  });
}

/** Which archive and which guard were named. */
export function placesOf({ state, pins }: Pick<GuardOptions, 'state' | 'pins'>): Places {
  return { state, pins };
}

/** How it is guarded, by portreeve.toml, which is read once, and by what was typed. */
export async function guardChoices(
  options: GuardOptions,
  io: Io,
): Promise<{ readonly choices: GuardChoices; readonly settings: ProfileSettings; readonly places: Places }> {
  const settings = await io.readSettings(options.config);
  const guard = guardSettings(settings);
  const choices = { ...guard, pins: options.pins ?? GUARD_PINS, cgroup: options.cgroup ?? guard.cgroup };
  return { choices, settings: profileSettingsOf(settings, options), places: placesOf(options) };
}

/** Where the kernel may assign reserved ports, in the namespaces of the guard besides the one that we are in. */
export function assignableElsewhere(io: Io): readonly AssignableIn[] {
  const directory = ownState(undefined, io);
  const archive = new SqliteProfileArchive(directory);
  const assigned = assignedHere(directory);
  return assignableBeside({ uid: io.uid, bpf: new LinuxBpf(), archive, assigned }, GUARD_PINS);
}
