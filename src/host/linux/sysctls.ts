// The kernel's settings in /proc/sys, read and written whole however long they are.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { PORT_LIST_MAX_CHARACTERS } from '../../base/limits.ts';
import type { Sysctls } from '../host.ts';

/**
 * What the kernel takes of a list with one write(2): a page, less the zero behind it (proc_do_large_bitmap of
 * kernel/sysctl.c). What is written there first replaces the list, and what comes behind it is added.
 */
const PART_MAX_BYTES = 4095;
const NAME = /^[a-z0-9_]+(\.[a-z0-9_]+)+$/;

/** The settings of the host, and of the network namespace that this process is in. */
export const linuxSysctls: Sysctls = { read, write };

function read(name: string): string | undefined {
  const path = pathOf(name);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    // A list is given by the first read(2) only, cut off where the buffer ends.
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
      if (written < part.length) throw new Error(`only ${written} of ${part.length} bytes were taken`);
    }
  } catch (thrown) {
    const hint = HINTS[`${codeOf(thrown)}`] ?? '';
    const message = `cannot set ${name} to ${shortened(value)}: ${messageOf(thrown)}`;
    throw new PortreeveError('SYSCTL_REFUSED', message, hint, { name });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Parts that the kernel takes whole. Older kernels do not notice a number that is cut in two, so commas end them. */
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
  EACCES: 'It takes root.',
  EPERM: 'It takes root.',
  EROFS: 'The settings are read-only here, as in many containers. Run it on the host.',
  EINVAL: 'The kernel does not take this value.',
};

function pathOf(name: string): string {
  if (NAME.test(name)) return `/proc/sys/${name.replaceAll('.', '/')}`;
  throw new PortreeveError('SYSCTL_NAME', `"${name}" is not the name of a setting`);
}

function shortened(value: string): string {
  return value.length > 40 ? `${value.slice(0, 40)}…` : `"${value.replaceAll('\t', ' ')}"`;
}
