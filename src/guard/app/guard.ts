// The guard as a whole: the profile in force goes into the kernel, is looked at there, and is taken out again.

import type { Clock } from '../../base/clock.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Files, KernelBpf, NetworkNamespaces } from '../../host/host.ts';
import type { GrantedPorts } from '../../host/kernel.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import { unprivilegedStart } from '../../names/app/kernel-ports.ts';
import { carryOut, planAgain } from '../../profile/app/apply.ts';
import { type InForce, profileAfter, profileInForce } from '../../profile/app/in-force.ts';
import { safOf } from '../../profile/app/saf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { grantedPorts } from '../../profile/core/granted.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { compileTables, type GuardTables, type Permits } from '../bpf/tables.ts';
import { noDelayUs } from '../core/features.ts';
import { type ModeHere, modeIn } from '../core/mode-here.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { type AssignedPorts, reachOf } from './assigned-ports.ts';
import { GuardKernel, type GuardState } from './kernel/kernel.ts';
import { newer, older } from './kernel/kernel-errors.ts';
import { keepNamespaces, type Prepare } from './kernel/namespaces.ts';
import { type GuardMode, type OtherGuard, removeGuard } from './kernel/pinned.ts';
import { removeUnfinished, type TableMaker } from './kernel/put-in.ts';
import { type GuardJson, guardJson, type NoGuardJson } from './report.ts';
import { GUARD_ERRNOS, type GuardSettings, type TableChoices } from './settings.ts';

/** What it takes to guard. */
export interface GuardDeps {
  readonly bpf: KernelBpf;
  readonly archive: ProfileArchive;
  readonly files: Pick<Files, 'readText'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Who is which job at this moment. */
  readonly jobs: () => Jobs;
  /** The kernel's settings that keep reserved ports out of automatic assignment. */
  readonly assigned: Pick<AssignedPorts, 'apply' | 'prepare' | 'restore'>;
  readonly namespaces: NetworkNamespaces;
  readonly granted: GrantedPorts;
}

/** What it takes to make tables. */
type TableDeps = Pick<GuardDeps, 'archive' | 'bpf' | 'files' | 'granted' | 'jobs'>;

/** What the guard does, and what is to be said about it. */
export interface Guarded {
  readonly state: GuardState;
  readonly notes: readonly PortSettingNote[];
}

/** How it is guarded. */
export interface GuardChoices extends GuardSettings {
  readonly pins: string;
}

/** What the guard says of itself, or can be told of one of another version; undefined where none is in the kernel. */
export function findGuard(deps: Pick<GuardDeps, 'bpf'>, pins: string): GuardState | OtherGuard | undefined {
  return GuardKernel.look(deps.bpf, pins);
}

/**
 * The state of the guard; undefined where none is in the kernel. Throws PortreeveError `GUARD_OLDER` and `GUARD_NEWER`
 * (refused) for one of another version.
 */
export function guardState(deps: Pick<GuardDeps, 'bpf'>, pins: string): GuardState | undefined {
  const found = findGuard(deps, pins);
  if (found && 'abi' in found) throw (found.isNewer ? newer : older)(pins, found.abi);
  return found;
}

/** What it takes to find out what the guard does here. */
interface ModeHereDeps {
  /** Who asks. */
  readonly uid: number;
  readonly bpf: KernelBpf;
  /** What the daemon reports of the guard. */
  readonly askDaemon: () => Promise<GuardJson | NoGuardJson>;
}

/** What the guard does for the programs of this network namespace: root inspects it, everybody else asks the daemon. */
export async function modeHere({ uid, bpf, askDaemon }: ModeHereDeps, pins: string): Promise<ModeHere> {
  const guard = uid === 0 ? guardJson(guardState({ bpf }, pins)) : await askDaemon();
  const place = { namespace: `${bpf.namespaceCookie()}`, root: `${bpf.cgroupId(bpf.cgroupRoot())}` };
  return modeIn(place, guard);
}

