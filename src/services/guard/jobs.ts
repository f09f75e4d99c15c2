// Which job a cgroup and a user are: from the names of the system's units, of accounts, and of what `run` made.
import { messageOf } from '../../base/errors.ts';
import { type JobName, parseJobName, UNKNOWN_JOB } from '../../base/job.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../../host/host.ts';
import type { Account } from '../../text/passwd.ts';
import type { Jobs } from './kernel.ts';

/** Where the cgroups of the system manager's units are, from the root of the hierarchy on. */
export const SYSTEM_SLICE = '/system.slice';
const SLICE = '.slice';
const SERVICE = '.service';

/** What there is to be named. */
export interface Named {
  /** The cgroups of the host, as far as they are looked at: at least those of listUnits(). */
  readonly cgroups: readonly ControlGroup[];
  /** The cgroups that were made for a job. */
  readonly made: readonly JobCgroup[];
  readonly accounts: readonly Account[];
}

/** The jobs, and what has none because of its name: a sentence for each. */
export interface NamedJobs extends Jobs {
  readonly leftOut: readonly string[];
}

/**
 * Which job each is. Of a unit only the cgroup itself is named: those below it are its job, too, unless they have been
 * made for another one. Of several accounts with one uid the first one counts.
 */
export function jobsOf({ cgroups, made, accounts }: Named, slice = SYSTEM_SLICE): NamedJobs {
  const leftOut: string[] = [];
  const jobOf = (what: string, name: string): JobName | undefined => {
    const { job, problem } = readName(name);
    if (problem) leftOut.push(`${what} is no job of its own: ${problem}`);
    return job;
  };
  const byCgroup = new Map<bigint, JobName>();
  for (const { path, id } of unitsIn(cgroups, slice)) {
    const job = jobOf(`the unit ${path}`, unitName(path));
    if (job) byCgroup.set(id, job);
  }
  for (const { path, id, job: name } of made) {
    const job = jobOf(`the cgroup ${path}`, name);
    if (job) byCgroup.set(id, job);
  }
  const byUser = new Map<number, JobName>();
  const seen = new Set<number>();
  for (const { name, uid } of accounts) {
    if (seen.has(uid)) continue;
    seen.add(uid);
    const job = jobOf(`the user ${name}`, name);
    if (job) byUser.set(uid, job);
  }
  return { cgroups: byCgroup, users: byUser, leftOut };
}

/** The slice with its units, and the slices in it with theirs; none where the host has no such slice. */
export function listUnits(cgroups: Cgroups, slice = SYSTEM_SLICE): readonly ControlGroup[] {
  const group = cgroups.at(slice);
  return group ? [group, ...cgroups.list(slice, pickUnit)] : [];
}

/** What is to be done with a cgroup of that name when a slice is looked through. */
export function pickUnit(name: string): 'leave' | 'take' | 'enter' {
  if (name.endsWith(SLICE)) return 'enter';
  return name.endsWith(SERVICE) ? 'take' : 'leave';
}

/**
 * The cgroups of system services: those that end in ".service" and lie in the slice, or in slices in it. Only root may
 * be able to make them: a service that manages its own cgroups, a container and a user's manager can make others of any
 * name, below their own.
 */
function unitsIn(cgroups: readonly ControlGroup[], slice: string): ControlGroup[] {
  const rootsSlices = new Set(cgroups.flatMap(({ path, uid }) => (uid === 0 ? [path] : [])));
  const isSlice = (path: string): boolean => {
    if (!rootsSlices.has(path)) return false;
    if (path === slice) return true;
    return path.endsWith(SLICE) && isSlice(parentOf(path));
  };
  return cgroups.filter(
    ({ path }) => path.startsWith(`${slice}/`) && path.endsWith(SERVICE) && isSlice(parentOf(path)),
  );
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** The manager puts "_" in front of a name that would look like a file of the kernel's (CGROUP in systemd.io). */
function unitName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -SERVICE.length).replace(/^_/, '');
}

/** The job that a name stands for, or why it stands for none. */
function readName(name: string): { job?: JobName; problem?: string } {
  try {
    const job = parseJobName(name);
    return job === UNKNOWN_JOB ? { problem: `${job} is what those are called whom nobody knows` } : { job };
  } catch (thrown) {
    return { problem: messageOf(thrown) };
  }
}
