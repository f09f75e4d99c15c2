// Assigns jobs to cgroups and users: from the names of system units and accounts, and from the cgroups that `run` made.
import { type Job, jobNamed } from '../../base/job.ts';
import { jobOfUnit, pickUnit, readName, type UnitJob, unitOfPath } from '../../base/unit.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../../host/host.ts';
import type { Account } from '../../text/passwd.ts';
import type { Jobs } from '../core/jobs.ts';

interface Named {
  /** At least those of listUnits(). */
  readonly cgroups: readonly ControlGroup[];
  /** The cgroups that were created for a job. */
  readonly made: readonly JobCgroup[];
  readonly accounts: readonly Account[];
  /** The unit that a socket activates, if it is not the one with the same name. */
  readonly activates?: (unit: string) => string | undefined;
}

/** The jobs, and messages about units and users whose names are not valid jobs. */
export interface NamedJobs extends Jobs {
  readonly problems: readonly string[];
}

/** The root of the system manager's cgroups. */
export const HIERARCHY_ROOT = '/';

/**
 * The jobs of units and users. For a unit only the unit's own cgroup is listed; descendants inherit its job unless they
 * were created for another one. If several accounts have the same uid, the first one counts.
 */
export function jobsOf(
  { cgroups, made, accounts, activates }: Named,
  root: string = HIERARCHY_ROOT,
): NamedJobs {
  const problems: string[] = [];
  const put = <Id>(map: Map<Id, Job>, id: Id, what: string, named: UnitJob) => {
    if ('job' in named) map.set(id, named.job);
    else problems.push(`${what} has no job of its own: ${named.problem}`);
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
  return { cgroups: byCgroup, users: byUser, problems };
}

function jobOfName(text: string): UnitJob {
  const read = readName(text);
  return 'name' in read ? { job: jobNamed(read.name) } : read;
}

/** The units of the system manager, and their slices. */
export function listUnits(cgroups: Cgroups, root: string = HIERARCHY_ROOT): readonly ControlGroup[] {
  const group = cgroups.at(root);
  return group ? [group, ...cgroups.list(root, pickUnit)] : [];
}

/**
 * The cgroups of units. All slices above must belong to root: the owner of a slice can create cgroups of any name in
 * it.
 */
function unitsIn(
  cgroups: readonly ControlGroup[],
  root: string,
): readonly (ControlGroup & { readonly unit: string })[] {
  const top = root === HIERARCHY_ROOT ? '' : root;
  const owners = new Map(cgroups.map(({ path, uid }) => [path, uid]));
  const isOwnedByRoot = (path: string): boolean =>
    path === top ? (owners.get(root) ?? 0) === 0 : owners.get(path) === 0 && isOwnedByRoot(parentOf(path));
  return cgroups.flatMap((group) => {
    const unit = group.path.startsWith(`${top}/`) ? unitOfPath(group.path.slice(top.length)) : undefined;
    return unit !== undefined && isOwnedByRoot(parentOf(group.path)) ? [{ ...group, unit }] : [];
  });
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
