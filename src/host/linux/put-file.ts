// Putting a file where there is one or none: whole or not at all, readable for everybody, with its directories.
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { syncDirectory } from './files.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Makes the file, or replaces what has its name; a link is replaced, not followed.
 * Throws PortreeveError `FILE_UNWRITABLE` (world).
 */
export function putFile(path: string, text: string): void {
  const beside = `${path}.${process.pid}.new`;
  let isMade = false;
  try {
    makeDirectory(dirname(path));
    const fd = openSync(beside, 'wx', FILE_MODE);
    isMade = true;
    try {
      // The umask does not hide it from others.
      fchmodSync(fd, FILE_MODE);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, path);
    isMade = false;
    syncDirectory(dirname(path));
  } catch (thrown) {
    if (isMade) rmSync(beside, { force: true });
    const hint = 'Check the permissions and the room of its directory.';
    throw new PortreeveError('world', 'FILE_UNWRITABLE', `cannot write ${path}: ${messageOf(thrown)}`, hint, {
      path,
    });
  }
}

/** Makes a directory and those above it where they are missing. */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory);
  chmodSync(directory, DIRECTORY_MODE);
}
