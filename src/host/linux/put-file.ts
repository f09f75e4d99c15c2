// Putting a file where there is one or none: whole or not at all, readable for everybody, with its directories.
import { chmodSync, existsSync, fchmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { orUnwritable, putWhole } from './files.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Makes the file, or replaces what has its name; a link is replaced, not followed.
 * Throws PortreeveError `FILE_UNWRITABLE` (environment).
 */
export function putFile(path: string, text: string): void {
  orUnwritable(path, 'Check the permissions and the room of its directory.', () => {
    makeDirectory(dirname(path));
    // The umask does not hide it from others.
    putWhole(path, text, (fd) => fchmodSync(fd, FILE_MODE));
  });
}

/** Makes a directory and those above it where they are missing. */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory);
  chmodSync(directory, DIRECTORY_MODE);
}
