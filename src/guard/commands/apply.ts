// `portreeve apply` and `obey`: change the profile in force, as a whole or not at all.
import { resolve } from 'node:path';
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { CommandUsers } from '../../job/commands/host-users.ts';
import { parseDuration } from '../../kit/duration.ts';
import type { Io } from '../../kit/io.ts';
import { type ApplyDoors, carryOut, type Plan, planAgain, planApply } from '../../profile/app/apply.ts';
import { readProfileText } from '../../profile/app/load.ts';
import { idsIn, type LoadedRacf, racfOf } from '../../profile/app/racf.ts';
import { changesSummary, changesText } from '../../profile/commands/changes.ts';
import { diagnosticsText, summaryText } from '../../profile/commands/diagnostics.ts';
import {
  ownState,
  type ProfileSettings,
  profileFile,
  revisionNumber,
  settleProfile,
} from '../../profile/commands/settings.ts';
import type { Change } from '../app/guard.ts';
import { applyDoors, isOfGuard } from './apply-deps.ts';
import type { ApplyOptions } from './index.ts';
import { tellNotes } from './notes.ts';
import { tellUnknown } from './unknown-names.ts';

/** What was typed, with how long the profile is on trial (milliseconds); undefined: it is not. */
interface Chosen extends ApplyOptions {
  readonly trialMs: number | undefined;
  readonly users?: CommandUsers | undefined;
}

export async function applyCommand(file: string | undefined, options: ApplyOptions, io: Io): Promise<number> {
  if (file !== undefined && options.revision !== undefined) throw bothGiven();
  const chosen = { ...options, trialMs: trialOf(options, io) };
  await settleGuard(options, io);
  if (options.revision === undefined) return changeTo('apply', file, chosen, io);
  const doors = applyDoors(options, io);
  const plan = planAgain(doors, revisionNumber(options.revision));
  return carryOutPlan(plan, doors, { ...chosen, users: await usersFor(options, io) }, io);
}

function trialOf({ try: text, dryRun }: ApplyOptions, { uid }: Io): number | undefined {
  if (text === undefined) return undefined;
  const trialMs = parseDuration(text, TRIAL);
  if (uid !== 0 && !dryRun) throw notRoot(uid);
  return trialMs;
}

export async function obeyCommand(file: string, options: ApplyOptions, io: Io): Promise<number> {
  await settleGuard(options, io);
  return changeTo('obey', file, { ...options, trialMs: undefined }, io);
}

async function changeTo(
  verb: 'apply' | 'obey',
  file: string | undefined,
  options: Chosen,
  io: Io,
): Promise<number> {
  const settings = await settleProfile(options, io);
  const users = await usersFor(options, io);
  const doors = applyDoors(options, io, users?.files);
  const { reading, tcpname } = settings;
  const plan = planApply(doors, {
    verb,
    path: resolve(profileFile(file, settings)),
    reading,
    keepGoing: options.keepGoing ?? false,
    tcpname,
    racf: await racfFor(settings, doors, users, io),
  });
  return carryOutPlan(plan, doors, { ...options, users }, io);
}

/** Who is a user of this host matters where its guard goes by the profile. */
async function usersFor(options: ApplyOptions, io: Io): Promise<CommandUsers | undefined> {
  if (!isOfGuard(options, io)) return undefined;
  const { CommandUsers } = await import('../../job/commands/host-users.ts');
  return new CommandUsers(ownState(options.state, io), options.dryRun);
}

/** The RACF commands that go with it, by the users of this host whom they name. */
async function racfFor(
  { racf, sysname, tcpname }: ProfileSettings,
  { files }: ApplyDoors,
  users: CommandUsers | undefined,
  io: Io,
): Promise<LoadedRacf | undefined> {
  if (racf === undefined) return undefined;
  const path = resolve(racf);
  const text = { path, text: readProfileText(path, files) };
  await users?.ask({ names: [], ids: idsIn(text) }, io);
  return racfOf(text, files, { sysname, tcpname });
}

