// systemd units (systemd.unit(5)): which unit a cgroup belongs to, and which job a unit is.
import { requireFailure } from './errors.ts';
import { type Job, type JobName, parseJobName, UNKNOWN_JOB } from './job.ts';

const SLICE = '.slice';
const SUFFIX = /\.(?:service|socket)$/;

/** Below it are the managers of users, which create cgroups with arbitrary names. */
const USERS_SLICE = 'user.slice';

/** How a search for units treats a cgroup of this name. */
export function pickUnit(name: string): 'leave' | 'take' | 'enter' {
  if (name === USERS_SLICE) return 'leave';
  if (name.endsWith(SLICE)) return 'enter';
  return SUFFIX.test(name) ? 'take' : 'leave';
}

/**
 * The unit that a cgroup belongs to, such as "postgresql@15-main.service". Returns undefined if it is not that of a
 * unit. A unit's cgroup is the first path component that is not a slice. Cgroups that a service, a container or a
 * user's manager creates are further down and do not count.
 */
export function unitOfPath(path: string): string | undefined {
  const components = path.split('/').slice(1);
  const name = components.pop() ?? '';
  const isUnit = pickUnit(name) === 'take' && components.every((slice) => pickUnit(slice) === 'enter');
  // systemd adds "_" before a name that could collide with a file of the kernel (CGROUP in systemd.io).
  return isUnit ? name.replace(/^_/, '') : undefined;
}

export type UnitJob = { readonly job: Job } | { readonly problem: string };

/** The job of a unit. `activates` is the unit that a socket starts, if its name differs. */
export function jobOfUnit(unit: string, activates?: string): UnitJob {
  const own = readName(unit.replace(SUFFIX, ''));
  if ('problem' in own) return own;
  const other = activates === undefined ? undefined : readName(activates.replace(SUFFIX, ''));
  const names = [own, ...(other && 'name' in other ? [other] : [])].flatMap(({ name }) => [
    name,
    ...templateOf(name),
  ]);
  const [name = own.name, ...aliases] = new Set(names);
  return { job: { name, aliases } };
}

/** Parses a job name. Returns the problem if it is not one. */
export function readName(text: string): { readonly name: JobName } | { readonly problem: string } {
  try {
    const name = parseJobName(text);
    return name === UNKNOWN_JOB
      ? { problem: `${name} is reserved for processes that cannot be identified` }
      : { name };
  } catch (thrown) {
    return { problem: requireFailure(thrown).message };
  }
}

/** The template of an instance: POSTGRESQL for POSTGRESQL@15-MAIN. */
function templateOf(name: JobName): JobName[] {
  const read = name.indexOf('@') > 0 ? readName(name.slice(0, name.indexOf('@'))) : undefined;
  return read && 'name' in read ? [read.name] : [];
}

/** A unit that could be started: a service, a socket, or a template such as "postgresql@.service". */
export interface PossibleUnit {
  readonly unit: string;
  /** The unit that a socket activates, if its name differs. */
  readonly activates: string | undefined;
}
