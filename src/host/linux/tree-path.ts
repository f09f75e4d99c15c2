// Resolves paths in the directory tree of another system. Links never lead out of the tree.
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';

/** The limit of the kernel (path_resolution(7)). */
export const LINKS_MAX = 40;

/**
 * Resolves a path as if the tree were "/". Components that do not exist are kept as they are. Throws PortreeveError
 * `LINKS_LOOP` (environment).
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

/** The target of a link. Undefined if the path is not a link. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function loop(path: string): PortreeveError {
  return new PortreeveError('LINKS_LOOP', `${path} contains too many symbolic links`, '', { path });
}
