// Units of the system manager (systemd.unit(5)): which cgroup is a unit's, and which job a unit is.
import { requireFailure } from './errors.ts';
import { type Job, type JobName, parseJobName, UNKNOWN_JOB } from './job.ts';

const SLICE = '.slice';
const SUFFIX = /\.(?:service|socket)$/;

/** What users' own managers are below: they make cgroups of any name. */
const USERS_SLICE = 'user.slice';

/** What is to be done with a cgroup of that name when the units of a host are looked for. */
export function pickUnit(name: string): 'leave' | 'take' | 'enter' {
  if (name === USERS_SLICE) return 'leave';
  if (name.endsWith(SLICE)) return 'enter';
  return SUFFIX.test(name) ? 'take' : 'leave';
}

/**
 * The unit whose cgroup that is, "postgresql@15-main.service"; undefined if it is not one. A unit's cgroup is the first
 * component that is not a slice: what a service, a container or a user's manager makes is below its own, and is not.
 */
export function unitOfPath(path: string): string | undefined {
  const components = path.split('/').slice(1);
  const name = components.pop() ?? '';
  const isUnit = pickUnit(name) === 'take' && components.every((slice) => pickUnit(slice) === 'enter');
  // The manager puts "_" in front of a name that would look like a file of the kernel's (CGROUP in systemd.io).
  return isUnit ? name.replace(/^_/, '') : undefined;
}

/** What a unit's name stands for. */
export type UnitJob = { readonly job: Job } | { readonly problem: string };

/** The job of a unit; `activates` is the unit that a socket starts, where it is not the one of its own name. */
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

/** The job that a name stands for, or why it does not stand for one. */
export function readName(text: string): { readonly name: JobName } | { readonly problem: string } {
  try {
    const name = parseJobName(text);
    return name === UNKNOWN_JOB ? { problem: `${name} is the job of what cannot be identified` } : { name };
  } catch (thrown) {
    return { problem: requireFailure(thrown).message };
  }
}

/** The template of an instance: that of POSTGRESQL@15-MAIN is POSTGRESQL. */
function templateOf(name: JobName): JobName[] {
  const read = name.indexOf('@') > 0 ? readName(name.slice(0, name.indexOf('@'))) : undefined;
  return read && 'name' in read ? [read.name] : [];
}

/** A unit that may begin: a service, a socket, or a template of one, "postgresql@.service". */
export interface PossibleUnit {
  readonly unit: string;
  /** The unit that a socket activates, where that is not the one of its own name. */
  readonly activates: string | undefined;
}
