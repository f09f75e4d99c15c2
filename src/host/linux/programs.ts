// Our own code as another user: where that user cannot reach the files, copies are made that he can read.
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
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { PreparedProgram, ProgramUser } from '../host.ts';

/** The directory of the running code, src/ or dist/, and the package that it belongs to. */
const CODE_ROOT = dirname(dirname(import.meta.dirname));
const PACKAGE_ROOT = dirname(CODE_ROOT);
/** What of koffi is not needed when it runs. */
const KOFFI_UNUSED: ReadonlySet<string> = new Set(['doc', 'vendor', 'build']);
/** <fcntl.h>: a descriptor that can be executed but not read. */
const O_PATH = 0o10000000;

/** Whether the mode of a file grants the bits (4 read, 1 execute or pass) to the user. */
function grants(path: string, user: ProgramUser, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** Whether the user may pass through every directory above a path. */
function isReachable(path: string, user: ProgramUser): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (!grants(at, user, 1)) return false;
    if (at === dirname(at)) return true;
  }
}

/** The directories of koffi and of its binary for this machine. */
function koffiDirectories(): { koffi: string; binary: string } {
  const koffi = dirname(fileURLToPath(import.meta.resolve('koffi')));
  return { koffi, binary: join(dirname(koffi), '@koromix', `koffi-linux-${process.arch}`) };
}

/** Copies a tree so that everybody can read it, whatever the modes of the original are. */
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

/** Copies our code and koffi into `directory`. */
function fixture(directory: string): void {
  const modules = join(directory, 'node_modules');
  for (const made of [directory, modules, join(modules, '@koromix')]) {
    mkdirSync(made, { recursive: true });
    chmodSync(made, 0o755);
  }
  copyFileSync(join(PACKAGE_ROOT, 'package.json'), join(directory, 'package.json'));
  chmodSync(join(directory, 'package.json'), 0o644);
  copyReadable(CODE_ROOT, join(directory, basename(CODE_ROOT)), (name) => !name.startsWith('.'));
  const { koffi, binary } = koffiDirectories();
  copyReadable(koffi, join(modules, 'koffi'), (name) => !KOFFI_UNUSED.has(name));
  copyReadable(binary, join(modules, '@koromix', basename(binary)));
}

function fixtureOrRemove(directory: string): void {
  try {
    fixture(directory);
  } catch (thrown) {
    rmSync(directory, { recursive: true, force: true });
    const hint = 'Make room there, or choose another directory with --runtime DIR.';
    const message = `cannot copy the code to ${directory}: ${messageOf(thrown)}`;
    throw new PortreeveError('CODE_NOT_COPIED', message, hint, { directory });
  }
}

/** Whether the user can read the code that is running, and koffi, where they are. */
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
 * Prepares running a file of ours as the user; `directory` is where copies go if he cannot read it where it is.
 * Throws PortreeveError `NODE_NOT_EXECUTABLE` (environment) if the mode of Node's own file keeps him from running it.
 */
export function prepareProgram(entry: string, user: ProgramUser, directory: string): PreparedProgram {
  const node = process.execPath;
  if (!grants(node, user, 1)) {
    const message = `uid ${user.uid}, as which the network is answered, may not run ${node}`;
    throw new PortreeveError('NODE_NOT_EXECUTABLE', message, `Allow it with: chmod a+rx ${node}`, {
      node,
    });
  }
  const isInPlace = isCodeReadable(entry, user);
  // Copies that a daemon which was killed has left are of no use either way.
  rmSync(directory, { recursive: true, force: true });
  if (!isInPlace) fixtureOrRemove(directory);
  const nodeFd = isReachable(node, user) ? undefined : openSync(node, constants.O_RDONLY | O_PATH);
  return {
    node,
    nodeFd,
    entry: isInPlace ? entry : join(directory, basename(CODE_ROOT), relative(CODE_ROOT, entry)),
    release: () => {
      if (nodeFd !== undefined) closeSync(nodeFd);
      if (!isInPlace) rmSync(directory, { recursive: true, force: true });
    },
  };
}
