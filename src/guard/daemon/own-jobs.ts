// The jobs of portreeve itself: what it opens as a job it opens in a cgroup of that job, which says later whose it is.
import { messageOf } from '../../base/errors.ts';
import type { Cgroups, Host, JobCgroup } from '../../host/host.ts';
import type { Follower } from '../app/follower.ts';

/** What it takes. */
interface OwnJobsDeps {
  readonly cgroups: Pick<Cgroups, 'at' | 'move'>;
  readonly processes: Pick<Host['processes'], 'hold'>;
  readonly follower: Pick<Follower, 'make' | 'remove'>;
  /** Is told why something is not done as a job. */
  readonly warn: (message: string) => void;
}

/** The cgroups of our jobs. A socket is of the one in which it was made, so each stays as long as we run. */
export class OwnJobs {
  readonly #deps: OwnJobsDeps;
  readonly #made = new Map<string, JobCgroup>();

  constructor(deps: OwnJobsDeps) {
    this.#deps = deps;
  }

  /**
   * Does something as a job: this process is in a cgroup of that job meanwhile. It has to be done at once, not later.
   * Where the process cannot enter one that is told, and it is done all the same.
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

  /** Goes into a cgroup of the job; gives the way back. */
  #enter(job: string): () => void {
    const { cgroups, processes, warn } = this.#deps;
    const report = (thrown: unknown) => warn(`portreeve and the job ${job}: ${messageOf(thrown)}`);
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

  /** Takes the cgroups away. */
  close(): void {
    for (const job of [...this.#made.keys()]) this.#remove(job);
  }
}

/** Where a process is, from the root of the hierarchy on; undefined where that cannot be told. */
export function cgroupOf(processes: OwnJobsDeps['processes'], pid: number): string | undefined {
  const held = processes.hold(pid);
  const path = held?.inspect()?.cgroup;
  held?.close();
  return path;
}
