// Lock files with flock(2), which the kernel releases when the holder exits for any reason. The holder writes its pid
// to the file.
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

/** Any user who can open the file, even for reading, could hold the lock (flock(2)). */
const MODE = 0o600;
const PERMISSIONS = 0o777;

/** The pid of the process that holds the lock on a file, by its inode in proc_locks(5). */
function holderOf(fd: number): number {
  const { ino } = fstatSync(fd);
  const lock = new RegExp(`FLOCK +ADVISORY +WRITE +(\\d+) [0-9a-f]+:[0-9a-f]+:${ino} `);
  try {
    return parseDecimal(lock.exec(readFileSync('/proc/locks', 'utf8'))?.[1] ?? '', PID_MAX) ?? 0;
  } catch {
    return 0;
  }
}

/** The file may have been created by another program, or by an older portreeve. */
function restrictMode(fd: number): void {
  const { uid, mode } = fstatSync(fd);
  if (uid === process.geteuid?.() && (mode & PERMISSIONS) !== MODE) fchmodSync(fd, MODE);
}

/** Takes the lock, or returns the pid of the process that holds it, 0 if unknown. */
export function takeLock(path: string): Lock | { readonly heldBy: number } {
  let fd: number | undefined;
  try {
    // Do not follow a link that another user created, and do not block on a pipe.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    fd = openSync(path, flags, MODE);
    restrictMode(fd);
    if (sys.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const heldBy = holderOf(fd);
      closeSync(fd);
      return { heldBy };
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (thrown) {
    if (fd !== undefined) closeSync(fd);
    const hint = 'Free some space, or choose other paths with --runtime DIR and --local PATH.';
    const message = `cannot take the lock ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('LOCK_FAILED', message, hint, { path });
  }
  const held = fd;
  return { release: () => closeSync(held) };
}
