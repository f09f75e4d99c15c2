// The guard's service in the daemon: follows jobs, records refusals, and reports problems.
import type { Timer } from '../../base/clock.ts';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { GUARD_RETRY_MS, JOB_TICK_MS } from '../../base/limits.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Files, Host, KernelBpf } from '../../host/host.ts';
import { LinuxCgroups } from '../../host/linux/cgroups.ts';
import { GrantedPortsFile } from '../../host/linux/granted-ports.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { linuxNamespaces } from '../../host/linux/namespaces.ts';
import { JOB_SECTION, type JobSections } from '../../job/app/settings.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import type { DaemonService, Routes } from '../../kit/daemon-service.ts';
import type { Log } from '../../kit/log.ts';
import type { Metric } from '../../kit/metrics.ts';
import { type Settings, sectionOf } from '../../kit/settings.ts';
import { unprivilegedStart } from '../../names/app/kernel-ports.ts';
import type { IpEndpoint } from '../../portmap/app/listen.ts';
import { carryOut, planAgain } from '../../profile/app/apply.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { Follower } from '../app/follower.ts';
import { makerOf } from '../app/guard.ts';
import type { TableMaker } from '../app/kernel/install.ts';
import { GuardKernel, type GuardState } from '../app/kernel/kernel.ts';
import { guardMetrics } from '../app/metrics.ts';
import { NamespaceFollower } from '../app/namespace-follower.ts';
import { guardRefusal } from '../app/refusal.ts';
import { GUARD_PATH, type GuardJson, type GuardReport, guardJson, type NoGuardJson } from '../app/report.ts';
import { type GuardSettings, guardSettings } from '../app/settings.ts';
import { DaemonAssignedPorts } from './assigned-ports.ts';
import { cgroupOf, OwnJobs } from './own-jobs.ts';
import { GuardRecorder } from './recorder.ts';
import { GuardUsers } from './users.ts';

interface GuardServiceDeps {
  readonly host: Host;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** The state directory, with the record of applied profiles. */
  readonly state: string;
  /** The directory of the guard in bpffs. */
  readonly pins: string;
  /** Reads portreeve.toml again. */
  readonly readSettings: () => Promise<Settings>;
}

interface DaemonGuardSettings extends GuardSettings {
  readonly jobs: JobSections;
}

function daemonSettings(settings: Settings): DaemonGuardSettings {
  return { jobs: sectionOf(settings, JOB_SECTION), ...guardSettings(settings) };
}

/** The parts that require root and a host with cgroups. */
interface Following {
  readonly cgroups: LinuxCgroups;
  readonly follower: Follower;
  readonly ownJobs: OwnJobs;
  readonly namespaces: NamespaceFollower;
  readonly recorder: GuardRecorder;
  readonly users: GuardUsers;
}