/** Makes the tables of what is recorded, for a guard whose tables this process has not made. */
export function makerOf(deps: TableDeps, choices: TableChoices): TableMaker {
  const { archive, jobs } = deps;
  return {
    tablesOf: (revision) => {
      const inForce = revision === undefined ? profileInForce(archive) : profileAfter(archive, revision);
      const number = revision ?? inForce.head?.number;
      if (number === undefined) throw nothingApplied();
      return tablesOf(inForce, number, deps, choices);
    },
    jobs,
  };
}

/**
 * Puts the profile in force into the kernel, if it is not there, and has it obeyed or only observed. Throws
 * PortreeveError `NOTHING_APPLIED` (refused) where no profile was applied yet.
 */
export function startGuard(deps: GuardDeps, choices: GuardChoices, mode: Exclude<GuardMode, 'off'>): Guarded {
  const there = openAttached(deps.bpf, choices.pins, makerOf(deps, choices));
  if (there) requireSameCgroup(deps.bpf, there, choices.cgroup);
  // What others put in force from here on is not to be replaced by what is read now.
  const over = there?.swapInForce;
  const inForce = profileInForce(deps.archive);
  const guard = there ?? installed(deps, choices, inForce);
  try {
    if (there && there.state().trialMs === undefined) {
      const { tables, jobs, nowMs } = tablesNow(deps, choices, inForce);
      there.swap(tables, jobs, nowMs, undefined, over);
    }
    const enforced = mode === 'enforce' ? inForce.profile : undefined;
    const prepare = prepareFor(deps, enforced);
    const notes = keepNamespaces(guard.namespaces, deps.namespaces, choices.namespaces, prepare);
    // A port that is assigned after the list was read is none that somebody gets once the profile is enforced.
    if (enforced) notes.push(...keepAssigned(deps, guard, enforced));
    guard.setMode(mode);
    if (!enforced) notes.push(...keepAssigned(deps, guard, undefined));
    return { state: guard.state(), notes };
  } catch (thrown) {
    if (!there) {
      const { home } = guard.state();
      guard.remove();
      deps.assigned.restore(home);
    }
    throw thrown;
  } finally {
    guard.close();
  }
}

/** The guard that is there; one whose programs are not called any more is taken away. */
function openAttached(bpf: KernelBpf, pins: string, maker: TableMaker): GuardKernel | undefined {
  const guard = openUnlessDetached(bpf, pins, maker);
  if (guard === 'detached') removeGuard(bpf, pins);
  return guard === 'detached' ? undefined : guard;
}

function openUnlessDetached(
  bpf: KernelBpf,
  pins: string,
  maker: TableMaker,
): GuardKernel | 'detached' | undefined {
  try {
    return GuardKernel.open(bpf, pins, maker);
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.code === 'GUARD_DETACHED') return 'detached';
    throw thrown;
  }
}

function installed(deps: GuardDeps, choices: GuardChoices, inForce: InForce): GuardKernel {
  const cgroup = choices.cgroup ?? deps.bpf.cgroupRoot();
  const place = { pins: choices.pins, cgroup };
  return GuardKernel.install(deps.bpf, place, tablesNow(deps, choices, inForce));
}

/** What is in force by the archive, with the jobs of this moment. */
function tablesNow(deps: GuardDeps, choices: TableChoices, inForce: InForce) {
  const revision = inForce.head?.number;
  if (revision === undefined) throw nothingApplied();
  const tables = tablesOf(inForce, revision, deps, choices);
  return { tables, jobs: deps.jobs, nowMs: deps.clock.now() };
}

/** Throws PortreeveError `GUARD_ELSEWHERE` (refused) where the guard judges another part of the host. */
function requireSameCgroup(bpf: KernelBpf, guard: GuardKernel, cgroup: string | undefined): void {
  if (cgroup === undefined || bpf.cgroupId(cgroup) === guard.state().cgroupId) return;
  guard.close();
  const message = `the guard that is in the kernel judges another cgroup than ${cgroup}`;
  throw new PortreeveError('GUARD_ELSEWHERE', message, 'Take it out first: portreeve guard off.', {
    cgroup,
  });
}

/**
 * Keeps the reserved ports of a profile out of automatic assignment, or takes that back. Where the lists cannot be
 * written that is reported, and the kernel still refuses and allows.
 */
