// Who can change what root will run: every file of a tree, what links in it lead to, and every directory on the way.
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { LINKS_MAX } from './tree-path.ts';

/** A file, directory or link that others than root can change, or that cannot be told of. */
interface Changeable {
  readonly path: string;
  /** "belongs to uid 1000", "can be written by group 50", "can be written by everybody", or why it cannot be told. */
  readonly why: string;
}

/** How much is looked at. */
interface TreeLimits {
  /** Files, directories and links. */
  readonly entries: number;
  /** Findings after which it is not looked further. */
  readonly findings: number;
}

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;

/**
 * Looks at paths, with all below those that are directories. The mode says all: where there is an access control list
 * (acl(5)) its group bits are the mask, without which no entry grants anything. A directory with the sticky bit counts
 * as well: others can put a name there that is looked up before ours, such as node_modules.
 */
export class TrustedTree {
  readonly #limits: TreeLimits;
  readonly #judged = new Set<string>();
  readonly #listed = new Set<string>();
  readonly #found: Changeable[] = [];

  constructor(limits: TreeLimits) {
    this.#limits = limits;
  }

  /** What was found so far, in the order in which it was. */
  get found(): readonly Changeable[] {
    return this.#found;
  }

  /** Looks at a path and, if it is a directory, at all in it. What is not there is not a finding. */
  add(path: string): void {
    const real = this.#follow(resolve(path));
    if (real !== undefined) this.#descend(real);
  }

  /** Looks at a path and nothing below it. */
  addPath(path: string): void {
    this.#follow(resolve(path));
  }

  get #isDone(): boolean {
    return this.#found.length >= this.#limits.findings;
  }

  /** Looks at every component, from the root on, following links; gives where it leads, without any. */
  #follow(path: string): string | undefined {
    const rest = path.split('/');
    let at = '/';
    let links = 0;
    this.#look(at);
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '' || name === '.') continue;
      const next = name === '..' ? dirname(at) : resolve(at, name);
      const stat = this.#look(next);
      if (!stat) return undefined;
      if (!stat.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > LINKS_MAX) return this.#report(path, 'leads through too many links');
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
      const found = this.#look(path);
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

  /** Judges one component, once. */
  #look(path: string): Stats | undefined {
    try {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat || this.#judged.has(path)) return stat;
      this.#judged.add(path);
      const why = this.#judged.size > this.#limits.entries ? 'is one file too many' : changeableBy(stat);
      if (why !== undefined) this.#report(path, why);
      return stat;
    } catch (thrown) {
      this.#report(path, `cannot be looked at: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  #report(path: string, why: string): undefined {
    if (!this.#isDone) this.#found.push({ path, why });
  }
}

/** By whom else it can be changed; undefined where root alone can. A link has no mode. */
function changeableBy(stat: Pick<Stats, 'uid' | 'gid' | 'mode' | 'isSymbolicLink'>): string | undefined {
  const { uid, gid, mode } = stat;
  if (uid !== 0) return `belongs to uid ${uid}`;
  if (stat.isSymbolicLink()) return undefined;
  if ((mode & WRITABLE_BY_ALL) !== 0) return 'can be written by everybody';
  if ((mode & WRITABLE_BY_GROUP) !== 0) return `can be written by group ${gid}`;
  return undefined;
}
