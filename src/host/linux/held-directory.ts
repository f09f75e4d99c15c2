// Directories that several processes change: exclusive locking, and atomic exchange.
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
 * Locks a directory with flock(2), which the kernel releases when the process exits. Returns undefined if it does not
 * exist. Blocks the thread while another process holds it. Throws PortreeveError `BPF_BUSY` (environment) at the
 * timeout: the other process may be stopped.
 */
export function holdDirectory(path: string, waitMs = GUARD_WAIT_MS): { release(): void } | undefined {
  const end = performance.now() + waitMs;
  for (;;) {
    const fd = opened(path);
    if (fd === undefined) return undefined;
    try {
      if (!waitForLock(fd, end)) throw busy(path, waitMs);
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
    // The previous holder may have removed or replaced the directory.
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

/** Waits for the lock. Returns false at the timeout. */
function waitForLock(fd: number, end: number): boolean {
  while (sys.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    if (errno() !== ERRNO['EWOULDBLOCK'] && errno() !== ERRNO['EAGAIN']) must(-1, 'flock');
    if (performance.now() > end) return false;
    Atomics.wait(PAUSE, 0, 0, RETRY_MS);
  }
  return true;
}

function busy(path: string, waitedMs: number): PortreeveError {
  const message = `another process has held ${path} for ${waitedMs / 1000} s`;
  const hint = 'Is a portreeve stopped in the middle of a change? Resume or end it.';
  return new PortreeveError('BPF_BUSY', message, hint, { path });
}

/**
 * Exchanges the names of two directories or files (renameat2(2)). Throws PortreeveError `SYSTEM_CALL` (environment).
 */
export function exchangeNames(one: string, other: string): void {
  const [a, b] = [pathBytes(one), pathBytes(other)];
  must(sys.renameat2(AT_FDCWD, addressOf(a), AT_FDCWD, addressOf(b), RENAME_EXCHANGE), 'renameat2');
}

/** A NUL-terminated path. A separate array is never moved. */
function pathBytes(path: string): Uint8Array {
  return new TextEncoder().encode(`${path}\0`);
}
