// Installs and uninstalls portreeve: checks the preconditions, and carries out a plan.
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

/** A part of the program that users other than root can change. */
export interface Changeable {
  readonly path: string;
  /** "belongs to uid 1000", "is writable by everyone". */
  readonly why: string;
}

/** The target system and its operations. */
export interface InstallDeps {
  readonly uid: number;
  readonly place: InstallPlace;
  /** The directory tree of another system, which must exist; undefined: this host. */
  readonly tree: { readonly path: string; readonly isThere: boolean } | undefined;
  /** Maps a path of the target system to a path of this one. */
  readonly at: (path: string) => string;
  /** The running program. Throws PortreeveError `PROGRAM_MISSING` (environment). */
  readonly program: () => InstalledProgram;
  /** The parts that the units would run and that users other than root can change. */
  readonly changeable: (program: InstalledProgram) => readonly Changeable[];
  /** These throw PortreeveError (environment) if the system refuses. */
  readonly put: (path: string, text: string) => void;
  readonly link: (path: string, target: string) => void;
  readonly remove: (path: string) => void;
  readonly run: (argv: readonly string[]) => void;
}

/** The options of an installation. */
export interface InstallRequest {
  readonly isDryRun: boolean;
  /** Replace foreign files. */
  readonly isForced: boolean;
  /** Run the program as root even if other users can change it. */
  readonly isPathAllowed: boolean;
}

/** The options of an uninstallation. */
interface UninstallRequest {
  readonly isDryRun: boolean;
  /** Also remove the state. */
  readonly isPurged: boolean;
}

/** A finding or a completed step, reported at once; a later failure undoes nothing. Paths are those of this system. */
export type InstallStep =
  | { readonly step: 'untrusted'; readonly changeable: readonly Changeable[] }
  | { readonly step: 'wrote' | 'removed'; readonly path: string }
  | { readonly step: 'linked'; readonly path: string; readonly target: string }
  | { readonly step: 'ran'; readonly argv: readonly string[] };

/** The result; `unchanged`: nothing needed to be done, `planned`: nothing was changed. */
interface Installed<Plan> {
  readonly outcome: 'unchanged' | 'planned' | 'done';
  readonly plan: Plan;
}

/**
 * Installs the units. Throws PortreeveError `NOT_ROOT` (environment), `ROOT_ABSENT` (usage),
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

/** Removes the units. Throws PortreeveError `NOT_ROOT` (environment) and `ROOT_ABSENT` (usage) before any change. */
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

/** Only root changes this host; any user can see the plan, and write into their own tree. */
function requirePlace({ uid, tree }: InstallDeps, isDryRun: boolean): void {
  if (tree === undefined && uid !== 0 && !isDryRun) {
    const hint = 'Run it as root, for example with sudo; --dry-run shows what it would do.';
    throw new PortreeveError('NOT_ROOT', 'only root can do this', hint, { uid });
  }
  if (tree === undefined || tree.isThere) return;
  const hint = 'The directory tree of the other system must exist.';
  const { path: root } = tree;
  throw new PortreeveError('ROOT_ABSENT', `there is no directory ${printable(root)}`, hint, {
    root,
  });
}

/** The parts of the program that are not trusted, as text. */
export function untrustedText(changeable: readonly Changeable[]): string {
  const lines = changeable.map(({ path, why }) => `  ${printable(path)} ${why}`);
  return `users other than root can change what the units would run:\n${lines.join('\n')}`;
}

function untrusted(changeable: readonly Changeable[]): PortreeveError {
  const hint =
    'Nothing was changed. Install a package, or run "npm install --global portreeve" as root, and run ' +
    '"portreeve install" from there. --allow-path installs it anyway.';
  const data = { paths: changeable.length };
  return new PortreeveError('PROGRAM_UNTRUSTED', untrustedText(changeable), hint, data);
}

function foreignFound(paths: readonly string[]): PortreeveError {
  const exists = paths.length === 1 ? 'exists' : 'exist';
  const message = `${paths.join(', ')} ${exists} and portreeve did not write ${paths.length === 1 ? 'it' : 'them'}`;
  const hint = 'Nothing was changed. Move it away, or replace it with --force.';
  return new PortreeveError('INSTALL_FOREIGN', message, hint, { paths: paths.join(' ') });
}
