// Finds who can modify what root will run: every file of a tree, the targets of links, and every parent directory.
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { LINKS_MAX } from './tree-path.ts';

/** A file, directory or link that users other than root can modify, or that could not be checked. */
interface Changeable {
  readonly path: string;
  /** "belongs to uid 1000", "is writable by group 50", "is writable by everyone", or why it could not be checked. */
  readonly why: string;
}

interface TreeLimits {
  /** The maximum number of files, directories and links. */
  readonly entries: number;
  /** The number of findings after which the check stops. */
  readonly findings: number;
}

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;

/**
 * Checks paths and their descendants. The mode is sufficient: with an access control list (acl(5)), the group bits are
 * its mask. A writable directory with the sticky bit counts too: other users can create a name in it that is looked up
 * before ours, such as node_modules.
 */
export class TrustedTree {
  readonly #limits: TreeLimits;
  readonly #checked = new Set<string>();
  readonly #listed = new Set<string>();
  readonly #found: Changeable[] = [];

  constructor(limits: TreeLimits) {
    this.#limits = limits;
  }

  /** The findings so far, in order. */
  get found(): readonly Changeable[] {
    return this.#found;
  }

  /** Checks a path and its descendants. A path that does not exist is not a finding. */
  add(path: string): void {
    const real = this.#follow(resolve(path));
    if (real !== undefined) this.#descend(real);
  }

  /** Checks a path without its descendants. */
  addPath(path: string): void {
    this.#follow(resolve(path));
  }

  get #isDone(): boolean {
    return this.#found.length >= this.#limits.findings;
  }

  /** Checks every component from the root and follows links. Returns the real path. */
  #follow(path: string): string | undefined {
    const rest = path.split('/');
    let at = '/';
    let links = 0;
    this.#inspect(at);
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '' || name === '.') continue;
      const next = name === '..' ? dirname(at) : resolve(at, name);
      const stat = this.#inspect(next);
      if (!stat) return undefined;
      if (!stat.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > LINKS_MAX) return this.#report(path, 'contains too many symbolic links');
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.unshift(...target.split('/'));
    }
    return at;
  }

  #descend(directory: string): void {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (!stat?.isDirectory() || this.#listed.has(directory)) return;
    this.#listed.add(directory);
    for (const name of this.#namesIn(directory)) {
      if (this.#isDone) return;
      const path = resolve(directory, name);
      const found = this.#inspect(path);
      if (found?.isSymbolicLink()) this.add(path);
      else if (found?.isDirectory()) this.#descend(path);
    }
  }

  #namesIn(directory: string): string[] {
    try {
      return readdirSync(directory);
    } catch (thrown) {
      this.#report(directory, `cannot be read: ${messageOf(thrown)}`);
      return [];
    }
  }

  /** Checks one component, once. */
  #inspect(path: string): Stats | undefined {
    try {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat || this.#checked.has(path)) return stat;
      this.#checked.add(path);
      const why =
        this.#checked.size > this.#limits.entries ? 'exceeds the maximum number of files' : otherWriter(stat);
      if (why !== undefined) this.#report(path, why);
      return stat;
    } catch (thrown) {
      this.#report(path, `cannot be inspected: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  #report(path: string, why: string): undefined {
    if (!this.#isDone) this.#found.push({ path, why });
  }
}

/** Who else can modify it. Undefined if only root can. A link has no mode. */
function otherWriter(stat: Pick<Stats, 'uid' | 'gid' | 'mode' | 'isSymbolicLink'>): string | undefined {
  const { uid, gid, mode } = stat;
  if (uid !== 0) return `belongs to uid ${uid}`;
  if (stat.isSymbolicLink()) return undefined;
  if ((mode & WRITABLE_BY_ALL) !== 0) return 'is writable by everyone';
  if ((mode & WRITABLE_BY_GROUP) !== 0) return `is writable by group ${gid}`;
  return undefined;
}
