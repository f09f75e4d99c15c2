// A process of its own that has a guard: it installs or opens one, puts a profile in force, and waits for its end.
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import type { GuardPlace } from '../../src/guard/app/kernel/put-in.ts';
import { jobsOf, type NamedJobs, nothingInForce, profileOf, tablesOf, WatchedBpf } from './guard.ts';

/** What it is told, by its only argument. */
export interface GuardTask {
  readonly from: 'install' | 'open';
  readonly place: GuardPlace;
  /** A network namespace in which the policy holds, too, in digits. */
  readonly netns: string;
  readonly profile: string;
  readonly jobs: NamedJobs;
  readonly trialMs?: number;
}

/** What it says when all is done. */
export interface GuardDone {
  /** What it has made in the kernel. */
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
