// What installing needs of the system: to look at paths, to put links, to take things away, and to run commands.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { Present } from '../host.ts';
import { readText } from './files.ts';
import { makeDirectory } from './put-file.ts';

/** Files that are longer are none of ours. */
const RESPONSE_MAX_BYTES = 1024 * 1024;
const COMMAND_MS = 60_000;
/** Where administrators' programs are, which an ordinary user's PATH leaves out. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin'];

/** What is at a path. Throws PortreeveError `FILE_UNREADABLE` (environment). */
export function lookAt(path: string): Present {
  const stat = statOf(path);
  if (!stat) return { kind: 'nothing' };
  if (stat.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
  if (stat.isDirectory()) return { kind: 'directory' };
  if (!stat.isFile() || stat.size > RESPONSE_MAX_BYTES) return { kind: 'other' };
  return { kind: 'file', text: readText(path, RESPONSE_MAX_BYTES) ?? '' };
}

function statOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    const message = `cannot look at ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNREADABLE', message, '', { path });
  }
}

/**
 * Makes a symbolic link, or replaces the file or link of its name. Throws PortreeveError `FILE_UNWRITABLE`
 * (environment).
 */
export function putLink(path: string, target: string): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    makeDirectory(dirname(path));
    symlinkSync(target, beside);
    try {
      renameSync(beside, path);
    } catch (thrown) {
      unlinkSync(beside);
      throw thrown;
    }
  } catch (thrown) {
    const message = `cannot link ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNWRITABLE', message, '', { path });
  }
}

/** Takes away a file, a link, or a directory with all in it. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
export function remove(path: string): void {
  try {
    rmSync(path, { recursive: true });
  } catch (thrown) {
    const message = `cannot remove ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNWRITABLE', message, '', { path });
  }
}

/** Whether systemd is the first process (sd_booted(3)). */
export function isSystemdBooted(): boolean {
  return existsSync('/run/systemd/system');
}

/** Whether there is a program of a name. */
export function hasCommand(name: string, path = process.env['PATH'] ?? ''): boolean {
  const directories = [...path.split(':'), ...SYSTEM_DIRECTORIES].filter((directory) => directory !== '');
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a command to its end. Throws PortreeveError `COMMAND_FAILED` (environment) unless it says that it is done. */
export function runCommand(argv: readonly string[]): void {
  const [program = '', ...args] = argv;
  const { status, signal, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: COMMAND_MS,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return;
  const why = error?.message ?? (stderr.trim() || (signal ?? `it ended with ${status}`));
  const hint = `What was done before it stays. Run it yourself: ${argv.join(' ')}`;
  throw new PortreeveError('COMMAND_FAILED', `${argv.join(' ')}: ${why}`, hint, { program });
}
