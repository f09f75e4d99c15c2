// `portreeve guard` and its subcommands, and `portreeve confirm`.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { GUARD_PINS, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { changeMode } from '../app/change-mode.ts';
import { confirmTrial, stopGuard } from '../app/guard.ts';
import { inspectGuard, inspectRestarts } from '../app/inspect.ts';
import type { GuardState } from '../app/kernel/kernel.ts';
import { guardJson } from '../app/report.ts';
import { type GuardOptions, guardChoices, guardDeps, placesOf } from './deps.ts';
import {
  affectedText,
  assignableJson,
  assignableText,
  notesText,
  otherGuardJson,
  otherGuardText,
  settledText,
  stateText,
} from './guard-text.ts';
import { impactsJson, impactsSummary, impactsText, printAffected } from './impact-text.ts';
import { lacksJson, lacksText, limitsText } from './limits-text.ts';

const OFF_TEXT =
  'the guard is off: the profile is not enforced\nTo start it: portreeve guard enforce (or observe)\n';

/** `portreeve guard`: root inspects the kernel, other users ask the daemon. */
export async function guardCommand(options: GuardOptions, io: Io): Promise<number> {
  const { state = SYSTEM_DIRECTORIES.state, runtime, json: isJson = false } = options;
  const request = {
    places: placesOf(options),
    isDaemonNamed: runtime !== undefined,
    pins: options.pins ?? GUARD_PINS,
    choices: async () => (await guardChoices(options, io)).choices,
  };
  const found = await inspectGuard(guardDeps({ ...options, state }, io), request);
  if ('abi' in found) {
    io.out(isJson ? json(otherGuardJson(found)) : otherGuardText(io, found));
    return found.mode === 'enforce' && found.isAttached ? 0 : EXIT_CODES.refused;
  }
  const { guard, inspected, lacks } = found;
  if (isJson) {
    const { affected = null, assignable } = inspected ?? {};
    io.out(
      json({ ...guard, ...(inspected && { affected, ...assignableJson(assignable) }), ...lacksJson(lacks) }),
    );
  } else if ('counters' in guard) {
    const { affected, assignable } = inspected ?? {};
    io.out(
      stateText(io, guard) +
        affectedText(io, affected) +
        assignableText(io, assignable) +
        lacksText(io, lacks),
    );
  } else io.out(`${OFF_TEXT}${lacksText(io, lacks)}`);
  return guard.mode === 'enforce' && guard.isAttached ? 0 : EXIT_CODES.refused;
}

/** `portreeve guard --restarts` */
export async function guardRestartsCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'inspect the kernel');
  const { places, choices } = await guardChoices(options, io);
  const found = inspectRestarts(guardDeps(options, io), places, choices);
  if (options.json) {
    const sockets = found && impactsJson(found.impacts, found.bootMs);
    const { mode = 'off', revision = null } = found?.guard ?? {};
    io.out(json({ mode, revision, ...sockets }));
  } else if (found) {
    const { impacts, guard } = found;
    const none = 'no open socket violates the rules or needs a restart';
    io.out(`${impactsText(io, impacts)}${impactsSummary(impacts) ?? none}\n${othersText(guard)}`);
  } else io.out(OFF_TEXT);
  return found && found.impacts.affected.length === 0 ? 0 : EXIT_CODES.refused;
}

/** Only this network namespace was checked. */
function othersText({ namespaces }: GuardState): string {
  const others = namespaces.length - 1;
  if (others === 0) return '';
  return `${others} other network ${others === 1 ? 'namespace was' : 'namespaces were'} not checked\n`;
}

/** `portreeve guard enforce` and `observe` */
export async function guardModeCommand(
  mode: 'enforce' | 'observe',
  options: GuardOptions & { readonly exact?: boolean; readonly verbose?: boolean },
  io: Io,
): Promise<number> {
  needRoot(io, `${mode} a profile`);
  return await withVerifierLog(options.verbose, io, () => startMode(mode, options, io));
}

async function startMode(
  mode: 'enforce' | 'observe',
  options: GuardOptions & { readonly exact?: boolean },
  io: Io,
): Promise<number> {
  const { choices } = await guardChoices(options, io);
  const request = { mode, choices, isExact: options.exact ?? false };
  const { state, notes, affected } = changeMode(guardDeps(options, io), request, (step) => {
    io.err(step.step === 'settled' ? settledText(step) : limitsText(step.limits));
  });
  io.err(notesText(notes));
  io.out(stateText(io, guardJson(state)));
  printAffected(io, affected);
  return 0;
}

/**
 * Calls `act`. With `isVerbose`, where the kernel refuses a program, the verifier's complete log precedes the error.
 */
export async function withVerifierLog<T>(
  isVerbose: boolean | undefined,
  io: Pick<Io, 'err'>,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const log = thrown instanceof PortreeveError ? thrown.data['log'] : undefined;
    if (isVerbose && typeof log === 'string') io.err(log.endsWith('\n') ? log : `${log}\n`);
    throw thrown;
  }
}

/** `portreeve guard off` */
export function guardOffCommand(options: GuardOptions, io: Io): number {
  needRoot(io, 'remove the guard from the kernel');
  const notes = stopGuard(guardDeps(options, io), options.pins ?? GUARD_PINS);
  io.err(notesText(notes ?? []));
  io.out(notes ? 'the guard is off\n' : 'the guard was already off\n');
  return 0;
}

/** `portreeve confirm` */
export async function confirmCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'confirm a profile');
  const confirmed = confirmTrial(guardDeps(options, io), (await guardChoices(options, io)).choices);
  if (confirmed) {
    io.err(notesText(confirmed.notes));
    io.out(`revision ${confirmed.state.revision} remains in force\n`);
    return 0;
  }
  io.err('portreeve: no profile is on trial\n');
  return EXIT_CODES.refused;
}
