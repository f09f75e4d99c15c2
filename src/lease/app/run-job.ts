// `run`: who may take which job, and how his process gets it: in a cgroup of root's that is made below his own.
import { PortreeveError } from '../../base/errors.ts';
import { type JobName, parseJobName, UNKNOWN_JOB } from '../../base/job.ts';
import { PID_MAX } from '../../base/limits.ts';
import type { Follower } from '../../guard/app/follower.ts';
import type { Cgroups, Files, HeldProcess, HeldProcessInfo, JobCgroup, Processes } from '../../host/host.ts';
import type { JobSections } from '../../job/app/settings.ts';
import { readUsers } from '../../job/app/users.ts';

/** The process that asks, as the kernel knows it. */
export interface Caller {
  readonly pid: number;
  readonly uid: number;
  /** Its group, and its supplementary groups. */
  readonly gids: readonly number[];
}

export interface RunDeps {
  readonly cgroups: Cgroups;
  readonly processes: Pick<Processes, 'hold'>;
  readonly files: Pick<Files, 'readText'>;
  readonly follower: Pick<Follower, 'make' | 'remove'>;
  /** The sections [job.NAME], by name. */
  readonly sections: JobSections;
}

export interface Given {
  readonly job: JobName;
  readonly cgroup: string;
}

/** The first process, which every process belongs to in the end whose own parent has died. */
const INIT = 1;

/**
 * Gives a job to the caller's process, or to its parent: `{"job": "WEB", "pid": 1234}`, without `pid` to the caller.
 * Throws PortreeveError: (usage) `REQUEST_INVALID` and `JOB_INVALID`; (refused) `JOB_DENIED`, `PROCESS_DENIED` and
 * `JOB_CGROUPS_FULL`; (environment) `PROCESS_GONE`, `CGROUP_MISSING` and `CGROUP_FAILED`.
 */
export function giveJob(request: unknown, caller: Caller, deps: RunDeps): Given {
  const { job, pid } = readRequest(request, caller);
  requirePermission(job, caller, deps);
  const process = holdProcess(pid, caller, deps.processes);
  try {
    const cgroup = process.inspect()?.cgroup;
    if (cgroup === undefined) throw noCgroup(pid);
    const made = deps.follower.make(cgroup, `${job}-${pid}`, job, caller.uid);
    try {
      moveInto(made, process, deps);
    } catch (thrown) {
      deps.follower.remove(made);
      throw thrown;
    }
    return { job, cgroup: made.path };
  } finally {
    process.close();
  }
}

function readRequest(request: unknown, caller: Caller): { job: JobName; pid: number } {
  const { job, pid = caller.pid, ...others } = (request ?? {}) as Readonly<Record<string, unknown>>;
  const isPid = typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && pid <= PID_MAX;
  if (typeof job !== 'string' || !isPid || Object.keys(others).length > 0) {
    const hint =
      'It is an object: {"job": NAME, "pid": NUMBER}, the number being that of the caller or its parent.';
    throw new PortreeveError('REQUEST_INVALID', 'the request is not understood', hint);
  }
  const name = parseJobName(job);
  if (name !== UNKNOWN_JOB) return { job: name, pid };
  const message = `${name} is what those are called whom nobody knows: nobody can take it`;
  throw new PortreeveError('JOB_INVALID', message, 'Take another name.', { value: job });
}

function requirePermission(job: JobName, { uid, gids }: Caller, { sections, files }: RunDeps): void {
  const { users = [], groups = [] } = (Object.hasOwn(sections, job) && sections[job]) || {};
  if (uid === 0 || users.includes(uid) || gids.some((gid) => groups.includes(gid))) return;
  const known = readUsers(files);
  if (known.accounts.some((account) => account.uid === uid && users.includes(account.name))) return;
  if (known.groups.some(({ gid, name }) => gids.includes(gid) && groups.includes(name))) return;
  const hint = `Who may is said in portreeve.toml: [job.${job}] users, groups.`;
  throw new PortreeveError('JOB_DENIED', `uid ${uid} may not take the job ${job}`, hint, {
    uid,
    job,
  });
}

/** The caller's process, or its parent, which has to be the same user's. Root's parent may be anybody's. */
function holdProcess(pid: number, caller: Caller, processes: RunDeps['processes']): HeldProcess {
  const process = processes.hold(pid);
  if (!process) throw gone(pid);
  const asking = processes.hold(caller.pid);
  try {
    requireOwn(asking?.inspect(), process, caller);
    return process;
  } catch (thrown) {
    process.close();
    throw thrown;
  } finally {
    asking?.close();
  }
}

/**
 * The caller is looked at first: a process that has the number of his parent then, that was held before and is there
 * after, is his parent. Whether he is still who asked is told by his uid: his number may be another's by now.
 */
function requireOwn(asking: HeldProcessInfo | undefined, process: HeldProcess, { pid, uid }: Caller): void {
  const info = process.inspect();
  if (!asking || !info) throw gone(process.pid);
  const isOwn = process.pid === pid || (process.pid === asking.parent && process.pid !== INIT);
  const [, effective] = asking.uids;
  const isSame = uid === 0 ? effective === 0 : [...asking.uids, ...info.uids].every((each) => each === uid);
  if (!isOwn || !isSame) throw notOwn(process.pid);
}

function moveInto(made: JobCgroup, process: HeldProcess, { cgroups, processes }: RunDeps): void {
  cgroups.move(process.pid, made);
  if (process.inspect()) return;
  // It ended before it was moved, and its number was given anew: a process begins in the cgroup of its parent.
  const other = processes.hold(process.pid);
  const info = other?.inspect();
  const home = info?.cgroup === made.path ? processes.hold(info.parent) : undefined;
  const cgroup = home?.inspect()?.cgroup;
  const group = cgroup === undefined ? undefined : cgroups.at(cgroup);
  if (group) cgroups.move(process.pid, group);
  for (const held of [other, home]) held?.close();
  throw gone(process.pid);
}

function gone(pid: number): PortreeveError {
  return new PortreeveError('PROCESS_GONE', `process ${pid} is not there`, '', { pid });
}

function notOwn(pid: number): PortreeveError {
  const message = `process ${pid} is neither the caller nor his parent, or another user's`;
  return new PortreeveError('PROCESS_DENIED', message, 'A job is taken for oneself.', { pid });
}

function noCgroup(pid: number): PortreeveError {
  const message = `process ${pid} is in no cgroup of version 2`;
  return new PortreeveError('CGROUP_MISSING', message, 'Is cgroup2 mounted?', { pid });
}
