// Who is which job, and who was it a moment ago: an event is read after it has happened.
import { type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import { VANISHED_CGROUPS_MAX } from '../../base/limits.ts';
import type { Jobs } from '../../job/core/jobs.ts';

const NO_JOBS: Jobs = { cgroups: new Map(), users: new Map() };

const UNKNOWN = jobNamed(UNKNOWN_JOB);

/** Knows the jobs of cgroups and users, and those of cgroups that are gone; of these the longest gone are forgotten. */
export class JobMemory {
  readonly #vanished = new Map<bigint, Job>();
  #jobs = NO_JOBS;

  /** Who is which job now. */
  see(jobs: Jobs): void {
    if (jobs === this.#jobs) return;
    for (const [id, job] of this.#jobs.cgroups) if (!jobs.cgroups.has(id)) this.#vanished.set(id, job);
    const excess = this.#vanished.size - VANISHED_CGROUPS_MAX;
    for (const id of [...this.#vanished.keys()].slice(0, Math.max(0, excess))) this.#vanished.delete(id);
    this.#jobs = jobs;
  }

  /** The job of a process in a cgroup and of a user: that of the cgroup if it has one, else that of the user. */
  jobOf(cgroup: bigint, uid: number): Job {
    const { cgroups, users } = this.#jobs;
    return cgroups.get(cgroup) ?? this.#vanished.get(cgroup) ?? users.get(uid) ?? UNKNOWN;
  }
}
