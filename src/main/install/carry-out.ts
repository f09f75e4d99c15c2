// Installs and uninstalls portreeve: refuses what must not be done, and carries a plan out.
import { PortreeveError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import {
  type InstallPlace,
  type InstallPlan,
  isDone,
  planInstall,
  planUninstall,
  type UninstallPlan,
} from './plan.ts';
import type { InstalledProgram } from './units.ts';

/** Something of the program that others than root can change. */
export interface Changeable {
  readonly path: string;
  /** "belongs to uid 1000", "is writable by everyone". */
  readonly why: string;
}

/** Where it is installed, and with what. */
export interface InstallDeps {
  readonly uid: number;
  readonly place: InstallPlace;
  /** The tree of another system, which has to be there; undefined: this host. */
  readonly tree: { readonly path: string; readonly isThere: boolean } | undefined;
  /** Where a path of the system is for us. */
  readonly at: (path: string) => string;
  /** The program as it runs now. Throws PortreeveError `PROGRAM_MISSING` (environment). */
  readonly program: () => InstalledProgram;
  /** What of it the units would run and others than root can change. */
  readonly changeable: (program: InstalledProgram) => readonly Changeable[];
  /** These throw PortreeveError (environment) where the system refuses. */
  readonly put: (path: string, text: string) => void;
  readonly link: (path: string, target: string) => void;
  readonly remove: (path: string) => void;
  readonly run: (argv: readonly string[]) => void;
}

/** What is requested. */
export interface InstallRequest {
  readonly isDryRun: boolean;
  /** Replace what is not ours. */
  readonly isForced: boolean;
  /** Run the program as root although others can change it. */
  readonly isPathAllowed: boolean;
}

/** What is requested. */
interface UninstallRequest {
  readonly isDryRun: boolean;
  /** Remove the state, too. */
  readonly isPurged: boolean;
}

/** What was found or done, as soon as it was; what was done before something fails stays. Paths are ours. */
export type InstallStep =
  | { readonly step: 'untrusted'; readonly changeable: readonly Changeable[] }
  | { readonly step: 'wrote' | 'removed'; readonly path: string }
  | { readonly step: 'linked'; readonly path: string; readonly target: string }
  | { readonly step: 'ran'; readonly argv: readonly string[] };

/** What became of it; `unchanged`: there was nothing to do, `planned`: nothing was done. */
interface Installed<Plan> {
  readonly outcome: 'unchanged' | 'planned' | 'done';
  readonly plan: Plan;
}

/**
 * Has systemd start portreeve. Throws PortreeveError `NOT_ROOT` (environment), `ROOT_ABSENT` (usage),
 * `PROGRAM_UNTRUSTED` and `INSTALL_FOREIGN` (refused) before anything is changed.
 */
export function install(
  deps: InstallDeps,
  { isDryRun, isForced, isPathAllowed }: InstallRequest,
  onStep: (step: InstallStep) => void,
): Installed<InstallPlan> {
  requirePlace(deps, isDryRun);
  const program = deps.program();
  const changeable = deps.changeable(program);
  if (changeable.length > 0 && !isPathAllowed) throw untrusted(changeable);
  if (changeable.length > 0) onStep({ step: 'untrusted', changeable });
  const plan = planInstall(program, deps.place);
  if (plan.foreign.length > 0 && !isForced) throw foreignFound(plan.foreign.map(deps.at));
  if (isDone(plan)) return { outcome: 'unchanged', plan };
  if (isDryRun) return { outcome: 'planned', plan };
  for (const { path, text } of plan.files) {
    deps.put(deps.at(path), text);
    onStep({ step: 'wrote', path: deps.at(path) });
  }
  for (const { path, target } of plan.links) {
    deps.link(deps.at(path), target);
    onStep({ step: 'linked', path: deps.at(path), target });
  }
  runAll(deps, plan.commands, onStep);
  return { outcome: 'done', plan };
}

/** Undoes it. Throws PortreeveError `NOT_ROOT` (environment) and `ROOT_ABSENT` (usage) before anything is changed. */
export function uninstall(
  deps: InstallDeps,
  { isDryRun, isPurged }: UninstallRequest,
  onStep: (step: InstallStep) => void,
): Installed<UninstallPlan> {
  requirePlace(deps, isDryRun);
  const plan = planUninstall(deps.place, isPurged);
  const paths = [...plan.paths, ...plan.trees];
  if (paths.length === 0) return { outcome: 'unchanged', plan };
  if (isDryRun) return { outcome: 'planned', plan };
  runAll(deps, plan.before, onStep);
  for (const path of paths.map(deps.at)) {
    deps.remove(path);
    onStep({ step: 'removed', path });
  }
  runAll(deps, plan.after, onStep);
  return { outcome: 'done', plan };
}

function runAll(
  { run }: InstallDeps,
  commands: readonly (readonly string[])[],
  onStep: (step: InstallStep) => void,
): void {
  for (const argv of commands) {
    run(argv);
    onStep({ step: 'ran', argv });
  }
}

/** Only root changes this host; anybody can look, and write into a tree of their own. */
function requirePlace({ uid, tree }: InstallDeps, isDryRun: boolean): void {
  if (tree === undefined && uid !== 0 && !isDryRun) {
    const hint = 'Run it as root, for example with sudo; --dry-run shows what it would do.';
    throw new PortreeveError('NOT_ROOT', 'only root can do this', hint, { uid });
  }
  if (tree === undefined || tree.isThere) return;
  const hint = 'The tree of the other system is to be there already.';
  const { path: root } = tree;
  throw new PortreeveError('ROOT_ABSENT', `there is no directory ${printable(root)}`, hint, {
    root,
  });
}

/** What the units would run, in words. */
export function untrustedText(changeable: readonly Changeable[]): string {
  const lines = changeable.map(({ path, why }) => `  ${printable(path)} ${why}`);
  return `the units would run what others than root can change:\n${lines.join('\n')}`;
}

function untrusted(changeable: readonly Changeable[]): PortreeveError {
  const hint =
    'Nothing was done. Install a package, or run "npm install --global portreeve" as root, and run ' +
    '"portreeve install" from there. --allow-path installs it all the same.';
  const data = { paths: changeable.length };
  return new PortreeveError('PROGRAM_UNTRUSTED', untrustedText(changeable), hint, data);
}

function foreignFound(paths: readonly string[]): PortreeveError {
  const is = paths.length === 1 ? 'is there and is' : 'are there and are';
  const message = `${paths.join(', ')} ${is} not portreeve's`;
  const hint = 'Nothing was done. Move it away, or replace it with --force.';
  return new PortreeveError('INSTALL_FOREIGN', message, hint, { paths: paths.join(' ') });
}
