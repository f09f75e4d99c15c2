// `portreeve guard` and `confirm`: what the kernel goes by, and whether it does.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { askLook } from '../../kit/daemon-status.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { needRoot } from '../../kit/need-root.ts';
import { emphasize, json, localTime } from '../../kit/text.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import { confirmTrial, findGuard, guardState, startGuard, stopGuard } from '../app/guard.ts';
import { GUARD_PATH, type GuardJson, guardJson, type NoGuardJson } from '../app/report.ts';
import { markEnforcing } from '../linux/enforcing-since.ts';
import { assignableHere, assignableJson, assignableText } from './assignable.ts';
import { type GuardOptions, guardChoices, guardDoors, recordTrial } from './deps.ts';
import { impactsSummary } from './impact-text.ts';
import { type ExactOption, guardLacks, lacksJson, lacksText, missingText, tellLimits } from './limits.ts';
import { tellNotes } from './notes.ts';
import { bindsText, tellOtherGuard } from './other.ts';
import { countRestarts, tellRestarts } from './restarts.ts';

/** `portreeve guard`: root looks into the kernel, everybody else asks the daemon. */
export async function guardCommand(options: GuardOptions, io: Io): Promise<number> {
  const { pins, runtime, json: isJson } = options;
  const isLooking = io.uid === 0 && runtime === undefined;
  const state = isLooking ? findGuard({ bpf: new LinuxBpf() }, pins ?? GUARD_PINS) : undefined;
  if (state && 'abi' in state) return tellOtherGuard(state, isJson ?? false, io);
  const guard = isLooking ? guardJson(state) : await askGuard(io, runtime);
  const held = state && (await countRestarts(state, options, io));
  const assignable = state && assignableHere(state, options, io);
  const lacks = await guardLacks('revision' in guard ? guard.revision : undefined, options, io);
  const inspected = state && { held: held ?? null, ...assignableJson(assignable) };
  if (isJson) io.out(json({ ...guard, ...inspected, ...lacksJson(lacks) }));
  else if ('counters' in guard) {
    io.out(stateText(io, guard) + heldText(io, held) + assignableText(io, assignable) + lacksText(io, lacks));
  } else io.out(`the guard is off: the kernel does not know the profile\n${lacksText(io, lacks)}`);
  return guard.mode === 'enforce' && guard.isAttached ? 0 : EXIT_CODES.refused;
}

/** Throws PortreeveError `GUARD_UNTOLD` (world) with what was tried. */
async function askGuard(io: Io, runtime: string | undefined): Promise<GuardJson | NoGuardJson> {
  try {
    return await askLook(io, runtime, GUARD_PATH);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || io.uid === 0) throw thrown;
    const message = `only root can look into the kernel, and ${thrown.message}`;
    const hint = 'Run it as root, such as by sudo, or start the daemon as root: portreeve serve';
    const missing = missingText(io);
    const all = missing === '' ? message : `${message}; ${missing}`;
    throw new PortreeveError('GUARD_UNTOLD', all, hint, { uid: io.uid });
  }
}

/** `portreeve guard enforce` and `observe` */
export async function guardModeCommand(
  mode: 'enforce' | 'observe',
  options: GuardOptions & ExactOption,
  io: Io,
): Promise<number> {
  needRoot(io, `${mode} a profile`);
  await recordTrial(options, io);
  const told = await tellLimits(profileInForce(guardDoors(options, io).archive), options, io);
  const pins = options.pins ?? GUARD_PINS;
  const before = guardState({ bpf: new LinuxBpf() }, pins);
  const { state, notes } = startGuard(guardDoors(options, io), await guardChoices(options, io), mode);
  if (mode === 'enforce' && !(before?.mode === 'enforce' && before.isAttached))
    markEnforcing(pins, state.since);
  tellNotes(io, notes, told);
  io.out(stateText(io, guardJson(state)));
  await tellRestarts(undefined, state, options, io);
  return 0;
}

/** `portreeve guard off` */
export function guardOffCommand(options: GuardOptions, io: Io): number {
  needRoot(io, 'take the guard out of the kernel');
  const notes = stopGuard(guardDoors(options, io), options.pins ?? GUARD_PINS);
  tellNotes(io, notes ?? []);
  io.out(notes ? 'the guard is off\n' : 'the guard was off already\n');
  return 0;
}

/** `portreeve confirm` */
export async function confirmCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'confirm a profile');
  const confirmed = confirmTrial(guardDoors(options, io), await guardChoices(options, io));
  if (confirmed) {
    tellNotes(io, confirmed.notes);
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
