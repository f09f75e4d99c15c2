// Finds the path of a cgroup by its ID: from the kernel as root, otherwise by a walk of the hierarchy.
import { closeSync, readlinkSync, statSync } from 'node:fs';
import { requireFailure } from '../../base/errors.ts';
import { CGROUP_PATHS_MAX } from '../../base/limits.ts';
import { cgroupRoot, walkCgroups } from './cgroup.ts';
import { openByCgroupId } from './sys/file-handle.ts';

/** Caches paths, and checks them before each use. */
export class CgroupPaths {
  readonly #directories = new Map<bigint, string>();
  #root: string | undefined;
  /** Whether all visible cgroups are cached, so that an unknown ID does not exist. */
  #isWalked = false;

  /** Permits another walk: cgroups may have been created since. */
  renew(): void {
    this.#isWalked = false;
    if (this.#directories.size > CGROUP_PATHS_MAX) this.#directories.clear();
  }

  /** The path relative to the root of the hierarchy. Undefined if there is no such cgroup of version 2. */
  pathOf(id: bigint): string | undefined {
    const directory = this.directoryOf(id);
    return directory === undefined ? undefined : directory.slice(this.#root?.length) || '/';
  }

  directoryOf(id: bigint): string | undefined {
    this.#root ??= rootIfAny();
    if (this.#root === undefined) return undefined;
    const known = this.#directories.get(id);
    // The path of a cgroup of version 2 never changes: it cannot be renamed.
    if (known !== undefined && isAt(known, id)) return known;
    this.#directories.delete(id);
    const found = directoryFromKernel(this.#root, id);
    if (found !== undefined) this.#directories.set(id, found);
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
    // A removed cgroup has " (deleted)" after its name.
    return (path === root || path.startsWith(`${root}/`)) && isAt(path, id) ? path : undefined;
  } finally {
    closeSync(fd);
  }
}
