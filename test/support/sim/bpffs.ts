// The BPF file system of the simulated kernel: directories, pins, and locks on directories.
import { PortreeveError } from '../../../src/base/errors.ts';
import { bpfError, type SimObject } from './bpf-objects.ts';

/** The mount point. */
const ROOT = '/sys/fs/bpf';

/** A directory, independent of its path. */
interface Directory {
  readonly names: Map<string, SimObject>;
  isHeld: boolean;
}

const split = (path: string): readonly [above: string, name: string] => {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
};

/** It is mounted when the first directory is created. */
export class SimBpffs {
  readonly #directories = new Map<string, Directory>();

  get isMounted(): boolean {
    return this.#directories.has(ROOT);
  }

  /** All paths except the root, sorted. */
  paths(): string[] {
    const directories = [...this.#directories].flatMap(([path, { names }]) => [
      path,
      ...[...names.keys()].map((name) => `${path}/${name}`),
    ]);
    return directories.filter((path) => path !== ROOT).sort();
  }

  objects(): SimObject[] {
    return [...this.#directories.values()].flatMap(({ names }) => [...names.values()]);
  }

  /** Creates a directory and its parents. Returns whether the file system was mounted for it. */
  make(path: string): boolean {
    const isNew = !this.isMounted;
    if (path !== ROOT && !path.startsWith(`${ROOT}/`)) throw bpfError('mkdir', 'EPERM');
    for (let at = path; at !== split(ROOT)[0]; [at] = split(at)) {
      if (!this.#directories.has(at)) this.#directories.set(at, { names: new Map(), isHeld: false });
    }
    return isNew;
  }

  /** Removes a directory with its contents. */
  remove(path: string): void {
    for (const one of [...this.#directories.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) this.#directories.delete(one);
    }
  }

  /** Unmounts it if it is empty. */
  unmount(): void {
    if (this.paths().length === 0) this.#directories.delete(ROOT);
  }

  get(path: string): SimObject | undefined {
    const [above, name] = split(path);
    return this.#directories.get(above)?.names.get(name);
  }

  pin(path: string, object: SimObject): void {
    const [above, name] = split(path);
    const directory = this.#directories.get(above);
    if (!directory) throw bpfError('OBJ_PIN', 'ENOENT');
    if (directory.names.has(name) || this.#directories.has(path)) throw bpfError('OBJ_PIN', 'EEXIST');
    directory.names.set(name, object);
  }

  unpin(path: string): boolean {
    const [above, name] = split(path);
    return this.#directories.get(above)?.names.delete(name) ?? false;
  }

  /** rename(2). Returns false if the target is a non-empty directory. */
  rename(from: string, to: string): boolean {
    const object = this.get(from);
    if (object) {
      this.unpin(from);
      this.unpin(to);
      this.pin(to, object);
      return true;
    }
    const directory = this.#directories.get(from);
    if (!directory) throw bpfError('rename', 'ENOENT');
    if ((this.#directories.get(to)?.names.size ?? 0) > 0) return false;
    this.#directories.delete(from);
    this.#directories.set(to, directory);
    return true;
  }

  /** renameat2(2) with RENAME_EXCHANGE, for directories. */
  exchange(one: string, other: string): void {
    const [a, b] = [this.#directories.get(one), this.#directories.get(other)];
    if (!a || !b) throw bpfError('renameat2', 'ENOENT');
    this.#directories.set(one, b);
    this.#directories.set(other, a);
  }

  /** Locks a directory, also across renames. Undefined if it does not exist. Throws at once if it is locked. */
  hold(path: string): { release(): void } | undefined {
    const directory = this.#directories.get(path);
    if (!directory) return undefined;
    if (directory.isHeld) throw new PortreeveError('BPF_BUSY', `another process has held ${path}`);
    directory.isHeld = true;
    return {
      release: () => {
        directory.isHeld = false;
      },
    };
  }
}
