// The guard as a whole: puts the profile in force into the kernel, reads its state, and removes it.

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
import { removeUnfinished, type TableMaker } from './kernel/install.ts';
import { GuardKernel, type GuardState } from './kernel/kernel.ts';
import { newer, older } from './kernel/kernel-errors.ts';
import { keepNamespaces, type Prepare } from './kernel/namespaces.ts';
import { type GuardMode, type OtherGuard, removeGuard } from './kernel/pinned.ts';
import { type GuardJson, guardJson, type NoGuardJson } from './report.ts';
import { GUARD_ERRNOS, type GuardSettings, type TableChoices } from './settings.ts';

export interface GuardDeps {
  readonly bpf: KernelBpf;
  readonly archive: ProfileArchive;
  readonly files: Pick<Files, 'readText'>;
  readonly clock: Pick<Clock, 'now'>;
  /** The current jobs. */
  readonly jobs: () => Jobs;
  /** Excludes reserved ports from automatic assignment by the kernel's settings. */
  readonly assigned: Pick<AssignedPorts, 'apply' | 'prepare' | 'restore'>;
  readonly namespaces: NetworkNamespaces;
  readonly granted: GrantedPorts;
}

type TableDeps = Pick<GuardDeps, 'archive' | 'bpf' | 'files' | 'granted' | 'jobs'>;

/** The new state of the guard, and notes to print. */
export interface Guarded {
  readonly state: GuardState;
  readonly notes: readonly PortSettingNote[];
}

export interface GuardChoices extends GuardSettings {
  readonly pins: string;
}

/** The state of the guard, or what is known of another version's guard; undefined where none is in the kernel. */
export function findGuard(deps: Pick<GuardDeps, 'bpf'>, pins: string): GuardState | OtherGuard | undefined {
  return GuardKernel.inspect(deps.bpf, pins);
}

/** As findGuard(). Throws PortreeveError `GUARD_OLDER` and `GUARD_NEWER` (refused) for another version's guard. */
export function guardState(deps: Pick<GuardDeps, 'bpf'>, pins: string): GuardState | undefined {
  const found = findGuard(deps, pins);
  if (found && 'abi' in found) throw (found.isNewer ? newer : older)(pins, found.abi);
  return found;
}

interface ModeHereDeps {
  /** The uid of the caller. */
  readonly uid: number;
  readonly bpf: KernelBpf;
  /** The daemon's report on the guard. */
  readonly queryDaemon: () => Promise<GuardJson | NoGuardJson>;
}

/** The guard's mode in this network namespace: root inspects the kernel, other users ask the daemon. */
export async function modeHere({ uid, bpf, queryDaemon }: ModeHereDeps, pins: string): Promise<ModeHere> {
  const guard = uid === 0 ? guardJson(guardState({ bpf }, pins)) : await queryDaemon();
  const place = { namespace: `${bpf.namespaceCookie()}`, root: `${bpf.cgroupId(bpf.cgroupRoot())}` };
  return modeIn(place, guard);
}

/** Builds the tables of recorded revisions, for a guard whose tables this process did not build. */
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
 * Puts the profile in force into the kernel, if it is not there, and enforces or observes it. Throws PortreeveError
 * `NOTHING_APPLIED` (refused) where no profile has been applied.
 */
