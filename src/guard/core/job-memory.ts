// Remembers the jobs of cgroups and users, including removed cgroups, because events are read after they happen.
import { type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import { VANISHED_CGROUPS_MAX } from '../../base/limits.ts';
import type { Jobs } from '../../job/core/jobs.ts';

const NO_JOBS: Jobs = { cgroups: new Map(), users: new Map() };

const UNKNOWN = jobNamed(UNKNOWN_JOB);

/** Of the removed cgroups, the last VANISHED_CGROUPS_MAX are remembered. */
export class JobMemory {
  readonly #vanished = new Map<bigint, Job>();
  #jobs = NO_JOBS;

  /** Updates the memory with the current jobs. */
  observe(jobs: Jobs): void {
    if (jobs === this.#jobs) return;
    for (const [id, job] of this.#jobs.cgroups) if (!jobs.cgroups.has(id)) this.#vanished.set(id, job);
    const excess = this.#vanished.size - VANISHED_CGROUPS_MAX;
    for (const id of [...this.#vanished.keys()].slice(0, Math.max(0, excess))) this.#vanished.delete(id);
    this.#jobs = jobs;
  }

  /** The job of a user's process in a cgroup: that of the cgroup if it has one, otherwise that of the user. */
  jobOf(cgroup: bigint, uid: number): Job {
    const { cgroups, users } = this.#jobs;
    return cgroups.get(cgroup) ?? this.#vanished.get(cgroup) ?? users.get(uid) ?? UNKNOWN;
  }
}
