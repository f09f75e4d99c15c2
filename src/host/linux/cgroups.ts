// The control groups of this host. Those created for jobs are marked with an attribute that only root can set.
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { codeOf, messageOf, PortreeveError, requireFailure } from '../../base/errors.ts';
import { JOB_CGROUP_PREFIX } from '../../base/job.ts';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import { exactNumber } from '../../base/numbers.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../host.ts';
import { cgroupRoot, walkCgroups } from './cgroup.ts';
import { LOCK_EX, LOCK_NB } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { attributeOf, setAttribute } from './sys/xattr.ts';

/**
 * Marks a cgroup as created by portreeve. Attributes of this class can be set and read only with CAP_SYS_ADMIN
 * (xattr(7)): a user who creates a cgroup can give it our name, but not this.
 */
const MARK = 'trusted.portreeve.job';
const MARK_MAX_BYTES = 128;
/** The maximum of the number that is appended to a name in use. */
const NAMES_MAX = 1000;
const MODE = 0o755;
/** cgroups(7): writing to this file kills all processes. Locking it does not. */
const LOCKED_FILE = 'cgroup.kill';

/** The host's mounted hierarchy. */
export class LinuxCgroups implements Cgroups {
  readonly #root: string;

  /** Throws PortreeveError `CGROUP2_MISSING` (environment). */
  constructor(root = cgroupRoot()) {
    this.#root = root;
  }

