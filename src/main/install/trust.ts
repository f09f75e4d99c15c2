// Finds the parts of the program that users other than root can change: the units will run it as root.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { INSTALL_FILES_MAX, INSTALL_FINDINGS_MAX } from '../../base/limits.ts';
import { packagesNeeded } from '../../host/linux/package-tree.ts';
import { TrustedTree } from '../../host/linux/trusted-tree.ts';
import type { Changeable } from './carry-out.ts';
import { type InstalledProgram, nodeSearchPath } from './units.ts';

const LIMITS = { entries: INSTALL_FILES_MAX, findings: INSTALL_FINDINGS_MAX };
/** The parts of the package that are run or loaded. */
const PARTS = ['package.json', 'bin', 'dist', 'node_modules'];

/** The Node that runs it, the package, and the packages that it needs. */
export function changeableParts(program: InstalledProgram): readonly Changeable[] {
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
