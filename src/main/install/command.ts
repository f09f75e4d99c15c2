// `portreeve install` and `portreeve uninstall`: install the systemd units, and remove them.
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import {
  hasCommand,
  inspectPath,
  isSystemdBooted,
  putLink,
  remove,
  runCommand,
} from '../../host/linux/install.ts';
import { putFile } from '../../host/linux/put-file.ts';
import { pathInTree } from '../../host/linux/tree-path.ts';
import type { Io } from '../../kit/io.ts';
import type { InstallOptions, UninstallOptions } from '../commands.ts';
import { type InstallDeps, type InstallStep, install, uninstall, untrustedText } from './carry-out.ts';
import type { InstallPlan, UninstallPlan } from './plan.ts';
import { changeableParts } from './trust.ts';
import type { InstalledProgram } from './units.ts';

/** `portreeve install` */
export function installCommand(options: InstallOptions, io: Io): number {
  const { dryRun: isDryRun = false, force: isForced = false, allowPath: isPathAllowed = false } = options;
  const deps = installDeps(options, io);
  const { outcome, plan } = install(deps, { isDryRun, isForced, isPathAllowed }, printing(io));
  if (outcome === 'unchanged') io.out('portreeve is installed; nothing was changed\n');
  if (outcome === 'planned') io.out(installPlanText(plan, deps));
  for (const note of plan.notes) io.out(`${note}\n`);
  return 0;
}

/** `portreeve uninstall` */
export function uninstallCommand(options: UninstallOptions, io: Io): number {
  const { dryRun: isDryRun = false, purge: isPurged = false } = options;
  const deps = installDeps(options, io);
  const { outcome, plan } = uninstall(deps, { isDryRun, isPurged }, printing(io));
  if (outcome === 'unchanged') io.out('portreeve is not installed; nothing was changed\n');
  if (outcome === 'planned') io.out(uninstallPlanText(plan, deps));
  for (const note of plan.notes) io.out(`${note}\n`);
  return 0;
}

function printing(io: Io): (step: InstallStep) => void {
  return (step) => {
    if (step.step === 'untrusted') {
      const message = untrustedText(step.changeable);
      io.err(`portreeve: ${message}\nA user who can change it can become root.\n`);
    } else if (step.step === 'ran') io.out(`ran ${step.argv.join(' ')}\n`);
    else if (step.step === 'linked') io.out(`linked ${step.path} to ${step.target}\n`);
    else io.out(`${step.step} ${step.path}\n`);
  };
}

/** The complete plan, so that it can be carried out by hand. */
function installPlanText({ files, links, commands }: InstallPlan, { at }: InstallDeps): string {
  const indented = (text: string) => text.replace(/^(?=.)/gm, '  ');
  return [
    ...files.map(({ path, text }) => `would write ${at(path)}:\n${indented(text)}\n`),
    ...links.map(({ path, target }) => `would link ${at(path)} to ${target}\n`),
    commandsText(commands),
    'nothing was changed\n',
  ].join('');
}

function uninstallPlanText({ before, paths, trees, after }: UninstallPlan, { at }: InstallDeps): string {
  const removed = [...paths, ...trees].map((path) => `would remove ${at(path)}\n`);
  return [commandsText(before), ...removed, commandsText(after), 'nothing was changed\n'].join('');
}

function commandsText(commands: readonly (readonly string[])[]): string {
  return commands.map((argv) => `would run: ${argv.join(' ')}\n`).join('');
}

function installDeps({ root }: Pick<InstallOptions, 'root'>, { uid }: Io): InstallDeps {
  const at = atRoot(root);
  const isLive = root === undefined;
  const isBooted = isLive && isSystemdBooted();
  return {
    uid,
    place: { inspect: (path) => inspectPath(at(path)), isLive, isBooted, hasCommand },
    tree: isLive
      ? undefined
      : { path: root, isThere: statSync(root, { throwIfNoEntry: false })?.isDirectory() ?? false },
    at,
    program: installedProgram,
    changeable: changeableParts,
    put: putFile,
    link: putLink,
    remove,
    run: runCommand,
  };
}

/** Maps a path of the target system to a path of this one. */
function atRoot(root: string | undefined): (path: string) => string {
  if (root === undefined) return (path) => path;
  // A symbolic link in the tree is resolved within the tree.
  return (path) => join(pathInTree(resolve(root), dirname(path)), basename(path));
}

/** The running program: bin/ is next to src/ and to dist/. */
function installedProgram(): InstalledProgram {
  try {
    const path = realpathSync(join(import.meta.dirname, '../../../bin/portreeve'));
    const node = dirname(process.execPath);
    // bin/portreeve finds the Node of the package itself.
    const isBundled = node.startsWith(join(dirname(dirname(path)), 'node_modules/'));
    return { path, nodeDirectory: isBundled ? undefined : node };
  } catch (thrown) {
    const message = `cannot find the program: ${messageOf(thrown)}`;
    throw new PortreeveError('PROGRAM_MISSING', message, 'Reinstall the package.');
  }
}