/** Where it can do nothing, it reports why, and the other services continue. */
export class GuardService implements DaemonService {
  readonly name = 'guard';
  readonly #deps: GuardServiceDeps;
  readonly #bpf: KernelBpf = new LinuxBpf();
  readonly #granted: GrantedPortsFile;
  #settings: DaemonGuardSettings;
  #following: Following | undefined;
  /** Why nothing is followed. */
  #obstacle: string | undefined;
  /** Why the guard in the kernel cannot be reached. */
  #fault: string | undefined;
  /** The guard in the kernel, and the id of its map `config`. */
  #kernel: { readonly id: number; readonly guard: GuardKernel | undefined } | undefined;
  /** When to try to open it again (monotonic milliseconds). */
  #retryAt = Number.NEGATIVE_INFINITY;
  #unprivilegedStart: number | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(deps: GuardServiceDeps, settings: Settings) {
    this.#deps = deps;
    this.#granted = new GrantedPortsFile(deps.state, deps.pins);
    this.#settings = daemonSettings(settings);
  }

  async start(): Promise<void> {
    if (this.#deps.host.uid === 0) this.#begin();
    else this.#obstacle = 'only root can assign jobs and update the kernel';
    if (!this.#following) return;
    this.#setTimer(this.#following);
    this.#following.recorder.start();
  }

  #begin(): void {
    const { host, log, state } = this.#deps;
    try {
      const cgroups = new LinuxCgroups();
      const warn = (message: string) => log.warn(`guard: ${message}`);
      const users = new GuardUsers({
        ...{ host, state, cgroups, warn },
        settings: () => this.#settings,
        jobs: () => this.#jobs,
      });
      const { files } = users;
      const follower: Follower = new Follower({
        cgroups,
        files,
        kernel: () => this.#kernelNow(),
        renewTables: () => {
          try {
            this.#kernel?.guard?.renew(this.#maker);
          } finally {
            void this.#reread();
          }
        },
        warn,
      });
      const recorder = new GuardRecorder({
        ...{ host, bpf: this.#bpf, log, state, users: files },
        jobs: () => follower.jobs,
        onUnknown: (uid) => users.observe(uid),
      });
      const namespaces = new NamespaceFollower({
        namespaces: linuxNamespaces,
        kernel: () => this.#kernelNow(),
        assigned: new DaemonAssignedPorts({ bpf: this.#bpf, state, kernel: () => this.#kernel?.guard }),
        wanted: () => this.#settings.namespaces,
        warn,
      });
      const ownJobs = new OwnJobs({ cgroups, processes: host.processes, follower, warn });
      this.#following = { cgroups, follower, ownJobs, namespaces, recorder, users };
      this.#seeSettings(follower);
      follower.tick();
    } catch (thrown) {
      this.#obstacle = messageOf(thrown);
    }
  }

  /** The files of the host, with the users from its user database. */
  get files(): Pick<Files, 'readText' | 'names'> {
    return this.#following?.users.files ?? this.#deps.host.files;
  }

  get #jobs(): Jobs {
    return this.#following?.follower.jobs ?? { cgroups: new Map(), users: new Map() };
  }

  get #maker(): TableMaker {
    const archive = new SqliteProfileArchive(this.#deps.state);
    const [files, granted] = [this.files, this.#granted];
    return makerOf({ archive, bpf: this.#bpf, files, granted, jobs: () => this.#jobs }, this.#settings);
  }

  /** The tables contain ip_unprivileged_port_start, which can change at any time. */
  #seeSettings(follower: Follower): void {
    const start = unprivilegedStart(this.#deps.host.files);
    if (start !== this.#unprivilegedStart) follower.renewSoon();
    this.#unprivilegedStart = start;
  }

  /** Records a reverted trial, so that the archive agrees with the kernel. */
  #settle(): void {
    const { host, log, state } = this.#deps;
    const guard = this.#kernelNow();
    if (!guard?.hasReverted) return;
    const archive = new SqliteProfileArchive(state);
    const deps = { archive, clock: host.clock, files: host.files, uid: host.uid };
    try {
      const number = guard.settle((revision) => carryOut(deps, planAgain(deps, revision)));
      if (number !== undefined) {
        log.info(
          `guard: a trial was not confirmed; the profile before it was recorded again, as revision ${number}`,
        );
      }
    } catch (thrown) {
      this.#warnOnce(`could not record that a trial has reverted: ${messageOf(thrown)}`);
    }
  }

  /** Warns of a fault once, until it changes or is over. */
  #warnOnce(fault: string): void {
    if (fault !== this.#fault) this.#deps.log.warn(`guard: ${fault}`);
    this.#fault = fault;
  }

  /** Another process that installed tables may have read newer settings than the daemon. */
  async #reread(): Promise<void> {
    const { log, readSettings } = this.#deps;
    try {
      const settings = daemonSettings(await readSettings());
      if (this.#isStopped || JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
      this.#configure(settings);
      log.info('guard: reloaded the settings of the guard and of jobs');
    } catch (thrown) {
      log.warn(`guard: could not reload the settings: ${messageOf(thrown)}`);
    }
  }

  check(settings: Settings): void {
    daemonSettings(settings);
  }

  async reload(settings: Settings): Promise<void> {
    this.#configure(daemonSettings(settings));
  }

  #configure(settings: DaemonGuardSettings): void {
    this.#settings = settings;
    this.#following?.follower.renewSoon();
    this.#following?.users.renewSoon();
    this.#following?.recorder.record(this.#kernel?.guard, settings);
  }

  /**
   * Opens the record of the UDP ports that the guard grants, for the port mapper; the caller closes it. Undefined where
   * it is not available: only root's daemon uses the guard.
   */
  openGrantedPorts(): number | undefined {
    const { host, log } = this.#deps;
    if (host.uid !== 0) return undefined;
    try {
      return this.#granted.open();
    } catch (thrown) {
      log.warn(`guard: could not read which ports it grants: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  get routes(): Routes {
    return {
      queries: { [GUARD_PATH]: () => this.#inspect() },
      streams: this.#following?.recorder.streams ?? {},
    };
  }

  /**
   * The dependencies of assigning jobs. Throws PortreeveError `JOBS_UNAVAILABLE` (environment) if that is impossible.
   */
  giving() {
    if (!this.#following) {
      const message = `could not assign a job: ${this.#obstacle}`;
      const hint = 'This needs a daemon that runs as root, on a host with cgroup v2.';
      throw new PortreeveError('JOBS_UNAVAILABLE', message, hint);
    }
    const { cgroups, follower, users } = this.#following;
    const { processes } = this.#deps.host;
    return { cgroups, processes, files: users.files, follower, sections: this.#settings.jobs };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#following?.users.close();
    this.#following?.ownJobs.close();
    this.#following?.follower.close();
    this.#following?.recorder.close();
    this.#kernel?.guard?.close();
    this.#kernel = undefined;
  }

  #setTimer(following: Following): void {
    this.#timer = this.#deps.host.clock.after(JOB_TICK_MS, () => {
      this.#settle();
      this.#seeSettings(following.follower);
      following.follower.tick();
      following.namespaces.tick();
      following.recorder.observe();
      following.users.tick(this.#kernelNow()?.state().revision);
      this.#setTimer(following);
    });
  }

  /** Calls `act`, which must be synchronous, as a job. Without a guard in the kernel the job does not matter. */
  asJob<T>(job: string, act: () => T): T {
    return this.#following && this.#kernelNow() ? this.#following.ownJobs.run(job, act) : act();
  }

  /** Why the guard refuses a port to this process; undefined where it does not, or that cannot be determined. */
  refusalOf({ netid, address, port }: IpEndpoint): PortreeveError | undefined {
    const { host, log, state } = this.#deps;
    const guard = this.#following && this.#kernelNow();
    const { protocol } = netIdInfo(netid);
    const cgroup = cgroupOf(host.processes, process.pid);
    if (!this.#following || !guard || protocol === '' || cgroup === undefined) return undefined;
    const { cgroups, follower, recorder } = this.#following;
    // Our cgroup may be gone when the refusal is read.
    recorder.observe();
    const self = { uid: host.uid, cgroup, namespace: this.#bpf.namespaceCookie() };
    const archive = new SqliteProfileArchive(state);
    const by = { archive, cgroups, files: host.files, jobs: follower.jobs, choices: this.#settings };
    try {
      return guardRefusal({ address, port, protocol }, self, { ...by, state: guard.state() });
    } catch (thrown) {
      log.warn(`guard: could not determine whether it refuses ${port}/${protocol}: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  /** The guard that is in the kernel now: other processes may have installed or removed it. */
  #kernelNow(): GuardKernel | undefined {
    try {
      const config = this.#bpf.openMap(`${this.#deps.pins}/config`);
      const id = config?.info.id;
      config?.close();
      const isDue = id !== this.#kernel?.id || (id !== undefined && this.#isRetryDue());
      if (!isDue) return this.#kernel?.guard;
      this.#fault = undefined;
      this.#adopt(id);
    } catch (thrown) {
      this.#warnOnce(`could not open the guard in the kernel: ${messageOf(thrown)}`);
    }
    return this.#kernel?.guard;
  }

  #isRetryDue(): boolean {
    return !this.#kernel?.guard && this.#deps.host.clock.monotonic() >= this.#retryAt;
  }

  /** Switches to the guard that is there now, and replaces it if an older portreeve installed it. */
  #adopt(id: number | undefined): void {
    const { host, log, pins } = this.#deps;
    const recorder = this.#following?.recorder;
    recorder?.record(undefined, this.#settings);
    this.#kernel?.guard?.close();
    this.#kernel = id === undefined ? undefined : { id, guard: undefined };
    if (id === undefined) return;
    this.#retryAt = host.clock.monotonic() + GUARD_RETRY_MS;
    const found = GuardKernel.inspect(this.#bpf, pins);
    const guard = GuardKernel.open(this.#bpf, pins, this.#maker);
    this.#kernel = guard && { id: guard.id, guard };
    if (guard && found && 'abi' in found) log.info('guard: replaced the guard of an older portreeve');
    recorder?.record(guard, this.#settings);
  }

  /** The state that every user may see. Throws PortreeveError `GUARD_UNKNOWN` (environment). */
  #inspect(): GuardJson | NoGuardJson {
    const guard = this.#following && this.#kernelNow();
    const missing = this.#obstacle ?? this.#fault;
    if (!guard && missing !== undefined) throw new PortreeveError('GUARD_UNKNOWN', missing);
    return guardJson(guard?.state());
  }

  async status(): Promise<GuardReport> {
    return this.#report(this.#stateNow());
  }

  async metrics(): Promise<readonly Metric[]> {
    const state = this.#stateNow();
    return guardMetrics(this.#report(state), state);
  }

  #stateNow(): GuardState | undefined {
    return this.#following && this.#kernelNow()?.state();
  }

  #report(state: GuardState | undefined): GuardReport {
    const { mode, revision } = state ?? { mode: 'absent', revision: null };
    const { cgroups, users } = this.#jobs;
    const detached =
      state?.isAttached === false ? 'the programs of the guard are no longer called' : undefined;
    const { users: followed, namespaces } = this.#following ?? {};
    const warnings = [...(followed?.faults ?? []), ...(namespaces?.warnings ?? [])];
    const missing = [this.#obstacle, this.#fault, detached, ...warnings].filter((one) => one !== undefined);
    const unknown = followed?.unknown ?? [];
    return { mode, revision, cgroups: cgroups.size, users: users.size, unknown, missing };
  }
}
