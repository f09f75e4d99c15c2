// Follows which cgroups and users are which jobs, and updates the tables in the kernel when that changes.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { isSameJob, type Job } from '../../base/job.ts';
import { JOB_CGROUPS_MAX, JOB_CGROUPS_PER_USER_MAX } from '../../base/limits.ts';
import { type PossibleUnit, pickUnit, unitOfPath } from '../../base/unit.ts';
import type { Cgroups, ControlGroup, Files, JobCgroup } from '../../host/host.ts';
import { activatedBy, hostUnits, stampOfUnits, type UnitReader } from '../../job/app/host-units.ts';
import { HIERARCHY_ROOT, jobsOf, listUnits, type NamedJobs } from '../../job/app/naming.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';
import type { GuardKernel } from './kernel/kernel.ts';

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
/** A larger file is not a passwd file. */
const PASSWD_MAX_BYTES = 16 * 1024 * 1024;
/** Every this many ticks, queries for units that caused no notification and for cgroups of jobs that have ended. */
const TICKS_PER_POLL = 4;

export type JobKernel = Pick<GuardKernel, 'knowsTables' | 'updateJobs'>;

interface FollowerDeps {
  readonly cgroups: Cgroups;
  readonly files: UnitReader & Pick<Files, 'stamp'>;
  /** The guard in the kernel; undefined while there is none. */
  readonly kernel: () => JobKernel | undefined;
  /**
   * Rebuilds the tables in force with the current jobs, because another process installed them, or their users and
   * groups have changed. If it throws, it is called again later.
   */
  readonly renewTables: () => void;
  /** Receives, once each, the units and users whose names cannot be a job's, and failures. */
  readonly warn: (message: string) => void;
  /** The cgroup below which the system's units are; the default is the root of the hierarchy. */
  readonly root?: string;
  /** The files of accounts and groups; the default is those in /etc. */
  readonly passwd?: string;
  readonly group?: string;
}

/** A cgroup that was created for a job. */
interface Made {
  readonly cgroup: JobCgroup;
  /** Present if the cgroup is kept when it is empty: no other process of portreeve removes it either. */
  readonly kept: { release(): void } | undefined;
  /** Whether it was empty at the last poll. */
  wasEmpty: boolean;
}

const NO_JOBS: NamedJobs = { cgroups: new Map(), users: new Map(), problems: [] };

/** To be called every JOB_TICK_MS. */
export class Follower {
  readonly #deps: FollowerDeps;
  readonly #root: string;
  readonly #made = new Map<bigint, Made>();
  #units: readonly ControlGroup[] = [];
  #accounts: readonly Account[] = [];
  /** The units that have a file on this host, and what each unit that exists activates. */
  #unitFiles: readonly PossibleUnit[] = [];
  #unitStamp = '';
  readonly #activates = new Map<string, string | undefined>();
  #stamps = '';
  #watch: { readonly slices: string; close(): void } | undefined;
  #ticks = 0;
  #jobs = NO_JOBS;
  /** Something has changed since the jobs were named. */
  #isStale = true;
  /** The jobs in the kernel, if this follower put them there. */
  #put: { readonly kernel: JobKernel; readonly jobs: Jobs } | undefined;
  #mustRenew = false;
  #hasFailed = false;
  /** The tick since which the kernel could not be updated. */
  #failsSince: number | undefined;
  /** The warnings that were given and still apply. */
  #problems: readonly string[] = [];
  readonly #failures = new Map<'users' | 'kernel', string>();

