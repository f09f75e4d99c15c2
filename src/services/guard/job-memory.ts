// Who is which job, and who was it a moment ago: an event is read after it has happened.
import { type JobName, UNKNOWN_JOB } from '../../base/job.ts';
import { VANISHED_CGROUPS_MAX } from '../../base/limits.ts';
import type { Jobs } from './kernel.ts';

/** Knows the jobs of cgroups and users, and those of cgroups that are gone; of these the longest gone are forgotten. */
export class JobMemory {
  readonly #cgroups = new Map<bigint, JobName>();
  readonly #vanished = new Map<bigint, JobName>();
  readonly #users = new Map<number, JobName>();

  /** Takes over what has changed, as the guard in the kernel does. */
  update(
    changed: Jobs,
    gone: { readonly cgroups: readonly bigint[]; readonly users: readonly number[] } = {
      cgroups: [],
      users: [],
    },
  ): void {
    for (const id of gone.cgroups) this.#forget(id);
    for (const uid of gone.users) this.#users.delete(uid);
    for (const [id, job] of changed.cgroups) {
      this.#cgroups.set(id, job);
      this.#vanished.delete(id);
    }
    for (const [uid, job] of changed.users) this.#users.set(uid, job);
  }

  #forget(id: bigint): void {
    const job = this.#cgroups.get(id);
    if (job === undefined) return;
    this.#cgroups.delete(id);
    this.#vanished.set(id, job);
    const [oldest] = this.#vanished.keys();
    if (oldest !== undefined && this.#vanished.size > VANISHED_CGROUPS_MAX) this.#vanished.delete(oldest);
  }

  /** The job of a process in a cgroup and of a user: that of the cgroup if it has one, else that of the user. */
  jobOf(cgroup: bigint, uid: number): JobName {
    return this.#cgroups.get(cgroup) ?? this.#vanished.get(cgroup) ?? this.#users.get(uid) ?? UNKNOWN_JOB;
  }
}
