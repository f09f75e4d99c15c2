// Paths as a profile names its files by: put together and cleaned up as text, without a look at the disk.

/** The path that `path`, found in the file `from`, stands for. */
export function pathBeside(path: string, from: string): string {
  if (path.startsWith('/')) return cleaned(path);
  const slash = from.lastIndexOf('/');
  return cleaned(slash < 0 ? path : `${from.slice(0, slash + 1)}${path}`);
}

/** Without ".", without empty parts, and without ".." behind a directory. */
export function cleaned(path: string): string {
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
