// Where the cgroup with a number is: the kernel says it to root, for others the hierarchy is walked through.
import { closeSync, readlinkSync, statSync } from 'node:fs';
import { requireFailure } from '../../base/errors.ts';
import { CGROUP_PATHS_MAX } from '../../base/limits.ts';
import { cgroupRoot, walkCgroups } from './cgroup.ts';
import { openByCgroupId } from './sys/file-handle.ts';

/** Finds cgroups. What was found is remembered, and held against what is there before it is told again. */
export class CgroupPaths {
  readonly #directories = new Map<bigint, string>();
  #root: string | undefined;
  /** Whether all that can be seen are known, so that one that is not is nowhere. */
  #isWalked = false;

  /** A new look begins: what was not there may be now. */
  renew(): void {
    this.#isWalked = false;
    if (this.#directories.size > CGROUP_PATHS_MAX) this.#directories.clear();
  }

  /** From the root of the hierarchy on; undefined if there is no such cgroup, or none of version 2. */
  pathOf(id: bigint): string | undefined {
    const directory = this.directoryOf(id);
    return directory === undefined ? undefined : directory.slice(this.#root?.length) || '/';
  }

  directoryOf(id: bigint): string | undefined {
    this.#root ??= rootIfAny();
    if (this.#root === undefined) return undefined;
    const known = this.#directories.get(id);
    // A cgroup has one path as long as it is there: those of version 2 cannot be renamed.
    if (known !== undefined && isAt(known, id)) return known;
    this.#directories.delete(id);
    const asked = directoryFromKernel(this.#root, id);
    if (asked !== undefined) this.#directories.set(id, asked);
    else this.#walk(this.#root);
    return this.#directories.get(id);
  }

  #walk(root: string): void {
    if (this.#isWalked) return;
    this.#isWalked = true;
    for (const { directory, id } of walkCgroups(root)) this.#directories.set(id, directory);
  }
}

function rootIfAny(): string | undefined {
  try {
    return cgroupRoot();
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

function isAt(directory: string, id: bigint): boolean {
  return statSync(directory, { bigint: true, throwIfNoEntry: false })?.ino === id;
}

function directoryFromKernel(root: string, id: bigint): string | undefined {
  const fd = openByCgroupId(root, id);
  if (fd === undefined) return undefined;
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    // One that was removed has " (deleted)" behind its name.
    return (path === root || path.startsWith(`${root}/`)) && isAt(path, id) ? path : undefined;
  } finally {
    closeSync(fd);
  }
}
