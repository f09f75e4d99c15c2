// Runs our code as another user. If that user cannot read the files, copies are made.
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { PreparedProgram, ProgramUser } from '../host.ts';

/** The directory of the running code, src/ or dist/, and its package. */
const CODE_ROOT = dirname(dirname(import.meta.dirname));
const PACKAGE_ROOT = dirname(CODE_ROOT);
/** Parts of koffi that are not needed at run time. */
const KOFFI_UNUSED: ReadonlySet<string> = new Set(['doc', 'vendor', 'build']);
/** <fcntl.h>: a descriptor that can be executed but not read. */
const O_PATH = 0o10000000;

/** Whether the mode of a file grants the bits (4: read, 1: execute or search) to the user. */
function grants(path: string, user: ProgramUser, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** Whether the user has search permission for every directory of a path. */
function isReachable(path: string, user: ProgramUser): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (!grants(at, user, 1)) return false;
    if (at === dirname(at)) return true;
  }
}

/** The directories of koffi and of its binary for this architecture. */
function koffiDirectories(): { koffi: string; binary: string } {
  const koffi = dirname(createRequire(import.meta.filename).resolve('koffi'));
  return { koffi, binary: join(dirname(koffi), '@koromix', `koffi-linux-${process.arch}`) };
}

/** Copies a tree and makes it readable for everyone. */
function copyReadable(from: string, to: string, isWanted: (name: string) => boolean = () => true): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!isWanted(entry.name)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      copyReadable(source, target);
    } else if (entry.isFile()) {
      copyFileSync(source, target);
      chmodSync(target, 0o644);
    }
  }
}

/** Copies our code and koffi to `directory`. */
function copyCode(directory: string): void {
  const modules = join(directory, 'node_modules');
  for (const created of [directory, modules, join(modules, '@koromix')]) {
    mkdirSync(created, { recursive: true });
    chmodSync(created, 0o755);
  }
  copyFileSync(join(PACKAGE_ROOT, 'package.json'), join(directory, 'package.json'));
  chmodSync(join(directory, 'package.json'), 0o644);
  copyReadable(CODE_ROOT, join(directory, basename(CODE_ROOT)), (name) => !name.startsWith('.'));
  const { koffi, binary } = koffiDirectories();
  copyReadable(koffi, join(modules, 'koffi'), (name) => !KOFFI_UNUSED.has(name));
  copyReadable(binary, join(modules, '@koromix', basename(binary)));
}

function copyCodeOrRemove(directory: string): void {
  try {
    copyCode(directory);
  } catch (thrown) {
    rmSync(directory, { recursive: true, force: true });
    const hint = 'Free some space, or choose another directory with --runtime DIR.';
    const message = `cannot copy the code to ${directory}: ${messageOf(thrown)}`;
    throw new PortreeveError('CODE_NOT_COPIED', message, hint, { directory });
  }
}

/** Whether the user can read the running code and koffi in place. */
function isCodeReadable(entry: string, user: ProgramUser): boolean {
  const { koffi, binary } = koffiDirectories();
  return [
    entry,
    join(PACKAGE_ROOT, 'package.json'),
    join(koffi, 'package.json'),
    join(binary, 'package.json'),
  ].every((path) => grants(path, user, 4) && isReachable(path, user));
}

/**
 * Prepares one of our scripts to be run by the user. It is copied to `directory` if the user cannot read it in place.
 * Throws PortreeveError `NODE_NOT_EXECUTABLE` (environment) if the user has no permission to execute Node.
 */
export function prepareProgram(entry: string, user: ProgramUser, directory: string): PreparedProgram {
  const node = process.execPath;
  if (!grants(node, user, 1)) {
    const message = `the user of the portmap process, uid ${user.uid}, has no permission to execute ${node}`;
    throw new PortreeveError('NODE_NOT_EXECUTABLE', message, `Grant it with: chmod a+rx ${node}`, {
      node,
    });
  }
  const isReadable = isCodeReadable(entry, user);
  // Remove copies left behind by a daemon that was killed.
  rmSync(directory, { recursive: true, force: true });
  if (!isReadable) copyCodeOrRemove(directory);
  const nodeFd = isReachable(node, user) ? undefined : openSync(node, constants.O_RDONLY | O_PATH);
  return {
    node,
    nodeFd,
    entry: isReadable ? entry : join(directory, basename(CODE_ROOT), relative(CODE_ROOT, entry)),
    release: () => {
      if (nodeFd !== undefined) closeSync(nodeFd);
      if (!isReadable) rmSync(directory, { recursive: true, force: true });
    },
  };
}
