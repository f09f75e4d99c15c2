// What the units will run as root is refused where anybody else can change it.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { INSTALL_FILES_MAX, INSTALL_FINDINGS_MAX } from '../../base/limits.ts';
import { printable } from '../../base/printable.ts';
import { packagesNeeded } from '../../host/linux/package-tree.ts';
import { type Changeable, TrustedTree } from '../../host/linux/trusted-tree.ts';
import type { Io } from '../../kit/io.ts';
import { type InstalledProgram, nodeSearchPath } from './install-units.ts';

const LIMITS = { entries: INSTALL_FILES_MAX, findings: INSTALL_FINDINGS_MAX };
/** What of the package is run or loaded; what else a clone has is not. */
const PARTS = ['package.json', 'bin', 'dist', 'node_modules'];

/**
 * Throws PortreeveError `PROGRAM_UNTRUSTED` (refused) if others than root can change what the units run, unless that is
 * allowed: then it is told.
 */
export function requireTrustedProgram(program: InstalledProgram, isAllowed: boolean, io: Io): void {
  const found = changeable(program);
  if (found.length === 0) return;
  const lines = found.map(({ path, why }) => `  ${printable(path)} ${why}`);
  const message = `the units would run what others than root can change:\n${lines.join('\n')}`;
  if (isAllowed) {
    io.err(`portreeve: ${message}\nWhoever can change it can become root.\n`);
    return;
  }
  const hint =
    'Nothing was done. Install a package, or run "npm install --global portreeve" as root, and run ' +
    '"portreeve install" from there. --allow-path installs it all the same.';
  throw new PortreeveError('PROGRAM_UNTRUSTED', message, hint, { paths: found.length });
}

function changeable(program: InstalledProgram): readonly Changeable[] {
  const tree = new TrustedTree(LIMITS);
  const root = dirname(dirname(program.path));
  for (const directory of nodeSearchPath(program)) {
    if (existsSync(directory)) tree.addPath(directory);
    tree.addPath(join(directory, 'node'));
  }
  tree.addPath(process.execPath);
  for (const part of PARTS) tree.add(join(root, part));
  for (const directory of packagesNeeded(root)) tree.add(directory);
  return tree.found;
}
