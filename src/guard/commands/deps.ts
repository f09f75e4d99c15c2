// What the commands of the guard work with: the kernel, the archive, the jobs of this host.

import { GrantedPortsFile } from '../../host/linux/granted-ports.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { linuxNamespaces } from '../../host/linux/namespaces.ts';
import { SysctlRecordFiles } from '../../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { hostFiles } from '../../job/commands/host-files.ts';
import type { CommandUsers } from '../../job/commands/host-users.ts';
import { jobsOfHost } from '../../job/commands/jobs-here.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { carryOut, planAgain } from '../../profile/app/apply.ts';
import { ownState, type ProfileOptions } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { assignedPorts } from '../app/assigned.ts';
import type { AssignedPorts } from '../app/assigned-ports.ts';
import { findGuard, type GuardChoices, type GuardDoors, settleTrial } from '../app/guard.ts';
import { guardSettings } from '../app/settings.ts';
import { applyDoors } from './apply-deps.ts';
import type { TypedGuardOptions } from './index.ts';

/** What was typed for a command of the guard, and who is known here. */
export interface GuardOptions extends ProfileOptions, TypedGuardOptions {
  /** The users that are known here; those that were written down. */
  readonly users?: CommandUsers | undefined;
}

/** What the guard works with. */
export function guardDoors({ state, pins }: Pick<GuardOptions, 'state' | 'pins'>, io: Io): GuardDoors {
  const directory = ownState(state, io);
  const files = hostFiles(directory);
  return {
    bpf: new LinuxBpf(),
    archive: new SqliteProfileArchive(directory),
    files,
    clock: systemClock,
    jobs: () => jobsOfHost(files),
    // The records in the usual place are those of the usual guard.
    assigned: pins !== undefined && state === undefined ? LEFT_ALONE : assignedHere(directory),
    namespaces: linuxNamespaces,
    granted: new GrantedPortsFile(directory, pins ?? GUARD_PINS),
  };
}

const LEFT_ALONE: GuardDoors['assigned'] = { apply: () => [], prepare: () => [], restore: () => [] };

/** What keeps reserved ports out of automatic assignment on this host, with its records in the state directory. */
export function assignedHere(directory: string): AssignedPorts {
  return assignedPorts({
    bpf: new LinuxBpf(),
    namespaces: linuxNamespaces,
    sysctls: linuxSysctls,
    records: new SysctlRecordFiles(directory),
  });
}

/** How it is guarded: by what was typed, and by portreeve.toml. */
export async function guardChoices(options: GuardOptions, io: Io): Promise<GuardChoices> {
  const settings = guardSettings(await io.readSettings(options.config));
  return { ...settings, pins: options.pins ?? GUARD_PINS, cgroup: options.cgroup ?? settings.cgroup };
}

/** A trial that has gone back by itself is recorded before anything is compared with what is in force. */
export async function recordTrial(options: GuardOptions, io: Io): Promise<void> {
  const doors = applyDoors(options, io);
  const again = (revision: number) => carryOut(doors, planAgain(doors, revision));
  const choices = await guardChoices(options, io);
  const found = findGuard({ bpf: new LinuxBpf() }, choices.pins);
  const number = settleTrial(guardDoors(options, io), choices, again);
  if (found && 'abi' in found && found.isAttached) {
    const counters = 'judged' in found.counters ? 'go on' : 'begin anew';
    io.err(`the guard of an older portreeve was taken over; its counters ${counters}\n`);
  }
  if (number !== undefined)
    io.err(`a trial was not confirmed: what was before it is recorded as revision ${number}\n`);
}
