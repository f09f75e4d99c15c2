// Changes the profile in force: in the archive, and in the kernel where the guard is there; in both or in neither.

import { PortreeveError } from '../../base/errors.ts';
import type { Files } from '../../host/host.ts';
import { RuleUsers, type RuleUsersDeps } from '../../job/app/rule-users.ts';
import { carryOut, type Plan, planAgain, planApply } from '../../profile/app/apply.ts';
import { readProfileText } from '../../profile/app/load.ts';
import { idsIn, type LoadedRacf, racfOf } from '../../profile/app/racf.ts';
import type { Report } from '../../profile/app/report.ts';
import type { ProfileSettings } from '../../profile/app/settings.ts';
import type { ProfileChange } from '../../profile/core/diff.ts';
import type { LiteralName } from '../../profile/core/literal-names.ts';
import type { Limit } from '../core/limits.ts';
import {
  type Change,
  changeGuarded,
  type GuardChoices,
  type GuardDeps,
  type Settled,
  settle,
} from './guard.ts';
import { notesBeside, requireExact, statementLimits } from './kernel-limits.ts';
import { isOfGuard, type Places } from './places.ts';
import { type Concerned, concernedBy, guardConcerned, type RestartDeps, unlessUnknown } from './restarts.ts';
import { namesIn, unknownIn } from './unknown-names.ts';

/** What a profile is changed with. */
export interface ChangeDeps extends GuardDeps, RestartDeps {
  readonly files: RestartDeps['files'] & Pick<Files, 'readBytes'>;
  readonly users: RuleUsersDeps;
}

/** What is to come into force: a file, with the RACF commands that go with it (absolute paths), or a revision again. */
export type ChangeSource =
  | { readonly verb: 'apply' | 'obey'; readonly path: string; readonly racf: string | undefined }
  | { readonly verb: 'again'; readonly revision: number };

/** What is requested. */
export interface ChangeRequest {
  readonly source: ChangeSource;
  readonly places: Places;
  readonly settings: ProfileSettings;
  readonly choices: GuardChoices;
  /** Ignore what z/OS would ignore. */
  readonly keepGoing: boolean;
  /** Change nothing that the kernel cannot do exactly. */
  readonly isExact: boolean;
  /** Change nothing. */
  readonly isDryRun: boolean;
  /** Go back after that time, in milliseconds, unless it is confirmed; undefined: it is for good. */
  readonly trialMs: number | undefined;
}

/** What is known as soon as it is, so that it can be shown also where what comes later fails. */
export type ChangeStep =
  | ({ readonly step: 'settled' } & Settled)
  | ({ readonly step: 'checked'; readonly report: Report } & Checked)
  | { readonly step: 'planned'; readonly changes: readonly ProfileChange[] };

/** What was found about rules before they come into force. */
interface Checked {
  /** Why the user database was not asked; undefined where it was, or need not be. */
  readonly usersSilent: PortreeveError | undefined;
  /** The names that are no unit's, no user's and no job's of this host. */
  readonly unknown: readonly LiteralName[];
  /** What the kernel does otherwise. */
  readonly limits: readonly Limit[];
}

/** What became of it. `concerned`: the sockets that are open already, or why they are not known. */
export type ChangeOutcome =
  | { readonly outcome: 'refused' }
  | {
      readonly outcome: 'planned';
      readonly revision: number;
      readonly verb: ChangeSource['verb'];
      readonly concerned: Concerned | PortreeveError;
    }
  | (Change & { readonly outcome: 'changed'; readonly concerned: Concerned | PortreeveError | undefined });

/**
 * Applies or obeys a file, or brings a revision back. Errors in the file refuse it. Throws PortreeveError for a file
 * that is not there, cannot be read or is no text, `REVISION_UNKNOWN`, `GUARD_INEXACT`, `ARCHIVE_MOVED` and what
 * changeGuarded() throws; nothing is changed then, but for a trial that had gone back by itself, which stays recorded.
 */
