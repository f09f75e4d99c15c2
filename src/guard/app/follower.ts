// Follows who is which job: users, system units and jobs that were given, and tells the kernel what has changed.
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
/** Beyond this a passwd file is none. */
const PASSWD_MAX_BYTES = 16 * 1024 * 1024;
/** Every so many ticks units are looked for that nobody has told of, and cgroups of jobs that have ended. */
const TICKS_PER_POLL = 4;

/** What the follower needs of the guard in the kernel. */
export type JobKernel = Pick<GuardKernel, 'knowsTables' | 'updateJobs'>;

/** Where the follower looks, and whom it tells. */
interface FollowerDeps {
  readonly cgroups: Cgroups;
  readonly files: UnitReader & Pick<Files, 'stamp'>;
  /** The guard in the kernel; undefined while there is none. */
  readonly kernel: () => JobKernel | undefined;
  /**
   * Makes the tables in force anew, with the jobs of this moment: others have put them there, or what they say of users
   * and groups has changed. May throw: it is asked again.
   */
  readonly renewTables: () => void;
  /** Is told, once, what has no job because of its name, and what does not work. */
  readonly warn: (message: string) => void;
  /** The cgroup below which the system's units are; the root of the hierarchy. */
  readonly root?: string;
  /** The files of accounts and groups; those in /etc. */
  readonly passwd?: string;
  readonly group?: string;
}

/** A cgroup that was made for a job. */
interface Made {
  readonly cgroup: JobCgroup;
  /** It stays when it is empty, and no other process of portreeve removes it. */
  readonly kept: { release(): void } | undefined;
  /** It was empty when it was looked at last. */
  wasEmpty: boolean;
}

const NO_JOBS: NamedJobs = { cgroups: new Map(), users: new Map(), leftOut: [] };

/** To be called every JOB_TICK_MS. */
export class Follower {
  readonly #deps: FollowerDeps;
  readonly #root: string;
  /** The cgroups that were made for a job. */
  readonly #made = new Map<bigint, Made>();
  #units: readonly ControlGroup[] = [];
  #accounts: readonly Account[] = [];
  /** The units that the host has files of, and what the sockets that are there activate. */
  #unitFiles: readonly PossibleUnit[] = [];
  #unitStamp = '';
  readonly #activates = new Map<string, string | undefined>();
  #stamps = '';
  #watch: { readonly slices: string; close(): void } | undefined;
  #ticks = 0;
  #jobs = NO_JOBS;
  /** Something has changed since the jobs were named. */
  #isStale = true;
  /** What the kernel has, if it is what we have put there. */
  #put: { readonly kernel: JobKernel; readonly jobs: Jobs } | undefined;
  #mustRenew = false;
  #hasFailed = false;
  /** The tick since which the kernel could not be told. */
  #failsSince: number | undefined;
  /** What was told and still is so. */
  #leftOut: readonly string[] = [];
  readonly #failures = new Map<'users' | 'kernel', string>();

  /** Learns what was made for jobs before, by a daemon that has ended. */
  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    this.#root = deps.root ?? HIERARCHY_ROOT;
    for (const cgroup of deps.cgroups.marked())
      this.#made.set(cgroup.id, { cgroup, kept: undefined, wasEmpty: false });
  }

  /** Who is which job, as it was when it was looked at last. */
  get jobs(): NamedJobs {
    return this.#jobs;
  }

  /** Looks at what may have changed, and puts it into the kernel. */
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
   * Makes a cgroup for a job, below the cgroup `parent`: whoever is in it from now on is judged as that job. It goes
   * when it is empty, unless it is to be kept. Throws PortreeveError `JOB_CGROUPS_FULL` (refused) where there are too
   * many, and what keeps the kernel from knowing it.
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

  /** Removes a cgroup that was made for a job, if it is empty. */
  remove(cgroup: JobCgroup): void {
    this.#made.get(cgroup.id)?.kept?.release();
    if (!this.#deps.cgroups.remove(cgroup)) return;
    this.#made.delete(cgroup.id);
    this.#isStale = true;
  }

  /** What the tables are made by has changed: they are made anew at the next tick. */
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
      // Whom SAF lets use a port is compiled from users and groups.
      this.#mustRenew = true;
      this.#failures.delete('users');
    } catch (thrown) {
      this.#warnOnce('users', messageOf(thrown));
    }
  }

  /** What the kernel is to know of units that have not begun yet. */
  #checkUnitFiles(): void {
    const { files } = this.#deps;
    const stamp = stampOfUnits(files);
    if (stamp === this.#unitStamp) return;
    this.#unitStamp = stamp;
    this.#activates.clear();
    for (const { path } of this.#units) this.#seeActivation(path);
    this.#isStale = true;
    const unitFiles = hostUnits(files);
    // Scopes of users' sessions come and go there as well.
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

  /** A unit is looked at as soon as its cgroup is made: it may bind its port a few milliseconds later. */
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

  /** One that is empty at two looks is not one that somebody is about to be moved into. */
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
      // Making tables anew is too much for every tick where it fails.
      this.#putJobs(isPoll || !this.#hasFailed);
      if (this.#hasFailed) return;
      this.#failures.delete('kernel');
      this.#failsSince = undefined;
    } catch (thrown) {
      this.#failsSince ??= this.#ticks;
      // What others have just put in force is in the archive a moment later.
      if (this.#ticks - this.#failsSince < TICKS_PER_POLL) return;
      this.#warnOnce('kernel', `the jobs in the kernel cannot be followed: ${messageOf(thrown)}`);
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
    const { leftOut } = this.#jobs;
    for (const message of leftOut) if (!this.#leftOut.includes(message)) this.#deps.warn(message);
    this.#leftOut = leftOut;
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

  /** Puts in what differs; false where the tables have to be made anew. */
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
      // There is no room: tables that are made anew have more.
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

/** What is new in a map, or has another value. */
function added<Id>(before: ReadonlyMap<Id, Job>, now: ReadonlyMap<Id, Job>): Map<Id, Job> {
  return new Map([...now].filter(([key, job]) => !isSameJob(before.get(key), job)));
}

/** What is no longer in a map. */
function missing<K, V>(before: ReadonlyMap<K, V>, now: ReadonlyMap<K, V>): K[] {
  return [...before.keys()].filter((key) => !now.has(key));
}

function full(grantee: number): PortreeveError {
  const bounds = `${JOB_CGROUPS_MAX} in all, and ${JOB_CGROUPS_PER_USER_MAX} of a user`;
  const message = `there are too many cgroups of jobs: the most are ${bounds}`;
  const hint = 'They go when what runs in them has ended.';
  return new PortreeveError('JOB_CGROUPS_FULL', message, hint, { uid: grantee });
}
