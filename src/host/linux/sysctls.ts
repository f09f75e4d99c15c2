// Reads and writes kernel settings in /proc/sys completely, regardless of their length.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { PORT_LIST_MAX_CHARACTERS } from '../../base/limits.ts';
import type { Sysctls } from '../host.ts';

/**
 * What the kernel accepts of a list in one write(2): a page, minus the terminating NUL (proc_do_large_bitmap in
 * kernel/sysctl.c). The first write(2) replaces the list, further ones add to it.
 */
const PART_MAX_BYTES = 4095;
const NAME = /^[a-z0-9_]+(\.[a-z0-9_]+)+$/;

/** The settings of the host and of our network namespace. */
export const linuxSysctls: Sysctls = { read, write };

function read(name: string): string | undefined {
  const path = pathOf(name);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    // Only the first read(2) returns a list, truncated to the buffer.
    const buffer = Buffer.alloc(PORT_LIST_MAX_CHARACTERS);
    const length = readSync(fd, buffer, 0, buffer.length, null);
    if (length === buffer.length) throw new Error(`it is longer than ${length - 1} bytes`);
    return buffer.toString('latin1', 0, length).replace(/\n$/, '');
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    const message = `cannot read ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('SYSCTL_UNREADABLE', message, '', { name });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function write(name: string, value: string): void {
  const path = pathOf(name);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'w');
    for (const part of partsOf(`${value}\n`)) {
      const written = writeSync(fd, part);
      if (written < part.length) throw new Error(`only ${written} of ${part.length} bytes were accepted`);
    }
  } catch (thrown) {
    const hint = HINTS[`${codeOf(thrown)}`] ?? '';
    const message = `cannot set ${name} to ${shortened(value)}: ${messageOf(thrown)}`;
    throw new PortreeveError('SYSCTL_REFUSED', message, hint, { name });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Splits a list into parts. They end with a comma, because older kernels do not reject a number cut in two. */
export function partsOf(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > PART_MAX_BYTES) {
    const end = rest.lastIndexOf(',', PART_MAX_BYTES - 1) + 1;
    if (end === 0) break;
    parts.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...parts, rest];
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'It requires root.',
  EPERM: 'It requires root.',
  EROFS: 'The settings are read-only here, as in many containers. Run it on the host.',
  EINVAL: 'The kernel does not accept this value.',
};

function pathOf(name: string): string {
  if (NAME.test(name)) return `/proc/sys/${name.replaceAll('.', '/')}`;
  throw new PortreeveError('SYSCTL_NAME', `"${name}" is not the name of a kernel setting`);
}

function shortened(value: string): string {
  return value.length > 40 ? `${value.slice(0, 40)}…` : `"${value.replaceAll('\t', ' ')}"`;
}
