// Control groups of version 2 (cgroups(7)): the root, IDs, and the cgroup of a process.
import { closeSync, constants, openSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { cgroup2MountPoint, parseMountinfo } from './mountinfo.ts';

interface Cgroup {
  readonly directory: string;
  /** As returned by bpf_get_current_cgroup_id() for a process in it. */
  readonly id: bigint;
}

/** <linux/magic.h> */
const CGROUP2_SUPER_MAGIC = 0x63677270;

/** The directory of the root cgroup. Throws PortreeveError `CGROUP2_MISSING` (environment). */
export function cgroupRoot(): string {
  const root = cgroup2MountPoint(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')));
  if (root !== undefined) return root;
  const message = 'no complete cgroup v2 hierarchy is mounted';
  const hint =
    'Mount it with: mount -t cgroup2 cgroup2 /sys/fs/cgroup. If that is cgroup v1, use a directory in it.';
  throw new PortreeveError('CGROUP2_MISSING', message, hint);
}

/**
 * The ID of a cgroup, which on 64-bit kernels is its directory's inode. Throws PortreeveError `CGROUP_GONE`
 * (environment).
 */
export function cgroupId(directory: string): bigint {
  try {
    return statSync(directory, { bigint: true }).ino;
  } catch (thrown) {
    throw gone(directory, thrown);
  }
}

/**
 * Opens a cgroup for attachProgram(). Throws PortreeveError `CGROUP_GONE` (environment), and `CGROUP_INVALID` (usage)
 * for another directory.
 */
export function openCgroup(directory: string): number {
  const fd = openDirectory(directory);
  if (statfsSync(`/proc/self/fd/${fd}`).type === CGROUP2_SUPER_MAGIC) return fd;
  closeSync(fd);
  throw invalid(directory);
}

function openDirectory(directory: string): number {
  try {
    return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (thrown) {
    throw gone(directory, thrown);
  }
}

/**
 * A cgroup and its descendants, parents first. Skips cgroups that are removed during the walk, and the descendants of
 * those that we have no permission to read.
 */
export function* walkCgroups(directory: string): Generator<Cgroup> {
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    try {
      const id = cgroupId(next);
      const parent = next;
      // The last is visited first.
      pending.push(
        ...belowIn(parent)
          .sort()
          .reverse()
          .map((name) => join(parent, name)),
      );
      yield { directory: next, id };
    } catch (thrown) {
      if (!isGone(thrown)) throw thrown;
    }
  }
}

/** The names of the children. */
function belowIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (thrown) {
    if (codeOf(thrown) === 'EACCES') return [];
    throw thrown;
  }
}

/** The kernel appends this to the path of a removed cgroup. */
const DELETED = ' (deleted)';

/**
 * Parses /proc/PID/cgroup: "/system.slice/ssh.service". Undefined if the process is not in a cgroup of version 2, or if
 * the cgroup was removed, which is possible for a zombie.
 */
export function parseCgroupOf(text: string): string | undefined {
  // The line of version 2 has hierarchy ID 0 and no controllers.
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  return path?.endsWith(DELETED) ? undefined : path;
}

/** ENODEV: the directory was removed while it was open. */
function isGone(thrown: unknown): boolean {
  const isOurs = thrown instanceof PortreeveError && thrown.code === 'CGROUP_GONE';
  return isOurs || codeOf(thrown) === 'ENOENT' || codeOf(thrown) === 'ENODEV';
}

function invalid(directory: string): PortreeveError {
  const message = `${directory} is not a cgroup v2 directory`;
  const hint = 'Example: /sys/fs/cgroup/system.slice';
  return new PortreeveError('CGROUP_INVALID', message, hint, { directory });
}

function gone(directory: string, thrown: unknown): PortreeveError {
  const message = `cannot read the cgroup ${directory}: ${messageOf(thrown)}`;
  return new PortreeveError('CGROUP_GONE', message, '', { directory });
}
