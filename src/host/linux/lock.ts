// A lock file: whoever holds it writes his pid into it, and the kernel lets go of it when he ends, however he ends.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Lock } from '../host.ts';
import { LOCK_EX, LOCK_NB } from './sys/constants.ts';
import { sys } from './sys/libc.ts';

/** Whoever can open the file can hold the lock, for reading as well (flock(2)): another user would keep us out. */
const MODE = 0o600;
const PERMISSIONS = 0o777;

/** Who holds the lock on a file: the kernel's list of locks (proc_locks(5)) names the process and the inode. */
function holderOf(fd: number): number {
  const { ino } = fstatSync(fd);
  const lock = new RegExp(`FLOCK +ADVISORY +WRITE +(\\d+) [0-9a-f]+:[0-9a-f]+:${ino} `);
  try {
    return parseDecimal(lock.exec(readFileSync('/proc/locks', 'utf8'))?.[1] ?? '', PID_MAX) ?? 0;
  } catch {
    return 0;
  }
}

/** The file may have been made by another program, or by an older portreeve. */
function keepOthersOut(fd: number): void {
  const { uid, mode } = fstatSync(fd);
  if (uid === process.geteuid?.() && (mode & PERMISSIONS) !== MODE) fchmodSync(fd, MODE);
}

/** Takes the lock (flock(2)), or gives the pid of who holds it, 0 if that cannot be seen. */
export function takeLock(path: string): Lock | { readonly heldBy: number } {
  let fd: number | undefined;
  try {
    // A link that somebody else put there is not followed, and a pipe not waited for.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    fd = openSync(path, flags, MODE);
    keepOthersOut(fd);
    if (sys.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const heldBy = holderOf(fd);
      closeSync(fd);
      return { heldBy };
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (thrown) {
    if (fd !== undefined) closeSync(fd);
    const hint = 'Make room there, or choose other places with --runtime DIR and --local PATH.';
    const message = `cannot take the lock ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('LOCK_FAILED', message, hint, { path });
  }
  const held = fd;
  return { release: () => closeSync(held) };
}
