// `portreeve guard` and `confirm`: what the kernel goes by, and whether it does.

import { EXIT_CODES } from '../../base/errors.ts';
import { GUARD_PINS, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { emphasize, json, localTime } from '../../kit/text.ts';
import { changeMode } from '../app/change-mode.ts';
import { confirmTrial, stopGuard } from '../app/guard.ts';
import { inspectGuard } from '../app/inspect.ts';
import { type GuardJson, guardJson } from '../app/report.ts';
import { assignableJson, assignableText } from './assignable.ts';
import { type GuardOptions, guardChoices, guardHost, placesOf } from './deps.ts';
import { impactsSummary, printConcerned } from './impact-text.ts';
import { lacksJson, lacksText, limitsText } from './limits-text.ts';
import { notesText, settledText } from './notes.ts';
import { bindsText, tellOtherGuard } from './other.ts';

/** `portreeve guard`: root looks into the kernel, everybody else asks the daemon. */
export async function guardCommand(options: GuardOptions, io: Io): Promise<number> {
  const { state = SYSTEM_DIRECTORIES.state, runtime, json: isJson = false } = options;
  const request = {
    places: placesOf(options),
    isDaemonNamed: runtime !== undefined,
    pins: options.pins ?? GUARD_PINS,
    choices: async () => (await guardChoices(options, io)).choices,
  };
  const found = await inspectGuard(guardHost({ ...options, state }, io), request);
  if ('abi' in found) return tellOtherGuard(found, isJson, io);
  const { guard, inspected, lacks } = found;
  if (isJson) {
    const { held = null, assignable } = inspected ?? {};
    io.out(
      json({ ...guard, ...(inspected && { held, ...assignableJson(assignable) }), ...lacksJson(lacks) }),
    );
  } else if ('counters' in guard) {
    const { held, assignable } = inspected ?? {};
    io.out(stateText(io, guard) + heldText(io, held) + assignableText(io, assignable) + lacksText(io, lacks));
  } else io.out(`the guard is off: the kernel does not know the profile\n${lacksText(io, lacks)}`);
  return guard.mode === 'enforce' && guard.isAttached ? 0 : EXIT_CODES.refused;
}

/** `portreeve guard enforce` and `observe` */
export async function guardModeCommand(
  mode: 'enforce' | 'observe',
  options: GuardOptions & { readonly exact?: boolean },
  io: Io,
): Promise<number> {
  needRoot(io, `${mode} a profile`);
  const { choices } = await guardChoices(options, io);
  const request = { mode, choices, isExact: options.exact ?? false };
  const { state, notes, concerned } = changeMode(guardHost(options, io), request, (step) => {
    io.err(step.step === 'settled' ? settledText(step) : limitsText(step.limits));
  });
  io.err(notesText(notes));
  io.out(stateText(io, guardJson(state)));
  printConcerned(io, concerned);
  return 0;
}

/** `portreeve guard off` */
export function guardOffCommand(options: GuardOptions, io: Io): number {
  needRoot(io, 'take the guard out of the kernel');
  const notes = stopGuard(guardHost(options, io), options.pins ?? GUARD_PINS);
  io.err(notesText(notes ?? []));
  io.out(notes ? 'the guard is off\n' : 'the guard was off already\n');
  return 0;
}

/** `portreeve confirm` */
export async function confirmCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'confirm a profile');
  const confirmed = confirmTrial(guardHost(options, io), (await guardChoices(options, io)).choices);
  if (confirmed) {
    io.err(notesText(confirmed.notes));
    io.out(`revision ${confirmed.state.revision} stays in force\n`);
    return 0;
  }
  io.err('portreeve: nothing is on trial\n');
  return EXIT_CODES.refused;
}

/** The state for people. */
export function stateText(io: Io, state: GuardJson): string {
  const { counters, revision, since, mode, trialMs, hasGoneBack, isAttached } = state;
  const { judged = '0', lost = '0' } = counters;
  const refusals = Object.entries(counters).filter(
    ([name, count]) => count !== '0' && name !== 'judged' && name !== 'lost',
  );
  const facts: [string, string][] = [
    ['guard', isAttached ? MODE_TEXTS[mode] : NOT_ATTACHED_TEXT],
    ['profile', `revision ${revision}, in force since ${localTime(new Date(since))}`],
    ...(trialMs === null
      ? []
      : [['trial', `${Math.ceil(trialMs / 1000)} s to go, then it goes back`] as [string, string]]),
    ...(hasGoneBack
      ? [['trial', 'it was not confirmed: what was before it is in force'] as [string, string]]
      : []),
    [
      'binds',
      bindsText(
        judged,
        refusals.reduce((sum, [, count]) => sum + BigInt(count), 0n),
      ),
    ],
    ...refusals.map(([name, count]): [string, string] => ['', `${count} ${REFUSAL_TEXTS[name] ?? name}`]),
    ...(state.namesUnits ? [] : [['units', UNITS_LATE_TEXT] as [string, string]]),
    ...(lost !== '0' ? [['events', `${lost} found no room`] as [string, string]] : []),
  ];
  return facts.map(([name, text]) => `${emphasize(io, name.padEnd(8))}  ${text}\n`).join('');
}

function heldText(io: Io, held: Parameters<typeof impactsSummary>[0] | undefined): string {
  const summary = held && impactsSummary(held);
  return summary ? `${emphasize(io, 'sockets '.padEnd(8))}  ${summary}: portreeve guard --restarts\n` : '';
}

const NOT_ATTACHED_TEXT = 'judges nothing: its cgroup is gone, or its programs were taken out of it';

const UNITS_LATE_TEXT =
  'are jobs once the daemon has seen them, and before that their users: the kernel cannot name them here';

const MODE_TEXTS = {
  enforce: 'enforces the profile',
  observe: 'observes: everything is allowed',
  off: 'is in the kernel and does nothing',
} as const;

const REFUSAL_TEXTS: Readonly<Record<string, string>> = {
  RESERVED_FOR_NO_ONE: 'on ports that are reserved for no one',
  RESERVED_FOR_OTHERS: 'on ports that are reserved for other jobs',
  SAF_NOT_PERMITTED: 'without access to the SAF resource',
  LOW_PORT_RESTRICTED: 'on ports below 1024, by RESTRICTLOWPORTS',
  UNRESERVED_DENIED: 'on ports that are not reserved, by DENY',
  UNRESERVED_FOR_OTHERS: 'on ports that are not reserved, by UNRSV',
};
