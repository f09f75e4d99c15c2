// Files as text, bounded, with an error that names the file.
import { closeSync, openSync, readSync } from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

/** The text of a file, undefined if there is none. Throws `FILE_UNREADABLE`, or `FILE_TOO_LARGE`, otherwise. */
export function readText(path: string, maxBytes: number): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw unreadable(path, thrown);
  }
  try {
    return readAll(fd, path, maxBytes);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, path: string, maxBytes: number): string {
  const buffer = new Uint8Array(maxBytes + 1);
  let length = 0;
  try {
    for (;;) {
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
      if (length > maxBytes) break;
    }
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  if (length > maxBytes) {
    const message = `${path} is larger than ${maxBytes} bytes`;
    throw new PortreeveError('usage', 'FILE_TOO_LARGE', message, 'Is it the file that you meant?', {
      path,
      maxBytes,
    });
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

function unreadable(path: string, thrown: unknown): PortreeveError {
  const hint = 'Check its permissions, and that it is a file.';
  return new PortreeveError('world', 'FILE_UNREADABLE', `cannot read ${path}: ${messageOf(thrown)}`, hint, {
    path,
  });
}
