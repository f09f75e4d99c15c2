// Reads and writes files, with size limits and errors that name the file.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { PIPE_WAIT_MS } from '../../base/limits.ts';

const CHUNK_BYTES = 64 * 1024;
/** The polling interval for a pipe without data. */
const PIPE_CHECK_MS = 5;
const PERMISSIONS = 0o7777;

/** Returns undefined if the file does not exist. Throws `FILE_UNREADABLE` or `FILE_TOO_LARGE`. */
export function readText(path: string, maxBytes: number): string | undefined {
  const bytes = readBytes(path, maxBytes);
  return bytes && new TextDecoder().decode(bytes);
}

/** Returns undefined if the file does not exist. Throws `FILE_UNREADABLE` or `FILE_TOO_LARGE`. */
export function readBytes(path: string, maxBytes: number): Uint8Array | undefined {
  let fd: number;
  try {
    // Without O_NONBLOCK, opening a pipe without a writer would block. So it reads as empty.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw unreadable(path, messageOf(thrown));
  }
  try {
    if (fstatSync(fd).isDirectory()) throw unreadable(path, 'it is a directory');
    return readAll(fd, path, maxBytes);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, path: string, maxBytes: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = readSome(fd, path, chunk);
    if (count === 0) return Buffer.concat(chunks, length);
    chunks.push(chunk.subarray(0, count));
    length += count;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
  }
}

/** Reads available data, and waits for a pipe with a writer. Returns 0 at the end. */
function readSome(fd: number, path: string, chunk: Uint8Array): number {
  // Set only once it is needed: the first call of performance.now() loads several modules of Node.
  let until: number | undefined;
  for (;;) {
    try {
      return readSync(fd, chunk);
    } catch (thrown) {
      if (codeOf(thrown) !== 'EAGAIN') throw unreadable(path, messageOf(thrown));
      until ??= performance.now() + PIPE_WAIT_MS;
      if (performance.now() > until) throw unreadable(path, `nothing came for ${PIPE_WAIT_MS / 1000} s`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_CHECK_MS);
    }
  }
}

/** The sorted names in a directory. Empty if it does not exist. Throws `FILE_UNREADABLE` otherwise. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return [];
    throw unreadable(path, messageOf(thrown));
  }
}

/**
 * Replaces an existing file atomically, and keeps its owner and mode. If the path is a link, its target is replaced.
 * Throws PortreeveError `FILE_UNWRITABLE` (environment).
 */
export function replaceFile(path: string, text: string): void {
  const hint = 'The file is as it was. Check the permissions of the file and of its directory.';
  orUnwritable(path, hint, () => {
    const target = realpathSync(path);
    const { mode, uid, gid } = statSync(target);
    putWhole(target, text, (fd) => {
      if (uid !== process.getuid?.() || gid !== process.getgid?.()) fchownSync(fd, uid, gid);
      fchmodSync(fd, mode & PERMISSIONS);
    });
  });
}

/**
 * Replaces what is at a path atomically. The new file is written next to it, with mode 600 until `prepare` has set its
 * owner and mode. Throws system errors.
 */
export function putWhole(target: string, text: string, prepare: (fd: number) => void): void {
  const temporary = `${target}.${process.pid}.new`;
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    try {
      prepare(fd);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, target);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
  syncDirectory(dirname(target));
}

/** Calls `write`. Throws PortreeveError `FILE_UNWRITABLE` (environment) if it fails. */
export function orUnwritable<Result>(path: string, hint: string, write: () => Result): Result {
  try {
    return write();
  } catch (thrown) {
    throw new PortreeveError('FILE_UNWRITABLE', `cannot write ${path}: ${messageOf(thrown)}`, hint, {
      path,
    });
  }
}

/** A new name is durable only after its directory was synced. */
function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The inode, size and times of a file, which change whenever it changes. Undefined if it does not exist. */
export function stampOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
}

export const linuxFiles = { readText, readBytes, stamp: stampOf, names: listDirectory } as const;

function tooLarge(path: string, maxBytes: number): PortreeveError {
  const message = `${path} is larger than ${maxBytes} bytes`;
  return new PortreeveError('FILE_TOO_LARGE', message, 'Is it the file that you meant?', {
    path,
    maxBytes,
  });
}

function unreadable(path: string, why: string): PortreeveError {
  const hint = 'Check its permissions, and that it is a file.';
  return new PortreeveError('FILE_UNREADABLE', `cannot read ${path}: ${why}`, hint, { path });
}
