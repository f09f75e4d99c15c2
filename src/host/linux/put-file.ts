// Creates or replaces files atomically, readable for everyone, with their parent directories.
import { chmodSync, existsSync, fchmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { orUnwritable, putWhole } from './files.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Creates or replaces a file. A link is replaced, not followed. Throws PortreeveError `FILE_UNWRITABLE` (environment).
 */
export function putFile(path: string, text: string): void {
  orUnwritable(path, 'Check the permissions and free space of its directory.', () => {
    makeDirectory(dirname(path));
    // Regardless of the umask.
    putWhole(path, text, (fd) => fchmodSync(fd, FILE_MODE));
  });
}

/** Creates a directory and its parents if missing. */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory);
  chmodSync(directory, DIRECTORY_MODE);
}
