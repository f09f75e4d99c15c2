// Changes the profile in force in the archive and, if the guard is on, in the kernel: in both or in neither.

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
import { otherNotes, requireExact, statementLimits } from './kernel-limits.ts';
import { changesGuard, type Places } from './places.ts';
import { type Affected, affectedBy, affectedGuard, type RestartDeps, unlessUnknown } from './restarts.ts';
import { namesIn, unknownIn } from './unknown-names.ts';

export interface ChangeDeps extends GuardDeps, RestartDeps {
  readonly files: RestartDeps['files'] & Pick<Files, 'readBytes'>;
  readonly users: RuleUsersDeps;
}

/** What to put in force: a file with its RACF commands (absolute paths), or an earlier revision. */
export type ChangeSource =
  | { readonly verb: 'apply' | 'obey'; readonly path: string; readonly racf: string | undefined }
  | { readonly verb: 'again'; readonly revision: number };

export interface ChangeRequest {
  readonly source: ChangeSource;
  readonly places: Places;
  readonly settings: ProfileSettings;
  readonly choices: GuardChoices;
  /** Ignore what z/OS would ignore. */
  readonly keepGoing: boolean;
  /** Change nothing where the kernel cannot enforce the profile exactly. */
  readonly isExact: boolean;
  readonly isDryRun: boolean;
  /** Revert after this many milliseconds unless the change is confirmed; undefined: the change is permanent. */
  readonly trialMs: number | undefined;
}

/** An intermediate result, which the command prints even if a later step fails. */
export type ChangeStep =
  | ({ readonly step: 'settled' } & Settled)
  | ({ readonly step: 'checked'; readonly report: Report } & Checked)
  | { readonly step: 'planned'; readonly changes: readonly ProfileChange[] };

/** The results of the checks before the rules are put in force. */
interface Checked {
  /** Why the user database gave no answer; undefined where it answered or was not needed. */
  readonly usersError: PortreeveError | undefined;
  /** The names that belong to no unit, user or job of this host. */
  readonly unknown: readonly LiteralName[];
  /** Where the kernel deviates from the profile. */
  readonly limits: readonly Limit[];
}

/** `affected`: the open sockets that the change affects, or why they are unknown. */
export type ChangeOutcome =
  | { readonly outcome: 'refused' }
  | {
      readonly outcome: 'planned';
      readonly revision: number;
      readonly verb: ChangeSource['verb'];
      readonly affected: Affected | PortreeveError;
    }
  | (Change & { readonly outcome: 'changed'; readonly affected: Affected | PortreeveError | undefined });

/**
 * Applies or obeys a file, or applies an earlier revision. A file with errors is refused. Throws PortreeveError for a
 * file that does not exist, cannot be read or is not text, `REVISION_UNKNOWN`, `GUARD_INEXACT`, `ARCHIVE_MOVED` and
 * what changeGuarded() throws; nothing is changed then, except that a reverted trial remains recorded.
 */
export async function changeProfile(
  deps: ChangeDeps,
  request: ChangeRequest,
  onStep: (step: ChangeStep) => void,
): Promise<ChangeOutcome> {
  const { places, settings, choices, isDryRun, trialMs } = request;
  if (trialMs !== undefined && deps.uid !== 0 && !isDryRun) throw notRoot(deps.uid);
  const isGuarded = changesGuard(places, deps.uid);
  if (isGuarded && !isDryRun) onStep({ step: 'settled', ...settle(deps, choices) });
  const users = new RuleUsers(deps.users, isDryRun);
  const { readText, names } = users.files;
  const known = { ...deps, files: { readBytes: deps.files.readBytes, readText, names } };
  const { plan, usersError } = await planOf(known, request, isGuarded ? users : undefined);
  const { report, wanted, changes } = plan;
  if (plan.isRefused) {
    onStep({ step: 'checked', report, usersError, unknown: [], limits: [] });
    return { outcome: 'refused' };
  }
  const named = isGuarded ? await namesOf(wanted, settings, users, deps.users) : { usersError, unknown: [] };
  const limits = statementLimits(wanted, known, choices);
  onStep({ step: 'checked', report, ...named, usersError: usersError ?? named.usersError, limits });
  if (request.isExact) requireExact(limits);
  onStep({ step: 'planned', changes });
  const rules = { before: plan.before.head && plan.before, after: wanted };
  if (isDryRun) {
    const guard = () => affectedGuard(known, places, choices.pins);
    const affected = unlessUnknown(() => affectedBy(known, rules, guard(), choices));
    return { outcome: 'planned', revision: plan.after + 1, verb: plan.revision.verb, affected };
  }
  const { revision, guard, notes } = putInForce(known, request, plan, isGuarded);
  const affected = guard && unlessUnknown(() => affectedBy(known, rules, guard, choices));
  return { outcome: 'changed', revision, guard, notes: otherNotes(notes, limits), affected };
}

/** `users` resolves the users and groups that the RACF commands name. */
async function planOf(
  deps: ChangeDeps,
  { source, settings, keepGoing }: ChangeRequest,
  users: RuleUsers | undefined,
): Promise<{ readonly plan: Plan; readonly usersError: PortreeveError | undefined }> {
  if (source.verb === 'again') return { plan: planAgain(deps, source.revision), usersError: undefined };
  const { reading, sysname, tcpname } = settings;
  const { verb, path } = source;
  let racf: LoadedRacf | undefined;
  let usersError: PortreeveError | undefined;
  if (source.racf !== undefined) {
    const text = { path: source.racf, text: readProfileText(source.racf, deps.files) };
    usersError = await users?.query({ names: [], ids: idsIn(text) });
    racf = racfOf(text, deps.files, { sysname, tcpname });
  }
  return { plan: planApply(deps, { verb, path, reading, keepGoing, tcpname, racf }), usersError };
}

/** Asks the user database for names that are in no file, and finds those that do not exist. */
async function namesOf(
  rules: Plan['wanted'],
  settings: ProfileSettings,
  users: RuleUsers,
  { isUnit }: Pick<RuleUsersDeps, 'isUnit'>,
): Promise<Pick<Checked, 'unknown' | 'usersError'>> {
  const { jobs, ids } = namesIn(rules, settings);
  const usersError = await users.query({ names: jobs.map(({ name }) => name), ids });
  const isJob = (name: string) => isUnit(name) || settings.ownJobs.includes(name);
  return { usersError, unknown: unknownIn(jobs, users.files, isJob) };
}

/** Root changes the archive and, if the guard is on, the kernel; other users change only their archive. */
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
  return new PortreeveError('NOT_ROOT', message, 'Run it as root, for example with sudo.', { uid });
}
