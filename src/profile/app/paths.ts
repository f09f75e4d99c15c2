// Resolves and normalizes the paths of INCLUDE as text, without access to the disk.

/** Resolves `path` relative to the directory of the file `from`. */
export function resolvePath(path: string, from: string): string {
  if (path.startsWith('/')) return normalizePath(path);
  const slash = from.lastIndexOf('/');
  return normalizePath(slash < 0 ? path : `${from.slice(0, slash + 1)}${path}`);
}

/** Removes ".", empty parts, and "directory/..". */
export function normalizePath(path: string): string {
  const isAbsolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    const isBack = part === '..' && parts.length > 0 && parts.at(-1) !== '..';
    if (part === '' || part === '.' || (part === '..' && isAbsolute && parts.length === 0)) continue;
    if (isBack) parts.pop();
    else parts.push(part);
  }
  const text = parts.join('/');
  if (isAbsolute) return `/${text}`;
  return text === '' ? '.' : text;
}