  #directory(path: string): string {
    return path === '/' ? this.#root : `${this.#root}${path}`;
  }

  at(path: string): ControlGroup | undefined {
    const stat = statSync(this.#directory(path), { bigint: true, throwIfNoEntry: false });
    return stat?.isDirectory() ? { path, id: stat.ino, uid: uidOf(stat) } : undefined;
  }

  list(path: string, pick: (name: string) => 'leave' | 'take' | 'enter'): ControlGroup[] {
    const below = path === '/' ? '' : path;
    return directoriesIn(this.#directory(path)).flatMap((name) => {
      const picked = pick(name);
      const group = picked === 'leave' ? undefined : this.at(`${below}/${name}`);
      if (!group) return [];
      return picked === 'enter' ? [group, ...this.list(group.path, pick)] : [group];
    });
  }

  watch(paths: readonly string[], onChange: () => void): { close(): void } {
    const watchers = paths.flatMap((path) => {
      try {
        // Changes of files are reported as "change".
        const watcher = watch(this.#directory(path), { persistent: false }, (event) => {
          if (event === 'rename') onChange();
        });
        return [watcher.on('error', () => watcher.close())];
      } catch {
        return [];
      }
    });
    return { close: () => watchers.forEach((watcher) => void watcher.close()) };
  }

  get canReadMarks(): boolean {
    return process.getuid?.() === 0;
  }

  marked(): JobCgroup[] {
    return [...walkCgroups(this.#root)].flatMap(({ directory }) => {
      if (!basename(directory).startsWith(JOB_CGROUP_PREFIX)) return [];
      return this.#markedAt(directory.slice(this.#root.length)) ?? [];
    });
  }

  #markedAt(path: string): JobCgroup | undefined {
    try {
      return this.#opened(path, (fd, group) => {
        const mark = attributeOf(fd, MARK, MARK_MAX_BYTES);
        const [job, digits = ''] = mark ? new TextDecoder().decode(mark).split(' ') : [];
        const grantee = parseDecimal(digits, UID_MAX);
        return job && grantee !== undefined ? { ...group, job, grantee } : undefined;
      });
    } catch {
      return undefined;
    }
  }

  make(parent: string, name: string, job: string, grantee: number): JobCgroup {
    const path = this.#makeDirectory(`${parent === '/' ? '' : parent}/${JOB_CGROUP_PREFIX}${name}`);
    try {
      return this.#opened(path, (fd, group) => {
        // The owner of the parent could remove our cgroup and create another one in its place.
        if (group.uid !== process.getuid?.()) throw failed(path, 'is not the one that was created');
        const refused = setAttribute(fd, MARK, new TextEncoder().encode(`${job} ${grantee}`));
        if (refused) throw failed(path, `cannot be marked: ${refused}`);
        return { ...group, job, grantee };
      });
    } catch (thrown) {
      removeDirectory(this.#directory(path));
      throw thrown;
    }
  }

  /** Appends a number if the name is in use. */
  #makeDirectory(wanted: string): string {
    for (let number = 1; ; number++) {
      const path = number === 1 ? wanted : `${wanted}.${number}`;
      try {
        mkdirSync(this.#directory(path), MODE);
        return path;
      } catch (thrown) {
        if (codeOf(thrown) !== 'EEXIST' || number === NAMES_MAX) {
          throw failed(path, `cannot be created: ${messageOf(thrown)}`);
        }
      }
    }
  }

  move(pid: number, into: ControlGroup): void {
    this.#opened(into.path, (fd, { id }) => {
      if (id !== into.id) throw failed(into.path, 'was replaced');
      try {
        writeFileSync(`/proc/self/fd/${fd}/cgroup.procs`, `${pid}`);
      } catch (thrown) {
        throw failed(into.path, `does not accept process ${pid}: ${messageOf(thrown)}`);
      }
    });
  }

  members({ path }: ControlGroup): number[] {
    try {
      const lines = readFileSync(`${this.#directory(path)}/cgroup.procs`, 'utf8').split('\n');
      return lines.flatMap((line) => parseDecimal(line, PID_MAX) ?? []);
    } catch {
      return [];
    }
  }

  remove({ path, id }: ControlGroup): boolean {
    if (this.at(path)?.id !== id) return true;
    const held = this.#locked(path);
    if (held === 'by another') return false;
    try {
      return removeDirectory(this.#directory(path));
    } finally {
      held?.release();
    }
  }

  hold({ path }: ControlGroup): { release(): void } {
    const held = this.#locked(path);
    return held === undefined || held === 'by another' ? { release: () => undefined } : held;
  }

  /** Uses flock(2) on a file that only root can open. Undefined if there is none. */
  #locked(path: string): { release(): void } | 'by another' | undefined {
    let fd: number;
    try {
      fd = openSync(`${this.#directory(path)}/${LOCKED_FILE}`, constants.O_WRONLY | constants.O_NOFOLLOW);
    } catch {
      return undefined;
    }
    if (sys.flock(fd, LOCK_EX | LOCK_NB) === 0) return { release: () => closeSync(fd) };
    closeSync(fd);
    return 'by another';
  }

  /** Operates on an open cgroup, so that it cannot be replaced by another one of the same name. */
  #opened<T>(path: string, act: (fd: number, group: ControlGroup) => T): T {
    const fd = openDirectory(this.#directory(path), path);
    try {
      const stat = fstatSync(fd, { bigint: true });
      return act(fd, { path, id: stat.ino, uid: uidOf(stat) });
    } finally {
      closeSync(fd);
    }
  }
}

/** Undefined if the host has no cgroup v2. */
export function cgroupsIfAny(): LinuxCgroups | undefined {
  try {
    return new LinuxCgroups();
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

function openDirectory(directory: string, path: string): number {
  try {
    return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (thrown) {
    throw failed(path, messageOf(thrown));
  }
}

/** The names of subdirectories. Empty if the directory does not exist. */
function directoriesIn(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** Returns whether the directory no longer exists. False if it is not empty (EBUSY). */
function removeDirectory(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'ENOENT';
  }
}

/** A uid has 32 bits. */
function uidOf({ uid }: { readonly uid: bigint }): number {
  return exactNumber(uid);
}

function failed(path: string, why: string): PortreeveError {
  return new PortreeveError('CGROUP_FAILED', `the cgroup ${path} ${why}`, '', { path });
}
