// Grants a job to a process: checks the permission, and moves the process into a cgroup that belongs to root.
import { PortreeveError } from '../../base/errors.ts';
import { type JobName, parseJobName, UNKNOWN_JOB } from '../../base/job.ts';
import { PID_MAX } from '../../base/limits.ts';
import type { Follower } from '../../guard/app/follower.ts';
import type { Cgroups, Files, HeldProcess, HeldProcessInfo, JobCgroup, Processes } from '../../host/host.ts';
import type { JobSections } from '../../job/app/settings.ts';
import { readUsers } from '../../job/app/users.ts';

/** The calling process, as reported by the kernel. */
export interface Caller {
  readonly pid: number;
  readonly uid: number;
  /** Its primary and supplementary groups. */
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

export interface Grant {
  readonly job: JobName;
  readonly cgroup: string;
}

/** The first process, which adopts orphans. */
const INIT = 1;

/**
 * Grants a job to the caller or its parent: `{"job": "WEB", "pid": 1234}`; `pid` defaults to the caller. Throws
 * PortreeveError: (usage) `REQUEST_INVALID` and `JOB_INVALID`; (refused) `JOB_DENIED`, `PROCESS_DENIED` and
 * `JOB_CGROUPS_FULL`; (environment) `PROCESS_GONE`, `CGROUP_MISSING` and `CGROUP_FAILED`.
 */
export function grantJob(request: unknown, caller: Caller, deps: RunDeps): Grant {
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
    const hint = 'Send an object: {"job": NAME, "pid": NUMBER}, with the pid of the caller or its parent.';
    throw new PortreeveError('REQUEST_INVALID', 'invalid request', hint);
  }
  const name = parseJobName(job);
  if (name !== UNKNOWN_JOB) return { job: name, pid };
  const message = `${name} is the job of unidentified processes, and cannot be taken`;
  throw new PortreeveError('JOB_INVALID', message, 'Choose another name.', { value: job });
}

function requirePermission(job: JobName, { uid, gids }: Caller, { sections, files }: RunDeps): void {
  const { users = [], groups = [] } = (Object.hasOwn(sections, job) && sections[job]) || {};
  if (uid === 0 || users.includes(uid) || gids.some((gid) => groups.includes(gid))) return;
  const host = readUsers(files);
  if (host.accounts.some((account) => account.uid === uid && users.includes(account.name))) return;
  if (host.groups.some(({ gid, name }) => gids.includes(gid) && groups.includes(name))) return;
  const hint = `portreeve.toml grants jobs: [job.${job}] users, groups.`;
  throw new PortreeveError('JOB_DENIED', `uid ${uid} may not take the job ${job}`, hint, {
    uid,
    job,
  });
}

/** Holds the caller or its parent, which must belong to the same user unless the caller is root. */
function holdProcess(pid: number, caller: Caller, processes: RunDeps['processes']): HeldProcess {
  const process = processes.hold(pid);
  if (!process) throw gone(pid);
  const callerProcess = processes.hold(caller.pid);
  try {
    requireOwn(callerProcess?.inspect(), process, caller);
    return process;
  } catch (thrown) {
    process.close();
    throw thrown;
  } finally {
    callerProcess?.close();
  }
}

/**
 * Reads the caller first: a process with the pid of its parent that was held before and still exists afterwards is its
 * parent. The uid is compared because the caller's pid may have been reused by another user's process.
 */
function requireOwn(
  callerInfo: HeldProcessInfo | undefined,
  process: HeldProcess,
  { pid, uid }: Caller,
): void {
  const info = process.inspect();
  if (!callerInfo || !info) throw gone(process.pid);
  const isOwn = process.pid === pid || (process.pid === callerInfo.parent && process.pid !== INIT);
  const [, effective] = callerInfo.uids;
  const isSameUser =
    uid === 0 ? effective === 0 : [...callerInfo.uids, ...info.uids].every((each) => each === uid);
  if (!isOwn || !isSameUser) throw notOwn(process.pid);
}

function moveInto(made: JobCgroup, process: HeldProcess, { cgroups, processes }: RunDeps): void {
  cgroups.move(process.pid, made);
  if (process.inspect()) return;
  // It ended before it was moved and its pid was reused. Move the new process back to the cgroup of its parent.
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
  return new PortreeveError('PROCESS_GONE', `there is no process ${pid}`, '', { pid });
}

function notOwn(pid: number): PortreeveError {
  const message = `process ${pid} is not the caller or its parent, or belongs to another user`;
  return new PortreeveError('PROCESS_DENIED', message, 'A process can take a job only for itself.', { pid });
}

function noCgroup(pid: number): PortreeveError {
  const message = `process ${pid} is not in a cgroup v2 hierarchy`;
  return new PortreeveError('CGROUP_MISSING', message, 'Is cgroup v2 mounted?', { pid });
}