  /** Finds the cgroups that an earlier daemon created for jobs. */
  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    this.#root = deps.root ?? HIERARCHY_ROOT;
    for (const cgroup of deps.cgroups.marked())
      this.#made.set(cgroup.id, { cgroup, kept: undefined, wasEmpty: false });
  }

  /** The jobs as of the last tick. */
  get jobs(): NamedJobs {
    return this.#jobs;
  }

  /** Checks for changes, and puts them into the kernel. */
  tick(): void {
    const isPoll = this.#ticks++ % TICKS_PER_POLL === 0;
    this.#checkUsers();
    if (isPoll) {
      this.#checkUnitFiles();
      this.#checkUnits();
      this.#removeEmpty();
    }
    this.#follow(isPoll);
  }

  /**
   * Creates a cgroup for a job, below the cgroup `parent`: from now on, every process in it is judged as that job. It
   * is removed when it is empty, unless `isKept`. Throws PortreeveError `JOB_CGROUPS_FULL` (refused) where there are
   * too many, and the error where the kernel cannot be updated.
   */
  make(parent: string, name: string, job: string, grantee: number, isKept = false): JobCgroup {
    const all = [...this.#made.values()];
    const own = all.filter(({ cgroup }) => cgroup.grantee === grantee).length;
    if (all.length >= JOB_CGROUPS_MAX || (grantee !== 0 && own >= JOB_CGROUPS_PER_USER_MAX))
      throw full(grantee);
    const cgroup = this.#deps.cgroups.make(parent, name, job, grantee);
    const kept = isKept ? this.#deps.cgroups.hold(cgroup) : undefined;
    this.#made.set(cgroup.id, { cgroup, kept, wasEmpty: false });
    this.#isStale = true;
    try {
      this.#nameJobs();
      this.#putJobs(true);
    } catch (thrown) {
      this.remove(cgroup);
      throw thrown;
    }
    return cgroup;
  }

  /** Removes a cgroup that was created for a job, if it is empty. */
  remove(cgroup: JobCgroup): void {
    this.#made.get(cgroup.id)?.kept?.release();
    if (!this.#deps.cgroups.remove(cgroup)) return;
    this.#made.delete(cgroup.id);
    this.#isStale = true;
  }

  /** Rebuilds the tables at the next tick, because what they are built from has changed. */
  renewSoon(): void {
    this.#mustRenew = true;
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  #checkUsers(): void {
    const { files, passwd = PASSWD, group = GROUP } = this.#deps;
    try {
      const stamps = `${files.stamp(passwd)} ${files.stamp(group)}`;
      if (stamps === this.#stamps) return;
      this.#accounts = parsePasswd(files.readText(passwd, PASSWD_MAX_BYTES) ?? '');
      this.#stamps = stamps;
      this.#isStale = true;
      // The tables contain the users that SAF permits, which depend on users and groups.
      this.#mustRenew = true;
      this.#failures.delete('users');
    } catch (thrown) {
      this.#warnOnce('users', messageOf(thrown));
    }
  }

  /** Finds what the kernel must know about units before they start. */
  #checkUnitFiles(): void {
    const { files } = this.#deps;
    const stamp = stampOfUnits(files);
    if (stamp === this.#unitStamp) return;
    this.#unitStamp = stamp;
    this.#activates.clear();
    for (const { path } of this.#units) this.#seeActivation(path);
    this.#isStale = true;
    const unitFiles = hostUnits(files);
    // The stamp also changes when scopes of user sessions are created and removed.
    if (areSameUnits(unitFiles, this.#unitFiles)) return;
    this.#unitFiles = unitFiles;
    this.#mustRenew = true;
  }

  #seeActivation(path: string): void {
    const unit = unitOfPath(this.#root === HIERARCHY_ROOT ? path : path.slice(this.#root.length));
    if (unit !== undefined && !this.#activates.has(unit))
      this.#activates.set(unit, activatedBy(this.#deps.files, unit));
  }

  #checkUnits(): void {
    const units = listUnits(this.#deps.cgroups, this.#root);
    const isSame =
      units.length === this.#units.length && units.every(({ id }, i) => id === this.#units[i]?.id);
    if (isSame) return;
    this.#units = units;
    for (const { path } of units) this.#seeActivation(path);
    this.#isStale = true;
    this.#watchSlices(units.filter(({ path }) => path === this.#root || pickUnit(path) === 'enter'));
  }

  /** Reacts as soon as a unit's cgroup is created: the unit may bind its port a few milliseconds later. */
  #watchSlices(slices: readonly ControlGroup[]): void {
    const names = slices.map(({ id }) => id).join(' ');
    if (names === this.#watch?.slices) return;
    this.#watch?.close();
    const paths = slices.map(({ path }) => path);
    const watch = this.#deps.cgroups.watch(paths, () => {
      this.#checkUnits();
      this.#follow(false);
    });
    this.#watch = { slices: names, close: () => watch.close() };
  }

  /** Removes cgroups that are empty at two polls: a process may be about to be moved into a new one. */
  #removeEmpty(): void {
    const { cgroups } = this.#deps;
    for (const made of this.#made.values()) {
      if (made.kept) continue;
      const isThere = cgroups.at(made.cgroup.path)?.id === made.cgroup.id;
      const isEmpty = !isThere || cgroups.members(made.cgroup).length === 0;
      if (isEmpty && (made.wasEmpty || !isThere)) this.remove(made.cgroup);
      made.wasEmpty = isEmpty;
    }
  }

  #follow(isPoll: boolean): void {
    this.#nameJobs();
    try {
      // While rebuilding the tables fails, it is too expensive for every tick.
      this.#putJobs(isPoll || !this.#hasFailed);
      if (this.#hasFailed) return;
      this.#failures.delete('kernel');
      this.#failsSince = undefined;
    } catch (thrown) {
      this.#failsSince ??= this.#ticks;
      // What another process has just put in force may not be in the archive yet.
      if (this.#ticks - this.#failsSince < TICKS_PER_POLL) return;
      this.#warnOnce('kernel', `could not update the jobs in the kernel: ${messageOf(thrown)}`);
    }
  }

  #nameJobs(): void {
    if (!this.#isStale) return;
    const made = [...this.#made.values()].map(({ cgroup }) => cgroup);
    const named = jobsOf(
      {
        cgroups: this.#units,
        made,
        accounts: this.#accounts,
        activates: (unit) => this.#activates.get(unit),
      },
      this.#root,
    );
    this.#jobs = { ...named, units: this.#unitFiles };
    this.#isStale = false;
    const { problems } = this.#jobs;
    for (const message of problems) if (!this.#problems.includes(message)) this.#deps.warn(message);
    this.#problems = problems;
  }

  #putJobs(mayRenew: boolean): void {
    const kernel = this.#deps.kernel();
    if (!kernel) {
      this.#put = undefined;
      this.#hasFailed = false;
      return;
    }
    const isOurs = this.#put?.kernel === kernel && kernel.knowsTables;
    if (this.#put && isOurs && !this.#mustRenew && this.#update(kernel, this.#put.jobs)) {
      this.#put = { ...this.#put, jobs: this.#jobs };
    } else if (mayRenew) {
      this.#renew(kernel);
    }
  }

  #renew(kernel: JobKernel): void {
    this.#put = undefined;
    this.#hasFailed = true;
    this.#deps.renewTables();
    this.#hasFailed = false;
    this.#mustRenew = false;
    this.#put = { kernel, jobs: this.#jobs };
  }

  /** Puts in the differences; false where the tables have to be rebuilt. */
  #update(kernel: JobKernel, before: Jobs): boolean {
    const now = this.#jobs;
    if (now === before) return true;
    const changed = { cgroups: added(before.cgroups, now.cgroups), users: added(before.users, now.users) };
    const gone = { cgroups: missing(before.cgroups, now.cgroups), users: missing(before.users, now.users) };
    const counts = [changed.cgroups.size, changed.users.size, gone.cgroups.length, gone.users.length];
    if (counts.every((count) => count === 0)) return true;
    try {
      return kernel.updateJobs(changed, gone);
    } catch {
      // The maps are full: rebuilt tables have larger ones.
      return false;
    }
  }

  #warnOnce(about: 'users' | 'kernel', message: string): void {
    if (this.#failures.get(about) !== message) this.#deps.warn(message);
    this.#failures.set(about, message);
  }
}

function areSameUnits(some: readonly PossibleUnit[], others: readonly PossibleUnit[]): boolean {
  const isSame = ({ unit, activates }: PossibleUnit, i: number) =>
    unit === others[i]?.unit && activates === others[i].activates;
  return some.length === others.length && some.every(isSame);
}

/** The entries that are new or have another value. */
function added<Id>(before: ReadonlyMap<Id, Job>, now: ReadonlyMap<Id, Job>): Map<Id, Job> {
  return new Map([...now].filter(([key, job]) => !isSameJob(before.get(key), job)));
}

/** The keys that are no longer in the map. */
function missing<K, V>(before: ReadonlyMap<K, V>, now: ReadonlyMap<K, V>): K[] {
  return [...before.keys()].filter((key) => !now.has(key));
}

function full(grantee: number): PortreeveError {
  const bounds = `${JOB_CGROUPS_MAX} in all, and ${JOB_CGROUPS_PER_USER_MAX} per user`;
  const message = `too many jobs are running: the maximum is ${bounds}`;
  const hint = 'Wait until some of them have ended.';
  return new PortreeveError('JOB_CGROUPS_FULL', message, hint, { uid: grantee });
}
