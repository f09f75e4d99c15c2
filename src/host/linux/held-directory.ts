// Directories that several processes change: one holds it at a time, and two take each other's name at once.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { codeOf, PortreeveError } from '../../base/errors.ts';
import { GUARD_WAIT_MS } from '../../base/limits.ts';
import { AT_FDCWD, LOCK_EX, LOCK_NB, RENAME_EXCHANGE } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { addressOf } from './sys/memory.ts';

const RETRY_MS = 2;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/**
 * Holds a directory by flock(2), which the kernel takes back from whoever ends; undefined where there is none. Waits
 * for who has it, and blocks the thread meanwhile. Throws PortreeveError `BPF_BUSY` (environment) where that takes too
 * long: he may have been stopped.
 */
export function holdDirectory(path: string, waitMs = GUARD_WAIT_MS): { release(): void } | undefined {
  const end = performance.now() + waitMs;
  for (;;) {
    const fd = opened(path);
    if (fd === undefined) return undefined;
    try {
      if (!isTaken(fd, end)) throw busy(path, waitMs);
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    // Whoever held it may have taken it away, or put another one in its place.
    const isSame =
      statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === fstatSync(fd, { bigint: true }).ino;
    if (isSame) return { release: () => closeSync(fd) };
    closeSync(fd);
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Waits for it, until a time; false where somebody else has it then. */
function isTaken(fd: number, end: number): boolean {
  while (sys.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    if (errno() !== ERRNO['EWOULDBLOCK'] && errno() !== ERRNO['EAGAIN']) must(-1, 'flock');
    if (performance.now() > end) return false;
    Atomics.wait(PAUSE, 0, 0, RETRY_MS);
  }
  return true;
}

function busy(path: string, waitedMs: number): PortreeveError {
  const message = `another process has held ${path} for ${waitedMs / 1000} s`;
  const hint = 'Is a portreeve stopped in the middle of a change? Let it go on, or end it.';
  return new PortreeveError('BPF_BUSY', message, hint, { path });
}

/**
 * Two directories, or files, take each other's name (renameat2(2)). Throws PortreeveError `SYSTEM_CALL` (environment).
 */
export function exchangeNames(one: string, other: string): void {
  const [a, b] = [pathBytes(one), pathBytes(other)];
  must(sys.renameat2(AT_FDCWD, addressOf(a), AT_FDCWD, addressOf(b), RENAME_EXCHANGE), 'renameat2');
}

/** The path as the kernel reads it; an array of its own is not moved. */
function pathBytes(path: string): Uint8Array {
  return new TextEncoder().encode(`${path}\0`);
}
