// A process with a guard: it installs or opens one, puts a profile in force, and waits for its end.

import type { GuardPlace } from '../../src/guard/app/kernel/install.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { jobsOf, type NamedJobs, nothingInForce, profileOf, tablesOf, WatchedBpf } from './guard.ts';

/** Its only argument. */
export interface GuardTask {
  readonly from: 'install' | 'open';
  readonly place: GuardPlace;
  /** Another network namespace to cover, in digits. */
  readonly netns: string;
  readonly profile: string;
  readonly jobs: NamedJobs;
  readonly trialMs?: number;
}

/** Its output when everything is done. */
export interface GuardDone {
  /** The objects that it created in the kernel. */
  readonly made: WatchedBpf['made'];
}

if (import.meta.main) {
  const task: GuardTask = JSON.parse(process.argv[2] ?? '');
  const bpf = new WatchedBpf();
  const { pins } = task.place;
  const guard =
    task.from === 'install'
      ? GuardKernel.install(bpf, task.place, nothingInForce())
      : GuardKernel.open(bpf, pins);
  if (!guard) throw new Error(`there is no guard at ${pins}`);
  guard.namespaces.add(BigInt(task.netns));
  guard.swap(tablesOf(profileOf(task.profile)), () => jobsOf(bpf, task.jobs), Date.now(), task.trialMs);
  guard.setMode('enforce');
  const done: GuardDone = { made: bpf.made };
  process.stdout.write(`${JSON.stringify(done)}\n`);
  setInterval(() => {}, 60_000);
}