function keepAssigned(
  { bpf, assigned }: Pick<GuardDeps, 'bpf' | 'assigned'>,
  guard: GuardKernel,
  profile: Profile | undefined,
): readonly PortSettingNote[] {
  return guard.meanwhile(() => {
    const reach = reachOf(bpf, guard.state());
    return profile ? assigned.apply(profile, reach) : assigned.restore(reach.home);
  });
}

/** Before the policy holds in one more namespace its list is written. */
function prepareFor({ assigned }: Pick<GuardDeps, 'assigned'>, profile: Profile | undefined): Prepare {
  return (cookie, path) => (profile ? assigned.prepare(profile, cookie, path) : []);
}

/** Takes the guard out of the kernel; undefined where there was none. */
export function stopGuard(deps: GuardDeps, pins: string): readonly PortSettingNote[] | undefined {
  const found = GuardKernel.look(deps.bpf, pins);
  if (!found) {
    removeUnfinished(deps.bpf, pins);
    // Of one that was killed when the guard was out, and the lists were not yet as before.
    deps.assigned.restore(deps.bpf.namespaceCookie());
    return undefined;
  }
  if ('isNewer' in found && found.isNewer) throw newer(pins, found.abi);
  // The daemon keeps the lists only while there is a guard.
  removeGuard(deps.bpf, pins);
  return deps.assigned.restore(found.home);
}

/** Keeps what is on trial; undefined where nothing is. Throws PortreeveError `GUARD_ABSENT` (refused). */
export function confirmTrial(deps: GuardDeps, choices: GuardChoices): Guarded | undefined {
  const guard = GuardKernel.open(deps.bpf, choices.pins, makerOf(deps, choices));
  if (!guard) throw guardAbsent();
  try {
    const { trialMs, revision } = guard.state();
    if (trialMs === undefined) return undefined;
    // Whoever is killed in between leaves a trial that goes back, and then that is recorded.
    deps.archive.keep(revision);
    if (!guard.confirm()) return undefined;
    const state = guard.state();
    const profile = state.mode === 'enforce' ? profileAfter(deps.archive, state.revision).profile : undefined;
    return { state, notes: keepAssigned(deps, guard, profile) };
  } finally {
    guard.close();
  }
}

/**
 * Records what a trial has gone back to, if one has ended since it was looked at last, by itself, or because the guard
 * was taken out or the host was started anew: the archive then says what is in force. Gives the number of that record.
 */
export function settleTrial(
  deps: TableDeps,
  choices: Pick<GuardChoices, 'pins'> & TableChoices,
  recordAgain: (revision: number) => number,
): number | undefined {
  const guard = openUnlessDetached(deps.bpf, choices.pins, makerOf(deps, choices));
  const { archive } = deps;
  const onTrial = archive.onTrial();
  if (!guard || guard === 'detached')
    return onTrial === undefined ? undefined : recordBefore(onTrial, recordAgain);
  try {
    const { trialMs, hasGoneBack, revision } = guard.state();
    // An older portreeve may have confirmed it.
    if (trialMs === undefined && !hasGoneBack && revision === onTrial) archive.keep(revision);
    return guard.settle(recordAgain);
  } finally {
    guard.close();
  }
}

/** What is recorded as in force is on trial, and no guard tries it: it goes back to the revision before it, if any. */
function recordBefore(onTrial: number, recordAgain: (revision: number) => number): number | undefined {
  return onTrial > 1 ? recordAgain(onTrial - 1) : undefined;
}

/** What was settled. */
export interface Settled {
  /** What became of the counters of an older portreeve's guard; undefined where none was taken over. */
  readonly countersTakenOver: 'kept' | 'zeroed' | undefined;
  /** The revision as which what was before an unconfirmed trial is recorded; undefined where none has gone back. */
  readonly wentBackAs: number | undefined;
}

/** Takes over the guard of an older portreeve, and records what a trial has gone back to. */
export function settle(deps: GuardDeps & { readonly uid: number }, choices: GuardChoices): Settled {
  const found = findGuard(deps, choices.pins);
  const isOlder = found && 'abi' in found && found.isAttached;
  const wentBackAs = settleTrial(deps, choices, (revision) => carryOut(deps, planAgain(deps, revision)));
  const countersTakenOver = isOlder ? ('judged' in found.counters ? 'kept' : 'zeroed') : undefined;
  return { countersTakenOver, wentBackAs };
}

