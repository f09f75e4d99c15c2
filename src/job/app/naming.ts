// Which job a cgroup and a user are: from the names of the system's units, of accounts, and of what `run` made.
import { type Job, jobNamed } from '../../base/job.ts';
import { jobOfUnit, pickUnit, readName, type UnitJob, unitOfPath } from '../../base/unit.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../../host/host.ts';
import type { Account } from '../../text/passwd.ts';
import type { Jobs } from '../core/jobs.ts';

interface Named {
  /** The cgroups of the host, as far as they are looked at: at least those of listUnits(). */
  readonly cgroups: readonly ControlGroup[];
  /** The cgroups that were made for a job. */
  readonly made: readonly JobCgroup[];
  readonly accounts: readonly Account[];
  /** The unit that a socket activates, where that is not the one of its own name. */
  readonly activates?: (unit: string) => string | undefined;
}

/** The jobs, and what has none because of its name: a sentence for each. */
export interface NamedJobs extends Jobs {
  readonly leftOut: readonly string[];
}

/** Where the cgroups of the system manager begin. */
export const HIERARCHY_ROOT = '/';

/**
 * Which job each is. Of a unit only the cgroup itself is named: those below it are its job, too, unless they have been
 * made for another one. Of several accounts with one uid the first one counts.
 */
export function jobsOf(
  { cgroups, made, accounts, activates }: Named,
  root: string = HIERARCHY_ROOT,
): NamedJobs {
  const leftOut: string[] = [];
  const put = <Id>(map: Map<Id, Job>, id: Id, what: string, named: UnitJob) => {
    if ('job' in named) map.set(id, named.job);
    else leftOut.push(`${what} is no job of its own: ${named.problem}`);
  };
  const byCgroup = new Map<bigint, Job>();
  for (const { path, id, unit } of unitsIn(cgroups, root)) {
    put(byCgroup, id, `the unit ${path}`, jobOfUnit(unit, activates?.(unit)));
  }
  for (const { path, id, job } of made) put(byCgroup, id, `the cgroup ${path}`, jobOfName(job));
  const byUser = new Map<number, Job>();
  const seen = new Set<number>();
  for (const { name, uid } of accounts) {
    if (seen.has(uid)) continue;
    seen.add(uid);
    put(byUser, uid, `the user ${name}`, jobOfName(name));
  }
  return { cgroups: byCgroup, users: byUser, leftOut };
}

function jobOfName(text: string): UnitJob {
  const read = readName(text);
  return 'name' in read ? { job: jobNamed(read.name) } : read;
}

/** The units of the system manager, and the slices in which they are. */
export function listUnits(cgroups: Cgroups, root: string = HIERARCHY_ROOT): readonly ControlGroup[] {
  const group = cgroups.at(root);
  return group ? [group, ...cgroups.list(root, pickUnit)] : [];
}

/**
 * The cgroups of units. Only root may be able to make them: where a slice is another user's, he can make cgroups of any
 * name in it.
 */
function unitsIn(
  cgroups: readonly ControlGroup[],
  root: string,
): readonly (ControlGroup & { readonly unit: string })[] {
  const top = root === HIERARCHY_ROOT ? '' : root;
  const owners = new Map(cgroups.map(({ path, uid }) => [path, uid]));
  const isRoots = (path: string): boolean =>
    path === top ? (owners.get(root) ?? 0) === 0 : owners.get(path) === 0 && isRoots(parentOf(path));
  return cgroups.flatMap((group) => {
    const unit = group.path.startsWith(`${top}/`) ? unitOfPath(group.path.slice(top.length)) : undefined;
    return unit !== undefined && isRoots(parentOf(group.path)) ? [{ ...group, unit }] : [];
  });
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
