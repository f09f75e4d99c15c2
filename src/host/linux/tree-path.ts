// Paths of another system's tree: links in it lead where they would lead there, and never out of it.
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';

/** As many links in a path as the kernel follows (path_resolution(7)). */
export const LINKS_MAX = 40;

/**
 * Where a path of a tree is for us, its links followed as if the tree were "/"; what is not there is taken as it is
 * written. Throws PortreeveError `LINKS_LOOP` (environment).
 */
export function pathInTree(root: string, path: string): string {
  const rest = path.split('/');
  let links = 0;
  let at: string[] = [];
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at.pop();
      continue;
    }
    const target = targetOf(join(root, ...at, name));
    if (target === undefined) {
      at.push(name);
      continue;
    }
    if (++links > LINKS_MAX) throw loop(path);
    if (target.startsWith('/')) at = [];
    rest.unshift(...target.split('/'));
  }
  return join(root, ...at);
}

/** Where a link leads; undefined for what is none. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function loop(path: string): PortreeveError {
  return new PortreeveError('LINKS_LOOP', `${path} leads through too many links`, '', { path });
}