export function startGuard(deps: GuardDeps, choices: GuardChoices, mode: Exclude<GuardMode, 'off'>): Guarded {
  const there = openAttached(deps.bpf, choices.pins, makerOf(deps, choices));
  if (there) requireSameCgroup(deps.bpf, there, choices.cgroup);
  // What another process puts in force from here on must not be replaced by what is read now.
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
    // Written before the mode is set: once the profile is enforced, the kernel assigns no reserved port.
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

/** Opens the guard; one whose programs are no longer called is removed. */
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

/** The tables of the profile in force, with the current jobs. */
function tablesNow(deps: GuardDeps, choices: TableChoices, inForce: InForce) {
  const revision = inForce.head?.number;
  if (revision === undefined) throw nothingApplied();
  const tables = tablesOf(inForce, revision, deps, choices);
  return { tables, jobs: deps.jobs, nowMs: deps.clock.now() };
}

/** Throws PortreeveError `GUARD_ELSEWHERE` (refused) where the guard is attached to another cgroup. */
function requireSameCgroup(bpf: KernelBpf, guard: GuardKernel, cgroup: string | undefined): void {
  if (cgroup === undefined || bpf.cgroupId(cgroup) === guard.state().cgroupId) return;
  guard.close();
  const message = `the guard in the kernel judges another cgroup than ${cgroup}`;
  throw new PortreeveError('GUARD_ELSEWHERE', message, 'Remove it first: portreeve guard off.', { cgroup });
}

/**
 * Excludes the reserved ports of a profile from automatic assignment, or restores the lists. A list that cannot be
 * written is reported; binds are judged all the same.
 */
function keepAssigned(
  { bpf, assigned }: Pick<GuardDeps, 'bpf' | 'assigned'>,
  guard: GuardKernel,
  profile: Profile | undefined,
): readonly PortSettingNote[] {
  return guard.locked(() => {
    const reach = reachOf(bpf, guard.state());
    return profile ? assigned.apply(profile, reach) : assigned.restore(reach.home);
  });
}

/** Writes the list of a namespace before the guard covers it. */
function prepareFor({ assigned }: Pick<GuardDeps, 'assigned'>, profile: Profile | undefined): Prepare {
  return (cookie, path) => (profile ? assigned.prepare(profile, cookie, path) : []);
}

/** Removes the guard from the kernel; undefined where there was none. */
export function stopGuard(deps: GuardDeps, pins: string): readonly PortSettingNote[] | undefined {
  const found = GuardKernel.inspect(deps.bpf, pins);
  if (!found) {
    removeUnfinished(deps.bpf, pins);
    // An earlier run may have been killed after it removed the guard and before it restored the lists.
    deps.assigned.restore(deps.bpf.namespaceCookie());
    return undefined;
  }
  if ('isNewer' in found && found.isNewer) throw newer(pins, found.abi);
  // In this order: the daemon rewrites the lists while there is a guard.
  removeGuard(deps.bpf, pins);
  return deps.assigned.restore(found.home);
}

/** Makes a trial permanent; undefined where there is none. Throws PortreeveError `GUARD_ABSENT` (refused). */
export function confirmTrial(deps: GuardDeps, choices: GuardChoices): Guarded | undefined {
  const guard = GuardKernel.open(deps.bpf, choices.pins, makerOf(deps, choices));
  if (!guard) throw guardAbsent('no profile is on trial: the guard is not in the kernel');
  try {
    const { trialMs, revision } = guard.state();
    if (trialMs === undefined) return undefined;
    // If this process is killed in between, the trial reverts, and that is recorded later.
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
 * Records the revision that is in force again after a trial has ended unconfirmed: by itself, by removal of the guard,
 * or by a reboot. Returns the number of that record.
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
    const { trialMs, hasReverted, revision } = guard.state();
    // An older portreeve may have confirmed it.
    if (trialMs === undefined && !hasReverted && revision === onTrial) archive.keep(revision);
    return guard.settle(recordAgain);
  } finally {
    guard.close();
  }
}

/** The latest revision was on trial and no guard has it: the revision before it, if any, is in force again. */
function recordBefore(onTrial: number, recordAgain: (revision: number) => number): number | undefined {
  return onTrial > 1 ? recordAgain(onTrial - 1) : undefined;
}

export interface Settled {
  /** Whether the counters of an older portreeve's guard were kept; undefined where none was replaced. */
  readonly countersTakenOver: 'kept' | 'zeroed' | undefined;
  /** The new revision with the profile from before an unconfirmed trial; undefined where no trial reverted. */
  readonly revertedAs: number | undefined;
}

/** Replaces the guard of an older portreeve, and records a reverted trial. */
export function settle(deps: GuardDeps & { readonly uid: number }, choices: GuardChoices): Settled {
  const found = findGuard(deps, choices.pins);
  const isOlder = found && 'abi' in found && found.isAttached;
  const revertedAs = settleTrial(deps, choices, (revision) => carryOut(deps, planAgain(deps, revision)));
  const countersTakenOver = isOlder ? ('judged' in found.counters ? 'kept' : 'zeroed') : undefined;
  return { countersTakenOver, revertedAs };
}

/** The result of a change of the profile. */
export interface Change {
  readonly revision: number;
  /** Undefined where no guard is in the kernel: the change is then only recorded. */
  readonly guard: GuardState | undefined;
  readonly notes: readonly PortSettingNote[];
}

/** How long the kernel waits for a change to be recorded before it reverts by itself. */
const RECORD_MS = 30_000;

/**
 * Changes the profile in force, in the kernel and in the archive, or in neither. The change is on trial in the kernel
 * until it is recorded: if this process ends in between, the kernel reverts. With `trialMs` it remains on trial.
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
    const revision = recordOrRevert(guard, record);
    // The lists of reserved ports stay as they are, because only the tables revert by themselves.
    if (change.trialMs !== undefined) return { revision, guard: guard.state(), notes: [] };
    if (!guard.confirm()) putInForceAgain(guard, tables, deps.jobs, nowMs);
    const enforced = guard.state().mode === 'enforce' ? change.inForce.profile : undefined;
    const prepare = prepareFor(deps, enforced);
    const notes = keepNamespaces(guard.namespaces, deps.namespaces, choices.namespaces, prepare);
    if (enforced) notes.push(...keepAssigned(deps, guard, enforced));
    return { revision, guard: guard.state(), notes };
  } finally {
    guard.close();
  }
}

function recordOrRevert(guard: GuardKernel, record: () => number): number {
  try {
    return record();
  } catch (thrown) {
    guard.revert();
    throw thrown;
  }
}

/** The kernel reverted before the change was recorded. It is recorded now, so it is put in force again. */
function putInForceAgain(guard: GuardKernel, tables: GuardTables, jobs: () => Jobs, nowMs: number): void {
  guard.settle(() => undefined);
  guard.swap(tables, jobs, nowMs);
}

/** Builds the tables of a profile, after recording the ports that it grants, because the tables may be put in force. */
export function tablesOf(
  inForce: InForce,
  revision: number,
  { bpf, files, granted }: Pick<GuardDeps, 'bpf' | 'files' | 'granted'>,
  { omvsJob, authportJobs, errno, errnoLow }: TableChoices,
): GuardTables {
  granted.record(grantedPorts(inForce.profile, 'udp'));
  const saf = safOf(inForce, files);
  const noUser: Permits = { uids: new Map(), everyone: false };
  return compileTables(inForce.profile, {
    authportJobs,
    omvsJob: omvsJob ?? 'OMVS',
    permits: (resname) => saf?.permittedUids(resname) ?? noUser,
    errno: GUARD_ERRNOS[errno],
    errnoLow: GUARD_ERRNOS[errnoLow],
    unprivilegedStart: unprivilegedStart(files),
    noDelayUs: noDelayUs(bpf.tickUs()),
    revision,
  });
}

function nothingApplied(): PortreeveError {
  const hint = 'To apply one: portreeve apply FILE';
  return new PortreeveError('NOTHING_APPLIED', 'no profile has been applied', hint);
}

export function guardAbsent(message = 'the guard is not in the kernel'): PortreeveError {
  const hint = 'To start it: portreeve guard enforce (or observe)';
  return new PortreeveError('GUARD_ABSENT', message, hint);
}
