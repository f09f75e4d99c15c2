// `portreeve install` and `uninstall`: have systemd start portreeve, and undo it.
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import {
  hasCommand,
  isSystemdBooted,
  lookAt,
  putLink,
  remove,
  runCommand,
} from '../../host/linux/install.ts';
import { putFile } from '../../host/linux/put-file.ts';
import { pathInTree } from '../../host/linux/tree-path.ts';
import type { Io } from '../../kit/io.ts';
import type { InstallOptions, UninstallOptions } from '../commands.ts';
import {
  type InstallPlace,
  type InstallPlan,
  isDone,
  planInstall,
  planUninstall,
  type UninstallPlan,
} from './install.ts';
import { requireTrustedProgram } from './install-trust.ts';
import type { InstalledProgram } from './install-units.ts';

/** `portreeve install` */
export function installCommand(options: InstallOptions, io: Io): number {
  needRoot(options, io);
  needTree(options);
  const program = installedProgram();
  requireTrustedProgram(program, options.allowPath ?? false, io);
  const plan = planInstall(program, placeOf(options));
  const at = atRoot(options);
  if (plan.foreign.length > 0 && !options.force) throw foreignFound(plan.foreign.map(at));
  if (isDone(plan)) io.out('portreeve is installed; nothing was changed\n');
  else if (options.dryRun) io.out(planText(plan, at));
  else carryOut(plan, at, io);
  for (const note of plan.notes) io.out(`${note}\n`);
  return 0;
}

/** `portreeve uninstall` */
export function uninstallCommand(options: UninstallOptions, io: Io): number {
  needRoot(options, io);
  needTree(options);
  const plan = planUninstall(placeOf(options), options.purge ?? false);
  const at = atRoot(options);
  if (plan.paths.length + plan.trees.length === 0)
    io.out('portreeve is not installed; nothing was changed\n');
  else takeAway(plan, at, options.dryRun ?? false, io);
  for (const note of plan.notes) io.out(`${note}\n`);
  return 0;
}

/** Shows it whole, so that it can be done by hand. */
function planText({ files, links, commands }: InstallPlan, at: (path: string) => string): string {
  const indented = (text: string) => text.replace(/^(?=.)/gm, '  ');
  return [
    ...files.map(({ path, text }) => `would write ${at(path)}:\n${indented(text)}\n`),
    ...links.map(({ path, target }) => `would link ${at(path)} to ${target}\n`),
    ...commands.map((argv) => `would run: ${argv.join(' ')}\n`),
    'nothing was done\n',
  ].join('');
}

function carryOut({ files, links, commands }: InstallPlan, at: (path: string) => string, io: Io): void {
  for (const { path, text } of files) {
    putFile(at(path), text);
    io.out(`wrote ${at(path)}\n`);
  }
  for (const { path, target } of links) {
    putLink(at(path), target);
    io.out(`linked ${at(path)} to ${target}\n`);
  }
  runAll(commands, io);
}

function takeAway(plan: UninstallPlan, at: (path: string) => string, isDryRun: boolean, io: Io): void {
  const { before, after } = plan;
  const paths = [...plan.paths, ...plan.trees].map(at);
  if (isDryRun) {
    const run = (commands: readonly (readonly string[])[]) =>
      commands.map((argv) => `would run: ${argv.join(' ')}\n`);
    const lines = [
      ...run(before),
      ...paths.map((path) => `would remove ${path}\n`),
      ...run(after),
      'nothing was done\n',
    ];
    io.out(lines.join(''));
    return;
  }
  runAll(before, io);
  for (const path of paths) {
    remove(path);
    io.out(`removed ${path}\n`);
  }
  runAll(after, io);
}

function runAll(commands: readonly (readonly string[])[], io: Io): void {
  for (const argv of commands) {
    runCommand(argv);
    io.out(`ran ${argv.join(' ')}\n`);
  }
}

function placeOf({ root }: InstallOptions): InstallPlace {
  const at = atRoot({ root });
  const isLive = root === undefined;
  return { look: (path) => lookAt(at(path)), isLive, isBooted: isLive && isSystemdBooted(), hasCommand };
}

/** Where a path of the host is that is installed into. */
function atRoot({ root }: { readonly root?: string | undefined }): (path: string) => string {
  if (root === undefined) return (path) => path;
  // A link of the other system leads to where it leads there, and not into ours.
  return (path) => join(pathInTree(resolve(root), dirname(path)), basename(path));
}

/** The program as it runs now: bin/ lies above src/ and dist/ alike. */
function installedProgram(): InstalledProgram {
  try {
    const path = realpathSync(join(import.meta.dirname, '../../../bin/portreeve'));
    const node = dirname(process.execPath);
    // The Node of the package is found by bin/portreeve itself.
    const isBundled = node.startsWith(join(dirname(dirname(path)), 'node_modules/'));
    return { path, nodeDirectory: isBundled ? undefined : node };
  } catch (thrown) {
    const message = `cannot find the program: ${messageOf(thrown)}`;
    throw new PortreeveError('PROGRAM_MISSING', message, 'Install the whole package again.');
  }
}

function needRoot({ dryRun, root }: InstallOptions, { uid }: Io): void {
  if (uid === 0 || dryRun || root !== undefined) return;
  const hint = 'Run it as root, such as by sudo; --dry-run shows what it would do.';
  throw new PortreeveError('NOT_ROOT', 'only root can do this', hint, { uid });
}

function needTree({ root }: InstallOptions): void {
  if (root === undefined || statSync(root, { throwIfNoEntry: false })?.isDirectory()) return;
  const hint = 'The tree of the other system is to be there already.';
  throw new PortreeveError('ROOT_ABSENT', `there is no directory ${printable(root)}`, hint, {
    root,
  });
}

function foreignFound(paths: readonly string[]): PortreeveError {
  const is = paths.length === 1 ? 'is there and is' : 'are there and are';
  const message = `${paths.join(', ')} ${is} not portreeve's`;
  const hint = 'Nothing was done. Move it away, or replace it with --force.';
  return new PortreeveError('INSTALL_FOREIGN', message, hint, { paths: paths.join(' ') });
}
