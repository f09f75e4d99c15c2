// A lock file: whoever holds it writes his pid into it, and the kernel lets go of it when he ends, however he ends.
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Lock } from '../host.ts';
import { LOCK_EX, LOCK_NB } from './sys/constants.ts';
import { sys } from './sys/libc.ts';

/** Everybody may see who holds it. */
const MODE = 0o644;

/** Takes the lock (flock(2)), or gives the pid of who holds it, 0 if he has not written it yet. */
export function takeLock(path: string): Lock | { readonly heldBy: number } {
  let fd: number;
  try {
    // A link that somebody else put there is not followed.
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, MODE);
  } catch (thrown) {
    throw new PortreeveError(
      'world',
      'LOCK_FAILED',
      `cannot open the lock file ${path}: ${messageOf(thrown)}`,
      'Choose a directory that you may write with --runtime DIR.',
      { path },
    );
  }
  if (sys.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    return { heldBy: parseDecimal(readFileSync(path, 'utf8').trim(), PID_MAX) ?? 0 };
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return { release: () => closeSync(fd) };
}
