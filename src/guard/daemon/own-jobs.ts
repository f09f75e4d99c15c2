// The jobs of portreeve itself: it opens a job's sockets in that job's cgroup, which later identifies their owner.
import { messageOf } from '../../base/errors.ts';
import type { Cgroups, Host, JobCgroup } from '../../host/host.ts';
import type { Follower } from '../app/follower.ts';

interface OwnJobsDeps {
  readonly cgroups: Pick<Cgroups, 'at' | 'move'>;
  readonly processes: Pick<Host['processes'], 'hold'>;
  readonly follower: Pick<Follower, 'make' | 'remove'>;
  /** Receives the reason why something could not be done as a job. */
  readonly warn: (message: string) => void;
}

/** The cgroups of our jobs. A socket belongs to the cgroup in which it was created, so each is kept while we run. */
export class OwnJobs {
  readonly #deps: OwnJobsDeps;
  readonly #made = new Map<string, JobCgroup>();

  constructor(deps: OwnJobsDeps) {
    this.#deps = deps;
  }

  /**
   * Calls `act`, which must be synchronous, while this process is in a cgroup of the job. If it cannot enter the
   * cgroup, it warns and calls `act` anyway.
   */
  run<T>(job: string, act: () => T): T {
    const wasMade = this.#made.has(job);
    const leave = this.#enter(job);
    let isDone = false;
    try {
      const result = act();
      isDone = true;
      return result;
    } finally {
      leave();
      if (!isDone && !wasMade) this.#remove(job);
    }
  }

  /** Enters a cgroup of the job, and returns a function that leaves it. */
  #enter(job: string): () => void {
    const { cgroups, processes, warn } = this.#deps;
    const report = (thrown: unknown) =>
      warn(`could not enter or leave the cgroup of the job ${job}: ${messageOf(thrown)}`);
    const path = cgroupOf(processes, process.pid);
    try {
      const home = path === undefined ? undefined : cgroups.at(path);
      if (!home) return () => undefined;
      cgroups.move(process.pid, this.#cgroupOf(job, home.path));
      return () => {
        try {
          cgroups.move(process.pid, home);
        } catch (thrown) {
          report(thrown);
        }
      };
    } catch (thrown) {
      report(thrown);
      return () => undefined;
    }
  }

  #cgroupOf(job: string, home: string): JobCgroup {
    const { cgroups, follower } = this.#deps;
    const known = this.#made.get(job);
    if (known && cgroups.at(known.path)?.id === known.id) return known;
    this.#remove(job);
    const made = follower.make(home, `${job}-${process.pid}`, job, 0, true);
    this.#made.set(job, made);
    return made;
  }

  #remove(job: string): void {
    const made = this.#made.get(job);
    if (made) this.#deps.follower.remove(made);
    this.#made.delete(job);
  }

  /** Removes the cgroups. */
  close(): void {
    for (const job of [...this.#made.keys()]) this.#remove(job);
  }
}

/** The path of a process's cgroup below the root of the hierarchy; undefined where it cannot be determined. */
export function cgroupOf(processes: OwnJobsDeps['processes'], pid: number): string | undefined {
  const held = processes.hold(pid);
  const path = held?.inspect()?.cgroup;
  held?.close();
  return path;
}