export async function changeProfile(
  deps: ChangeDeps,
  request: ChangeRequest,
  onStep: (step: ChangeStep) => void,
): Promise<ChangeOutcome> {
  const { places, settings, choices, isDryRun, trialMs } = request;
  if (trialMs !== undefined && deps.uid !== 0 && !isDryRun) throw notRoot(deps.uid);
  const isGuarded = isOfGuard(places, deps.uid);
  if (isGuarded && !isDryRun) onStep({ step: 'settled', ...settle(deps, choices) });
  const users = new RuleUsers(deps.users, isDryRun);
  const { readText, names } = users.files;
  const known = { ...deps, files: { readBytes: deps.files.readBytes, readText, names } };
  const { plan, usersSilent } = await planOf(known, request, isGuarded ? users : undefined);
  const { report, wanted, changes } = plan;
  if (plan.isRefused) {
    onStep({ step: 'checked', report, usersSilent, unknown: [], limits: [] });
    return { outcome: 'refused' };
  }
  const named = isGuarded ? await namesOf(wanted, settings, users, deps.users) : { usersSilent, unknown: [] };
  const limits = statementLimits(wanted, known, choices);
  onStep({ step: 'checked', report, ...named, usersSilent: usersSilent ?? named.usersSilent, limits });
  if (request.isExact) requireExact(limits);
  onStep({ step: 'planned', changes });
  const rules = { before: plan.before.head && plan.before, after: wanted };
  if (isDryRun) {
    const guard = () => guardConcerned(known, places, choices.pins);
    const concerned = unlessUnknown(() => concernedBy(known, rules, guard(), choices));
    return { outcome: 'planned', revision: plan.after + 1, verb: plan.revision.verb, concerned };
  }
  const { revision, guard, notes } = putInForce(known, request, plan, isGuarded);
  const concerned = guard && unlessUnknown(() => concernedBy(known, rules, guard, choices));
  return { outcome: 'changed', revision, guard, notes: notesBeside(notes, limits), concerned };
}

/** `users` are asked for those whom the RACF commands name. */
async function planOf(
  deps: ChangeDeps,
  { source, settings, keepGoing }: ChangeRequest,
  users: RuleUsers | undefined,
): Promise<{ readonly plan: Plan; readonly usersSilent: PortreeveError | undefined }> {
  if (source.verb === 'again') return { plan: planAgain(deps, source.revision), usersSilent: undefined };
  const { reading, sysname, tcpname } = settings;
  const { verb, path } = source;
  let racf: LoadedRacf | undefined;
  let usersSilent: PortreeveError | undefined;
  if (source.racf !== undefined) {
    const text = { path: source.racf, text: readProfileText(source.racf, deps.files) };
    usersSilent = await users?.ask({ names: [], ids: idsIn(text) });
    racf = racfOf(text, deps.files, { sysname, tcpname });
  }
  return { plan: planApply(deps, { verb, path, reading, keepGoing, tcpname, racf }), usersSilent };
}

/** Asks the user database for the names that no file has, and finds those that nobody has. */
async function namesOf(
  rules: Plan['wanted'],
  settings: ProfileSettings,
  users: RuleUsers,
  { isUnit }: Pick<RuleUsersDeps, 'isUnit'>,
): Promise<Pick<Checked, 'unknown' | 'usersSilent'>> {
  const { jobs, ids } = namesIn(rules, settings);
  const usersSilent = await users.ask({ names: jobs.map(({ name }) => name), ids });
  const isJob = (name: string) => isUnit(name) || settings.ownJobs.includes(name);
  return { usersSilent, unknown: unknownIn(jobs, users.files, isJob) };
}

/** Root changes what the kernel goes by, where the guard is there; everybody else records. */
function putInForce(
  deps: ChangeDeps,
  { choices, trialMs }: ChangeRequest,
  plan: Plan,
  isGuarded: boolean,
): Change {
  if (!isGuarded) return { revision: carryOut(deps, plan), guard: undefined, notes: [] };
  const change = { inForce: plan.wanted, revision: plan.after + 1, trialMs };
  return changeGuarded(deps, choices, change, () => carryOut(deps, plan, trialMs !== undefined));
}

function notRoot(uid: number): PortreeveError {
  const message = 'only root can put a profile on trial';
  return new PortreeveError('NOT_ROOT', message, 'Run it as root, such as by sudo.', { uid });
}
