// A process that follows the units of a slice for a guard, as the daemon does.
import { JOB_TICK_MS } from '../../src/base/limits.ts';
import { Follower } from '../../src/guard/app/follower.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { LinuxCgroups } from '../../src/host/linux/cgroups.ts';
import { linuxFiles } from '../../src/host/linux/files.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { profileOf, tablesOf } from './guard.ts';

/** Its only argument. */
export interface FollowTask {
  readonly pins: string;
  readonly profile: string;
  /** The path of the cgroup with the units, below the root of the hierarchy. */
  readonly root: string;
}

if (import.meta.main) {
  const { pins, profile, root }: FollowTask = JSON.parse(process.argv[2] ?? '');
  const guard = GuardKernel.open(new LinuxBpf(), pins);
  const follower: Follower = new Follower({
    cgroups: new LinuxCgroups(),
    files: linuxFiles,
    kernel: () => guard,
    renewTables: () =>
      guard?.renew({ tablesOf: () => tablesOf(profileOf(profile)), jobs: () => follower.jobs }),
    warn: (message) => process.stderr.write(`${message}\n`),
    root,
    passwd: '/dev/null',
    group: '/dev/null',
  });
  follower.tick();
  setInterval(() => follower.tick(), JOB_TICK_MS);
  process.stdout.write('follows\n');
}
