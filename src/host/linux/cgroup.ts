// Control groups, version 2 (cgroups(7)): where they are, their numbers, and which one a process is in.
import { closeSync, constants, openSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { cgroup2MountPoint, parseMountinfo } from './mountinfo.ts';

interface Cgroup {
  readonly directory: string;
  /** What bpf_get_current_cgroup_id() gives for a process in it. */
  readonly id: bigint;
}

/** <linux/magic.h> */
const CGROUP2_SUPER_MAGIC = 0x63677270;

/** The directory of the root cgroup. Throws PortreeveError `CGROUP2_MISSING` (environment) where there is none. */
export function cgroupRoot(): string {
  const root = cgroup2MountPoint(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')));
  if (root !== undefined) return root;
  const message = 'no hierarchy of cgroup v2 is mounted, or only a part of it';
  const hint =
    'Mount it with: mount -t cgroup2 cgroup2 /sys/fs/cgroup. Where /sys/fs/cgroup has version 1, in a directory in it.';
  throw new PortreeveError('CGROUP2_MISSING', message, hint);
}

/**
 * The number of a cgroup: on a kernel of 64 bits its directory's inode. Throws PortreeveError `CGROUP_GONE`
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
 * A descriptor of a cgroup for attachProgram(). Throws PortreeveError `CGROUP_GONE` (environment), and `CGROUP_INVALID`
 * (usage) for another directory.
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
 * A cgroup and all below it, each before those in it; what goes away meanwhile is left out, and what is below one that
 * we may not look into.
 */
export function* walkCgroups(directory: string): Generator<Cgroup> {
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      const id = cgroupId(next);
      const parent = next;
      // The last is taken first.
      waiting.push(
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

/** The names of the cgroups in one. */
function belowIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (thrown) {
    if (codeOf(thrown) === 'EACCES') return [];
    throw thrown;
  }
}

/** What the kernel puts behind the name of a cgroup that was removed. */
const DELETED = ' (deleted)';

/**
 * The cgroup of /proc/PID/cgroup, from the root on: "/system.slice/ssh.service". Undefined where there is none, or
 * where it was removed, as it can be for a process that has ended and was not waited for.
 */
export function parseCgroupOf(text: string): string | undefined {
  // The hierarchy of version 2 has the number 0 and no controllers in this file.
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  return path?.endsWith(DELETED) ? undefined : path;
}

/** ENODEV is what a directory gives that was removed while it was open. */
function isGone(thrown: unknown): boolean {
  const isOurs = thrown instanceof PortreeveError && thrown.code === 'CGROUP_GONE';
  return isOurs || codeOf(thrown) === 'ENOENT' || codeOf(thrown) === 'ENODEV';
}

function invalid(directory: string): PortreeveError {
  const message = `${directory} is not the directory of a cgroup of version 2`;
  const hint = 'It is one such as /sys/fs/cgroup/system.slice.';
  return new PortreeveError('CGROUP_INVALID', message, hint, { directory });
}

function gone(directory: string, thrown: unknown): PortreeveError {
  const message = `cannot look at the cgroup ${directory}: ${messageOf(thrown)}`;
  return new PortreeveError('CGROUP_GONE', message, '', { directory });
}