/** What became of a change of the profile. */
export interface Change {
  readonly revision: number;
  /** Undefined where no guard is in the kernel: then it is only recorded. */
  readonly guard: GuardState | undefined;
  readonly notes: readonly PortSettingNote[];
}

/** How long the kernel waits for the record of a change before it goes back by itself. */
const RECORD_MS = 30_000;

/**
 * Changes the profile in force, in the kernel and in the archive, or in neither. It is on trial in the kernel until it
 * is recorded: if this process ends in between, the kernel goes back. With `trialMs` it goes on being on trial.
 * Throws PortreeveError `GUARD_TRIAL` (refused) while another change is on trial, and what `record` throws.
 */
export function changeGuarded(
  deps: GuardDeps,
  choices: GuardChoices,
  change: { readonly inForce: InForce; readonly revision: number; readonly trialMs: number | undefined },
  record: () => number,
): Change {
  const guard = GuardKernel.open(deps.bpf, choices.pins, makerOf(deps, choices));
  if (!guard) {
    if (change.trialMs !== undefined) throw guardAbsent();
    return { revision: record(), guard: undefined, notes: [] };
  }
  try {
    const tables = tablesOf(change.inForce, change.revision, deps, choices);
    const trialMs = change.trialMs ?? RECORD_MS;
    const nowMs = deps.clock.now();
    guard.swap(tables, deps.jobs, nowMs, trialMs);
    const revision = recordOrGoBack(guard, record);
    // What goes beyond the tables would not go back with them.
    if (change.trialMs !== undefined) return { revision, guard: guard.state(), notes: [] };
    if (!guard.confirm()) putBack(guard, tables, deps.jobs, nowMs);
    const enforced = guard.state().mode === 'enforce' ? change.inForce.profile : undefined;
    const prepare = prepareFor(deps, enforced);
    const notes = keepNamespaces(guard.namespaces, deps.namespaces, choices.namespaces, prepare);
    if (enforced) notes.push(...keepAssigned(deps, guard, enforced));
    return { revision, guard: guard.state(), notes };
  } finally {
    guard.close();
  }
}

function recordOrGoBack(guard: GuardKernel, record: () => number): number {
  try {
    return record();
  } catch (thrown) {
    guard.goBack();
    throw thrown;
  }
}

/** It took so long to record the change that the kernel has gone back: it is recorded, and so it is put in force. */
function putBack(guard: GuardKernel, tables: GuardTables, jobs: () => Jobs, nowMs: number): void {
  guard.settle(() => undefined);
  guard.swap(tables, jobs, nowMs);
}

/** The tables of a profile, which may be put in force: the ports that it grants are recorded before. */
export function tablesOf(
  inForce: InForce,
  revision: number,
  { bpf, files, granted }: Pick<GuardDeps, 'bpf' | 'files' | 'granted'>,
  { omvsJob, authportJobs, errno, errnoLow }: TableChoices,
): GuardTables {
  granted.record(grantedPorts(inForce.profile, 'udp'));
  const saf = safOf(inForce, files);
  const nobody: Permits = { uids: new Map(), everyone: false };
  return compileTables(inForce.profile, {
    authportJobs,
    omvsJob: omvsJob ?? 'OMVS',
    permits: (resname) => saf?.permittedUids(resname) ?? nobody,
    errno: GUARD_ERRNOS[errno],
    errnoLow: GUARD_ERRNOS[errnoLow],
    unprivilegedStart: unprivilegedStart(files),
    noDelayUs: noDelayUs(bpf.tickUs()),
    revision,
  });
}

function nothingApplied(): PortreeveError {
  const hint = 'Apply a profile: portreeve apply FILE.';
  return new PortreeveError('NOTHING_APPLIED', 'there is no profile that could be enforced', hint);
}

/** There is no guard that could be changed. */
export function guardAbsent(): PortreeveError {
  const hint = 'Start it: portreeve guard enforce, or portreeve guard observe.';
  return new PortreeveError('GUARD_ABSENT', 'the guard is not in the kernel', hint);
}
