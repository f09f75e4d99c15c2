// `portreeve guard` and `confirm`: what the kernel goes by, and whether it does.
import {
  confirmTrial,
  GUARD_PINS,
  type GuardState,
  guardState,
  type PoolNote,
  startGuard,
  stopGuard,
} from '../app/guard.ts';
import { EXIT_CODES, PortreeveError } from '../base/errors.ts';
import { LinuxBpf } from '../host/linux/kernel-bpf.ts';
import { type GuardOptions, guardChoices, guardDoors, recordTrial } from './guard-doors.ts';
import type { Io } from './io.ts';
import { emphasize, json, localTime } from './text.ts';

/** `portreeve guard` */
export function guardCommand({ pins, json: isJson }: GuardOptions, io: Io): number {
  needRoot(io, 'look into the kernel');
  const state = guardState({ bpf: new LinuxBpf() }, pins ?? GUARD_PINS);
  if (isJson) io.out(json(state ? jsonOf(state) : { mode: 'off' }));
  else io.out(state ? stateText(io, state) : 'the guard is off: the kernel does not know the profile\n');
  return state?.mode === 'enforce' ? 0 : EXIT_CODES.refused;
}

/** `portreeve guard enforce` and `observe` */
export async function guardModeCommand(
  mode: 'enforce' | 'observe',
  options: GuardOptions,
  io: Io,
): Promise<number> {
  needRoot(io, `${mode} a profile`);
  recordTrial(options, io);
  const { state, notes } = startGuard(guardDoors(options, io), await guardChoices(options, io), mode);
  tellNotes(io, notes);
  io.out(stateText(io, state));
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
export function confirmCommand(options: GuardOptions, io: Io): number {
  needRoot(io, 'confirm a profile');
  const confirmed = confirmTrial(guardDoors(options, io), options.pins ?? GUARD_PINS);
  if (confirmed) {
    tellNotes(io, confirmed.notes);
    io.out(`revision ${confirmed.state.revision} stays in force\n`);
    return 0;
  }
  io.err('portreeve: nothing is on trial\n');
  return EXIT_CODES.refused;
}

/** What is to be said about the kernel's settings. */
export function tellNotes(io: Io, notes: readonly PoolNote[]): void {
  for (const { severity, message } of notes)
    io.err(`portreeve: ${severity === 'warning' ? 'warning: ' : ''}${message}\n`);
}

function needRoot({ uid }: Io, what: string): void {
  if (uid === 0) return;
  const hint = 'Run it as root, such as by sudo.';
  throw new PortreeveError('world', 'NOT_ROOT', `only root can ${what}`, hint, { uid });
}

function jsonOf({ counters, namespaces, cgroupId, since, ...state }: GuardState) {
  const count = Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, `${value}`]));
  return {
    ...state,
    since: new Date(since).toISOString(),
    trialMs: state.trialMs ?? null,
    cgroup: `${cgroupId}`,
    namespaces: namespaces.map((cookie) => `${cookie}`),
    counters: count,
  };
}

/** The state for people. */
export function stateText(io: Io, state: GuardState): string {
  const { counters, revision, since, mode, trialMs, hasGoneBack } = state;
  const refusals = Object.entries(counters).filter(
    ([name, count]) => count > 0n && name !== 'judged' && name !== 'lost',
  );
  const verb = mode === 'observe' ? 'would have been refused' : 'refused';
  const facts: [string, string][] = [
    ['guard', MODE_TEXTS[mode]],
    ['profile', `revision ${revision}, in force since ${localTime(new Date(since))}`],
    ...(trialMs === undefined
      ? []
      : [['trial', `${Math.ceil(trialMs / 1000)} s to go, then it goes back`] as [string, string]]),
    ...(hasGoneBack
      ? [['trial', 'it was not confirmed: what was before it is in force'] as [string, string]]
      : []),
    ['binds', `${counters.judged} allowed, ${refusals.reduce((sum, [, count]) => sum + count, 0n)} ${verb}`],
    ...refusals.map(([name, count]): [string, string] => ['', `${count} ${REFUSAL_TEXTS[name] ?? name}`]),
    ...(counters.lost > 0n ? [['events', `${counters.lost} found no room`] as [string, string]] : []),
  ];
  return facts.map(([name, text]) => `${emphasize(io, name.padEnd(8))}  ${text}\n`).join('');
}

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
