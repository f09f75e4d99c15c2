// The guard in the daemon: follows who is which job, gives jobs to those who may have them, and says what is missing.
import { join } from 'node:path';
import { DEFAULT_ERRNO, DEFAULT_ERRNO_LOW, renewTables } from '../app/guard.ts';
import { RUN_PATH, RUN_SOCKET } from '../app/run.ts';
import type { GuardReport } from '../app/status.ts';
import type { Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { JOB_TICK_MS } from '../base/limits.ts';
import type { Cgroups, Host, KernelBpf } from '../host/host.ts';
import { LinuxCgroups } from '../host/linux/cgroups.ts';
import { LinuxBpf } from '../host/linux/kernel-bpf.ts';
import { SqliteProfileArchive } from '../host/linux/profile-archive.ts';
import { Follower } from '../services/guard/follower.ts';
import { GuardKernel } from '../services/guard/kernel.ts';
import { giveJob, type JobSection } from '../services/guard/run.ts';
import { ControlServer } from './control.ts';
import { GuardRecorder } from './guard-recorder.ts';
import type { Log } from './log.ts';
import type { Streams } from './look.ts';

/** Everybody may ask for a job; whether he gets it is decided by who he is. */
const RUN_MODE = 0o666;

/** What the guard is made of. */
export interface GuardParts {
  readonly host: Host;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** The runtime directory, and the state directory with the record of applied profiles. */
  readonly runtime: string;
  readonly state: string;
  /** The directory of its names in bpffs. */
  readonly pins: string;
}

/** What portreeve.toml says of it. */
export interface GuardSettings {
  /** The sections [job.NAME]. */
  readonly jobs: Readonly<Record<string, JobSection>>;
  readonly omvsJob: string | undefined;
  readonly authportJobs: readonly string[];
}

/** What takes a host with cgroups, and root. */
interface Following {
  readonly cgroups: Cgroups;
  readonly follower: Follower;
  readonly server: ControlServer;
  readonly recorder: GuardRecorder;
}

/** The part of the daemon that is about the guard. Where it can do nothing it says so, and the rest goes on. */
export class DaemonGuard {
  readonly #parts: GuardParts;
  readonly #bpf: KernelBpf = new LinuxBpf();
  #settings: GuardSettings;
  #following: Following | undefined;
  /** Why nothing is followed, and why the guard in the kernel cannot be reached. */
  #obstacle: string | undefined;
  #fault: string | undefined;
  /** The guard in the kernel, by the number of its first map. */
  #kernel: { readonly id: number; readonly guard: GuardKernel | undefined } | undefined;
  #timer: Timer | undefined;

  /** Puts what it knows into the kernel. */
  constructor(parts: GuardParts, settings: GuardSettings) {
    this.#parts = parts;
    this.#settings = settings;
    if (parts.host.uid === 0) this.#begin();
    else this.#obstacle = 'only root can give jobs, and tell the kernel of them';
  }

  #begin(): void {
    const { host, log, runtime, state } = this.#parts;
    try {
      const cgroups = new LinuxCgroups();
      const follower: Follower = new Follower({
        cgroups,
        files: host.files,
        kernel: () => {
          const kernel = this.#kernelNow();
          // Before its first tables it goes by no profile.
          return kernel && kernel.state().revision > 0 ? kernel : undefined;
        },
        renewTables: () => this.#renewTables(follower),
        warn: (message) => log.warn(`guard: ${message}`),
      });
      const { processes, files } = host;
      const server = new ControlServer(join(runtime, RUN_SOCKET), RUN_MODE, {
        [RUN_PATH]: (request, caller) => {
          const sections = this.#settings.jobs;
          const given = giveJob(request, caller, { cgroups, processes, files, follower, sections });
          log.info(`guard: uid ${caller.uid} takes the job ${given.job}`, given);
          return given;
        },
      });
      const recorder = new GuardRecorder({ host, bpf: this.#bpf, log, state, jobs: () => follower.jobs });
      this.#following = { cgroups, follower, server, recorder };
      follower.tick();
    } catch (thrown) {
      this.#obstacle = messageOf(thrown);
    }
  }

  #renewTables(follower: Follower): void {
    const kernel = this.#kernel?.guard;
    if (!kernel) return;
    const { host, state } = this.#parts;
    const doors = {
      archive: new SqliteProfileArchive(state),
      files: host.files,
      jobs: () => follower.jobs,
    };
    const { omvsJob, authportJobs } = this.#settings;
    renewTables(doors, { omvsJob, authportJobs, errno: DEFAULT_ERRNO, errnoLow: DEFAULT_ERRNO_LOW }, kernel);
  }

  /** From now on these settings are gone by. */
  configure(settings: GuardSettings): void {
    this.#settings = settings;
    this.#following?.recorder.record(this.#kernel?.guard, settings);
  }

  /** What look.sock shows of it besides its report. */
  get streams(): Streams {
    return this.#following?.recorder.streams ?? {};
  }

  /** Follows and answers from now on. */
  async start(): Promise<void> {
    if (!this.#following) return;
    this.#setTimer(this.#following);
    this.#following.recorder.start();
    await this.#following.server.open();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#following?.follower.close();
    this.#following?.recorder.close();
    await this.#following?.server.close();
    this.#kernel?.guard?.close();
    this.#kernel = undefined;
  }

  #setTimer(following: Following): void {
    this.#timer = this.#parts.host.clock.after(JOB_TICK_MS, () => {
      following.follower.tick();
      following.recorder.see();
      this.#setTimer(following);
    });
  }

  /**
   * Does something as a job of ours: the process is in a cgroup of that job meanwhile. It has to be done at once, not
   * later. Without a guard in the kernel there is nobody who would ask.
   */
  asJob<T>(job: string, act: () => T): T {
    if (!this.#following || !this.#kernelNow()) return act();
    const { cgroups, follower } = this.#following;
    const leave = this.#enter(job, cgroups, follower);
    try {
      return act();
    } finally {
      leave();
    }
  }

  /** Goes into a cgroup of the job; gives the way back. Where that fails it is said, and goes on as it is. */
  #enter(job: string, cgroups: Cgroups, follower: Follower): () => void {
    const { host, log } = this.#parts;
    const held = host.processes.hold(process.pid);
    const path = held?.look()?.cgroup;
    held?.close();
    const tell = (thrown: unknown) => log.warn(`guard: portreeve and the job ${job}: ${messageOf(thrown)}`);
    try {
      const home = path === undefined ? undefined : cgroups.at(path);
      if (!home) return () => undefined;
      const made = follower.make(home.path, `${job}-${process.pid}`, job, 0);
      cgroups.move(process.pid, made);
      return () => {
        try {
          cgroups.move(process.pid, home);
          follower.remove(made);
        } catch (thrown) {
          tell(thrown);
        }
      };
    } catch (thrown) {
      tell(thrown);
      return () => undefined;
    }
  }

  /** The guard that is in the kernel at this moment: others may have put it there, or taken it away. */
  #kernelNow(): GuardKernel | undefined {
    const { pins, log } = this.#parts;
    try {
      const config = this.#bpf.openMap(`${pins}/config`);
      const id = config?.info.id;
      config?.close();
      if (id !== this.#kernel?.id) this.#adopt(id);
      if (this.#kernel?.guard || id === undefined) this.#fault = undefined;
    } catch (thrown) {
      const fault = messageOf(thrown);
      if (fault !== this.#fault) log.warn(`guard: it cannot be reached: ${fault}`);
      this.#fault = fault;
    }
    return this.#kernel?.guard;
  }

  /** What cannot be opened is not tried again before another one is there. */
  #adopt(id: number | undefined): void {
    const recorder = this.#following?.recorder;
    recorder?.record(undefined, this.#settings);
    this.#kernel?.guard?.close();
    this.#kernel = id === undefined ? undefined : { id, guard: undefined };
    if (id !== undefined) this.#kernel = { id, guard: GuardKernel.open(this.#bpf, this.#parts.pins) };
    recorder?.record(this.#kernel?.guard, this.#settings);
  }

  report(): GuardReport {
    const guard = this.#following && this.#kernelNow();
    const { mode, revision } = guard?.state() ?? { mode: 'absent', revision: null };
    const { cgroups, users } = this.#following?.follower.jobs ?? { cgroups: new Map(), users: new Map() };
    const missing = [this.#obstacle, this.#fault].filter((reason) => reason !== undefined);
    return { mode, revision, cgroups: cgroups.size, users: users.size, missing };
  }
}