async function carryOutPlan(plan: Plan, doors: ApplyDoors, options: Chosen, io: Io): Promise<number> {
  const { dryRun, verbose } = options;
  const { report, changes, isRefused, revision } = plan;
  io.err(diagnosticsText({ ...io, columns: undefined }, report, { verbose }));
  if (report.counts.error + report.counts.warning + report.skipped > 0) io.err(`${summaryText(report)}\n`);
  if (isRefused) {
    io.err('portreeve: nothing is changed: what is in force stays in force\n');
    io.err('Mend the errors, or give --keep-going to ignore what z/OS would ignore.\n');
    return EXIT_CODES.refused;
  }
  await tellUnknown(plan.wanted, options, io);
  const { tellLimits } = await import('./limits.ts');
  const told = await tellLimits(plan.wanted, options, io);
  if (changes.length > 0) io.out(`${changesText(io, changes)}\n`);
  io.out(`${changesSummary(changes)}\n`);
  const change = { before: plan.before.head && plan.before, after: plan.wanted };
  if (dryRun) {
    const { tellWouldBe } = await import('./restarts.ts');
    await tellWouldBe(change, options, io);
    io.out(`would be recorded as revision ${plan.after + 1} (${revision.verb}); nothing was done\n`);
    return 0;
  }
  const { revision: number, guard, notes } = await putInForce(plan, doors, options, io);
  tellNotes(io, notes, told);
  io.out(
    guard
      ? guardedText(number, guard)
      : `recorded as revision ${number}; nothing enforces it: the guard is off\n`,
  );
  if (guard) {
    const { tellRestarts } = await import('./restarts.ts');
    await tellRestarts(change, guard, options, io);
  }
  return 0;
}

/** A trial that has gone back is recorded before anything is compared with what is in force. */
async function settleGuard(options: ApplyOptions, io: Io): Promise<void> {
  if (!isOfGuard(options, io) || options.dryRun) return;
  const { recordTrial } = await import('./deps.ts');
  await recordTrial(options, io);
}

/** Root changes what the kernel goes by, where the guard is there; everybody else records. */
async function putInForce(plan: Plan, doors: ApplyDoors, options: Chosen, io: Io): Promise<Change> {
  const { trialMs } = options;
  if (!isOfGuard(options, io)) return { revision: carryOut(doors, plan), guard: undefined, notes: [] };
  const { guardChoices, guardDoors } = await import('./deps.ts');
  const { changeGuarded } = await import('../app/guard.ts');
  const change = { inForce: plan.wanted, revision: plan.after + 1, trialMs };
  const choices = await guardChoices(options, io);
  const record = () => carryOut(doors, plan, trialMs !== undefined);
  return changeGuarded(guardDoors(options, io), choices, change, record);
}

function guardedText(revision: number, { mode, trialMs }: NonNullable<Change['guard']>): string {
  const verb =
    mode === 'enforce' ? 'enforces it' : mode === 'observe' ? 'observes it' : 'has it, and does nothing';
  if (trialMs === undefined) return `recorded as revision ${revision}; the kernel ${verb}\n`;
  const seconds = Math.round(trialMs / MS_PER_SECOND);
  const end = 'and goes back unless you say: portreeve confirm';
  return `recorded as revision ${revision}; the kernel ${verb} for ${seconds} s, ${end}\n`;
}

const MS_PER_SECOND = 1000;
/** A trial is to be looked after; more than a day is no trial. */
const TRIAL = {
  option: '--try',
  minMs: MS_PER_SECOND,
  maxMs: 24 * 3600 * MS_PER_SECOND,
} as const;

function notRoot(uid: number): PortreeveError {
  const message = 'only root can put a profile on trial';
  return new PortreeveError('NOT_ROOT', message, 'Run it as root, such as by sudo.', { uid });
}

function bothGiven(): PortreeveError {
  const hint = 'Give one of them.';
  return new PortreeveError('USAGE', 'a file and --revision cannot be applied at once', hint);
}
