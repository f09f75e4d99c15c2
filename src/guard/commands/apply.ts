// `portreeve apply` and `portreeve obey`: change the profile in force, completely or not at all.
import { resolve } from 'node:path';
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { parseDuration } from '../../kit/duration.ts';
import type { Io } from '../../kit/io.ts';
import { firstOf } from '../../kit/text.ts';
import { changesSummary, changesText } from '../../profile/commands/changes.ts';
import { diagnosticsText, summaryText } from '../../profile/commands/diagnostics.ts';
import { profileFile, revisionNumber } from '../../profile/commands/settings.ts';
import type { LiteralName } from '../../profile/core/literal-names.ts';
import { type ChangeOutcome, type ChangeStep, changeProfile } from '../app/change-profile.ts';
import type { Change } from '../app/guard.ts';
import { notesText, settledText } from './guard-text.ts';
import { printAffected, printWouldBe } from './impact-text.ts';
import type { ApplyOptions } from './index.ts';
import { limitsText } from './limits-text.ts';

export async function applyCommand(file: string | undefined, options: ApplyOptions, io: Io): Promise<number> {
  if (file !== undefined && options.revision !== undefined) throw bothGiven();
  return change('apply', file, options, io);
}

export async function obeyCommand(file: string, options: ApplyOptions, io: Io): Promise<number> {
  return change('obey', file, options, io);
}

async function change(
  verb: 'apply' | 'obey',
  file: string | undefined,
  options: ApplyOptions,
  io: Io,
): Promise<number> {
  const trialMs = options.try === undefined ? undefined : parseDuration(options.try, TRIAL);
  const { guardChoices, guardDeps } = await import('./deps.ts');
  const chosen = await guardChoices(options, io);
  const { settings } = chosen;
  const racf = settings.racf && resolve(settings.racf);
  const source =
    options.revision === undefined
      ? { verb, path: resolve(profileFile(file, settings)), racf }
      : { verb: 'again' as const, revision: revisionNumber(options.revision) };
  const { keepGoing = false, exact: isExact = false, dryRun: isDryRun = false } = options;
  const request = { ...chosen, source, keepGoing, isExact, isDryRun, trialMs };
  const outcome = await changeProfile(guardDeps(options, io), request, (step) => {
    printStep(step, options, io);
  });
  return printOutcome(outcome, io);
}

function printStep(step: ChangeStep, { verbose }: ApplyOptions, io: Io): void {
  if (step.step === 'settled') io.err(settledText(step));
  else if (step.step === 'planned') {
    const { changes } = step;
    io.out(`${changes.length > 0 ? `${changesText(io, changes)}\n` : ''}${changesSummary(changes)}\n`);
  } else {
    const { report, usersError, unknown, limits } = step;
    io.err(diagnosticsText({ ...io, columns: undefined }, report, { verbose }));
    if (report.counts.error + report.counts.warning + report.skipped > 0) io.err(`${summaryText(report)}\n`);
    if (usersError) io.err(`portreeve: warning: ${usersError.message}\n${usersError.hint}\n`);
    io.err(unknownText(unknown) + limitsText(limits));
  }
}

/** At most this many names are listed. */
const NAMES_LISTED = 10;

function unknownText(unknown: readonly LiteralName[]): string {
  if (unknown.length === 0) return '';
  const names = unknown.map(({ name, source }) => {
    const place = source ? ` (${printable(source.file)}:${source.line})` : '';
    return `${printable(name)}${place}`;
  });
  return `note: no unit or user on this host is named ${firstOf(names, NAMES_LISTED)}\n`;
}

function printOutcome(outcome: ChangeOutcome, io: Io): number {
  if (outcome.outcome === 'refused') {
    io.err('portreeve: nothing was changed\n');
    io.err('Fix the errors, or use --keep-going to ignore what z/OS would ignore.\n');
    return EXIT_CODES.refused;
  }
  const { revision, affected } = outcome;
  if (outcome.outcome === 'planned') {
    printWouldBe(io, outcome.affected);
    io.out(`would be recorded as revision ${revision} (${outcome.verb}); nothing was changed\n`);
    return 0;
  }
  const { guard, notes } = outcome;
  io.err(notesText(notes));
  io.out(
    guard
      ? guardedText(revision, guard)
      : `recorded as revision ${revision}; nothing enforces it: the guard is off\n${START_HINT}`,
  );
  if (affected) printAffected(io, affected);
  return 0;
}

const START_HINT = 'To start it: portreeve guard enforce\n';

function guardedText(revision: number, { mode, trialMs }: NonNullable<Change['guard']>): string {
  const verb = mode === 'enforce' ? 'enforces it' : mode === 'observe' ? 'observes it' : 'is off';
  if (trialMs === undefined) return `recorded as revision ${revision}; the kernel ${verb}\n`;
  const seconds = Math.round(trialMs / MS_PER_SECOND);
  const end = 'then reverts unless you run: portreeve confirm';
  return `recorded as revision ${revision}; the kernel ${verb} for ${seconds} s, ${end}\n`;
}

const MS_PER_SECOND = 1000;
/** An administrator should watch a trial, so it lasts at most a day. */
const TRIAL = {
  option: '--try',
  minMs: MS_PER_SECOND,
  maxMs: 24 * 3600 * MS_PER_SECOND,
} as const;

function bothGiven(): PortreeveError {
  const hint = 'Use one of them.';
  return new PortreeveError('USAGE', 'a file and --revision exclude each other', hint);
}
