// What the commands of the guard work with: the kernel, the archive, the jobs of this host.
import {
  DEFAULT_ERRNO,
  DEFAULT_ERRNO_LOW,
  GUARD_PINS,
  type GuardChoices,
  type GuardDoors,
  poolsOf,
  settleTrial,
} from '../app/guard.ts';
import { carryOut, planAgain } from '../app/profile/apply.ts';
import { readText } from '../host/linux/files.ts';
import { LinuxBpf } from '../host/linux/kernel-bpf.ts';
import { systemClock } from '../host/linux/linux-clock.ts';
import { SqliteProfileArchive } from '../host/linux/profile-archive.ts';
import { SysctlRecordFile } from '../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../host/linux/sysctls.ts';
import { applyDoors } from './apply-doors.ts';
import { jobsOfHost } from './guard-jobs.ts';
import type { Io } from './io.ts';
import { ownState, type ProfileOptions, settleProfile } from './profile-settings.ts';

export interface GuardOptions extends ProfileOptions {
  readonly pins?: string;
  readonly cgroup?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** What the guard works with. */
export function guardDoors({ state }: Pick<GuardOptions, 'state'>, io: Io): GuardDoors {
  const directory = ownState(state, io);
  return {
    bpf: new LinuxBpf(),
    archive: new SqliteProfileArchive(directory),
    files: { readText },
    clock: systemClock,
    jobs: jobsOfHost,
    pools: poolsOf({ sysctls: linuxSysctls, record: new SysctlRecordFile(directory) }),
  };
}

/** How it is guarded: by what was typed, and by portreeve.toml. */
export async function guardChoices(options: GuardOptions, io: Io): Promise<GuardChoices> {
  const { omvsJob, authportJobs } = await settleProfile(options, io);
  return {
    pins: options.pins ?? GUARD_PINS,
    cgroup: options.cgroup,
    omvsJob,
    authportJobs,
    errno: DEFAULT_ERRNO,
    errnoLow: DEFAULT_ERRNO_LOW,
  };
}

/** A trial that has gone back by itself is recorded before anything is compared with what is in force. */
export function recordTrial(options: GuardOptions, io: Io): void {
  const doors = applyDoors(options, io);
  const again = (revision: number) => carryOut(doors, planAgain(doors, revision));
  const number = settleTrial(guardDoors(options, io), options.pins ?? GUARD_PINS, again);
  if (number !== undefined)
    io.err(`a trial was not confirmed: what was before it is recorded as revision ${number}\n`);
}
