// Control groups of a simulated host: a tree of paths with processes, which a test modifies.
import { PortreeveError } from '../../../src/base/errors.ts';
import { JOB_CGROUP_PREFIX } from '../../../src/base/job.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../../../src/host/host.ts';

interface Node {
  readonly group: ControlGroup;
  readonly mark: { readonly job: string; readonly grantee: number } | undefined;
  readonly members: Set<number>;
}

/** The root has ID 1, and every further cgroup the next one. */
export class SimCgroups implements Cgroups {
  readonly #nodes = new Map<string, Node>();
  readonly #watched = new Set<{ readonly paths: readonly string[]; readonly onChange: () => void }>();
  /** The IDs of cgroups that must not be removed. */
  readonly #held = new Set<bigint>();
  #nextId = 1n;
  /** The number of calls of list(). */
  listed = 0;
  canReadMarks = true;
  /** Whether changes are not reported. */
  isMute = false;

  constructor() {
    this.#put('/', 0, undefined);
  }

  /** Creates a cgroup and its missing parents. */
  add(path: string, uid = 0): ControlGroup {
    const parent = parentOf(path);
    if (!this.#nodes.has(parent)) this.add(parent);
    return this.#put(path, uid, undefined).group;
  }

  /** Removes a cgroup with its descendants. */
  drop(path: string): void {
    for (const other of this.#nodes.keys()) {
      if (other === path || other.startsWith(`${path}/`)) this.#nodes.delete(other);
    }
    this.#notify(parentOf(path));
  }

  /** Puts a process into a cgroup. Undefined: the process has exited. */
  place(pid: number, path: string | undefined): void {
    for (const { members } of this.#nodes.values()) members.delete(pid);
    if (path !== undefined) this.#nodes.get(path)?.members.add(pid);
  }

  /** The cgroup of a process. */
  of(pid: number): string | undefined {
    return [...this.#nodes.values()].find(({ members }) => members.has(pid))?.group.path;
  }

  at(path: string): ControlGroup | undefined {
    return this.#nodes.get(path)?.group;
  }

  list(path: string, pick: (name: string) => 'leave' | 'take' | 'enter'): ControlGroup[] {
    this.listed++;
    const below = [...this.#nodes.values()].filter(({ group }) => parentOf(group.path) === path);
    return below.flatMap(({ group }) => {
      const picked = pick(group.path.slice(group.path.lastIndexOf('/') + 1));
      if (group.path === '/' || picked === 'leave') return [];
      return picked === 'enter' ? [group, ...this.list(group.path, pick)] : [group];
    });
  }

  watch(paths: readonly string[], onChange: () => void): { close(): void } {
    const watched = { paths, onChange };
    this.#watched.add(watched);
    return { close: () => void this.#watched.delete(watched) };
  }

  get watched(): string[] {
    return [...this.#watched].flatMap(({ paths }) => paths);
  }

  marked(): JobCgroup[] {
    if (!this.canReadMarks) return [];
    return [...this.#nodes.values()].flatMap(({ group, mark }) => (mark ? [{ ...group, ...mark }] : []));
  }

  make(parent: string, name: string, job: string, grantee: number): JobCgroup {
    if (!this.#nodes.has(parent)) throw failed(parent, 'is not there');
    const wanted = `${parent === '/' ? '' : parent}/${JOB_CGROUP_PREFIX}${name}`;
    const path = this.#nodes.has(wanted) ? `${wanted}.${this.#nextId}` : wanted;
    return { ...this.#put(path, 0, { job, grantee }).group, job, grantee };
  }

  move(pid: number, into: ControlGroup): void {
    if (this.#nodes.get(into.path)?.group.id !== into.id) throw failed(into.path, 'was replaced');
    this.place(pid, into.path);
  }

  members({ path }: ControlGroup): number[] {
    return [...(this.#nodes.get(path)?.members ?? [])];
  }

  hold({ id }: ControlGroup): { release(): void } {
    this.#held.add(id);
    return { release: () => void this.#held.delete(id) };
  }

  remove({ path, id }: ControlGroup): boolean {
    if (this.#held.has(id)) return false;
    const node = this.#nodes.get(path);
    if (node?.group.id !== id) return true;
    const isUsed = node.members.size > 0 || [...this.#nodes.keys()].some((other) => parentOf(other) === path);
    if (!isUsed) this.drop(path);
    return !isUsed;
  }

  #put(path: string, uid: number, mark: Node['mark']): Node {
    const node = { group: { path, id: this.#nextId++, uid }, mark, members: new Set<number>() };
    this.#nodes.set(path, node);
    this.#notify(parentOf(path));
    return node;
  }

  #notify(path: string): void {
    if (this.isMute) return;
    for (const { paths, onChange } of [...this.#watched]) if (paths.includes(path)) onChange();
  }
}

function parentOf(path: string): string {
  return path === '/' ? '' : path.slice(0, path.lastIndexOf('/')) || '/';
}

function failed(path: string, why: string): PortreeveError {
  return new PortreeveError('CGROUP_FAILED', `the cgroup ${path} ${why}`, '', { path });
}
