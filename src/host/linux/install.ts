// The file system and process operations of the installer.
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

/** We never write larger files. */
const RESPONSE_MAX_BYTES = 1024 * 1024;
const COMMAND_MS = 60_000;
/** Directories of administration programs that an ordinary user's PATH does not contain. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin'];

/** What exists at a path. Throws PortreeveError `FILE_UNREADABLE` (environment). */
export function inspectPath(path: string): Present {
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
    const message = `cannot inspect ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNREADABLE', message, '', { path });
  }
}

/**
 * Creates a symbolic link, and replaces a file or link at that path. Throws PortreeveError `FILE_UNWRITABLE`
 * (environment).
 */
export function putLink(path: string, target: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    makeDirectory(dirname(path));
    symlinkSync(target, temporary);
    try {
      renameSync(temporary, path);
    } catch (thrown) {
      unlinkSync(temporary);
      throw thrown;
    }
  } catch (thrown) {
    const message = `cannot link ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNWRITABLE', message, '', { path });
  }
}

/** Removes a file, a link, or a directory with its contents. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
export function remove(path: string): void {
  try {
    rmSync(path, { recursive: true });
  } catch (thrown) {
    const message = `cannot remove ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('FILE_UNWRITABLE', message, '', { path });
  }
}

/** Whether systemd is the init process (sd_booted(3)). */
export function isSystemdBooted(): boolean {
  return existsSync('/run/systemd/system');
}

/** Whether a program is in PATH. */
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

/**
 * Runs a command and waits for it. Throws PortreeveError `COMMAND_FAILED` (environment) unless it exits with status 0.
 */
export function runCommand(argv: readonly string[]): void {
  const [program = '', ...args] = argv;
  const { status, signal, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: COMMAND_MS,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return;
  const why = error?.message ?? (stderr.trim() || (signal ?? `it exited with status ${status}`));
  const hint = `The steps before it were not undone. Run it yourself: ${argv.join(' ')}`;
  throw new PortreeveError('COMMAND_FAILED', `${argv.join(' ')}: ${why}`, hint, { program });
}
