// The guard as a whole: the profile in force goes into the kernel, is looked at there, and is taken out again.

import type { Clock } from '../base/clock.ts';
import { PortreeveError } from '../base/errors.ts';
import { parseDecimal } from '../base/port.ts';
import { PORTS } from '../bpf/guard-layout.ts';
import { compileTables, type GuardTables, type Permits } from '../bpf/guard-tables.ts';
import type { Files, KernelBpf, ProfileArchive } from '../host/host.ts';
import type { Profile } from '../policy/rules.ts';
import { SafTable } from '../policy/saf.ts';
import { GuardKernel, type GuardMode, type GuardState, type Jobs } from '../services/guard/kernel.ts';
import type { PoolNote } from '../services/guard/port-pools.ts';
import { type KeeperDoors, SysctlKeeper } from '../services/guard/sysctl-keeper.ts';
import { parseRacf } from '../text/racf.ts';
import { type InForce, profileAfter, profileInForce } from './profile/in-force.ts';
import { readUsers } from './profile/users.ts';

export type { GuardMode, GuardState, Jobs } from '../services/guard/kernel.ts';
export type { PoolNote } from '../services/guard/port-pools.ts';

/** Where the guard's names are in the BPF file system. */
export const GUARD_PINS = '/sys/fs/bpf/portreeve';

/** What it takes to guard. */
export interface GuardDoors {
  readonly bpf: KernelBpf;
  readonly archive: ProfileArchive;
  readonly files: Pick<Files, 'readText'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Who is which job at this moment. */
  readonly jobs: () => Jobs;
  /** The kernel's settings that keep reserved ports from being given to clients. */
  readonly pools: Pools;
}

/** The part of the keeper of those settings that is needed here. */
export type Pools = Pick<SysctlKeeper, 'apply' | 'restore'>;

/** The keeper of those settings. */
export function poolsOf(doors: KeeperDoors): Pools {
  return new SysctlKeeper(doors);
}

/** What the guard does, and what is to be said about it. */
export interface Guarded {
  readonly state: GuardState;
  readonly notes: readonly PoolNote[];
}

/** How it is guarded. */
export interface GuardChoices {
  readonly pins: string;
  /** The cgroup below which binds are judged; undefined: all of them. */
  readonly cgroup: string | undefined;
  readonly omvsJob: string | undefined;
  readonly authportJobs: readonly string[];
  /** The errno of a refusal, and of one of a port from 512 to 1023. */
  readonly errno: GuardErrno;
  readonly errnoLow: GuardErrno;
}

/** How bind(2) can fail (errno(3)): the numbers are the same on every architecture. */
export const GUARD_ERRNOS = { EPERM: 1, EACCES: 13, EADDRINUSE: 98 } as const;
export type GuardErrno = keyof typeof GUARD_ERRNOS;

/** What a port is refused with if nobody says otherwise: bindresvport(3) goes on at EADDRINUSE, and at nothing else. */
export const DEFAULT_ERRNO: GuardErrno = 'EACCES';
export const DEFAULT_ERRNO_LOW: GuardErrno = 'EADDRINUSE';

/** Linux's own bound, where it cannot be read (ip_unprivileged_port_start in ip-sysctl). */
const UNPRIVILEGED_START = 1024;
const UNPRIVILEGED_START_FILE = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const SYSCTL_MAX_BYTES = 64;

/** The state of the guard; undefined where none is in the kernel. */
export function guardState(doors: Pick<GuardDoors, 'bpf'>, pins: string): GuardState | undefined {
  const guard = GuardKernel.open(doors.bpf, pins);
  if (!guard) return undefined;
  try {
    return guard.state();
  } finally {
    guard.close();
  }
}

/**
 * Puts the profile in force into the kernel, if it is not there, and has it obeyed or only observed. Throws
 * PortreeveError `NOTHING_APPLIED` (refused) where no profile was applied yet.
 */
export function startGuard(
  doors: GuardDoors,
  choices: GuardChoices,
  mode: Exclude<GuardMode, 'off'>,
): Guarded {
  const inForce = profileInForce(doors.archive);
  const revision = inForce.head?.number;
  if (revision === undefined) throw nothingApplied();
  const tables = tablesOf(inForce, revision, doors, choices);
  const cgroup = choices.cgroup ?? doors.bpf.cgroupRoot();
  const there = GuardKernel.open(doors.bpf, choices.pins);
  const guard = there ?? GuardKernel.install(doors.bpf, { pins: choices.pins, cgroup });
  try {
    if (guard.state().trialMs === undefined) guard.swap(tables, doors.jobs(), doors.clock.now());
    guard.setMode(mode);
    return {
      state: guard.state(),
      notes: keepPools(doors, guard, mode === 'enforce' ? inForce.profile : undefined),
    };
  } catch (thrown) {
    if (!there) guard.remove();
    throw thrown;
  } finally {
    guard.close();
  }
}

/**
 * Keeps the ports of a profile out of automatic assignment, or takes that back. A guard of a part of the host leaves
 * the settings alone, which are for all of it; and where they cannot be written the kernel still refuses and allows.
 */
function keepPools(
  { bpf, pools }: GuardDoors,
  guard: GuardKernel,
  profile: Profile | undefined,
): readonly PoolNote[] {
  if (guard.state().cgroupId !== bpf.cgroupId(bpf.cgroupRoot())) return [];
  try {
    return (profile ? pools.apply(profile) : pools.restore()).notes;
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    const { code, message, hint } = thrown;
    return [{ severity: 'warning', code, message, hint, source: undefined }];
  }
}

/** Takes the guard out of the kernel; undefined where there was none. */
export function stopGuard(doors: GuardDoors, pins: string): readonly PoolNote[] | undefined {
  const guard = GuardKernel.open(doors.bpf, pins);
  if (!guard) return undefined;
  const notes = keepPools(doors, guard, undefined);
  guard.remove();
  return notes;
}

/** Keeps what is on trial; undefined where nothing is. Throws PortreeveError `GUARD_ABSENT` (refused). */
export function confirmTrial(doors: GuardDoors, pins: string): Guarded | undefined {
  const guard = GuardKernel.open(doors.bpf, pins);
  if (!guard) throw guardAbsent();
  try {
    if (!guard.confirm()) return undefined;
    const state = guard.state();
    const profile =
      state.mode === 'enforce' ? profileAfter(doors.archive, state.revision).profile : undefined;
    return { state, notes: keepPools(doors, guard, profile) };
  } finally {
    guard.close();
  }
}

/**
 * Records what a trial has gone back to, if one has ended by itself since it was looked at last: the archive then says
 * what the kernel does. Gives the number of that record.
 */
export function settleTrial(
  { bpf }: Pick<GuardDoors, 'bpf'>,
  pins: string,
  recordAgain: (revision: number) => number,
): number | undefined {
  const guard = GuardKernel.open(bpf, pins);
  if (!guard) return undefined;
  try {
    const { hasGoneBack, revision } = guard.state();
    if (!hasGoneBack) return undefined;
    const recorded = recordAgain(revision);
    guard.settle();
    return recorded;
  } finally {
    guard.close();
  }
}

/** What became of a change of the profile. */
export interface Change {
  readonly revision: number;
  /** Undefined where no guard is in the kernel: then it is only recorded. */
  readonly guard: GuardState | undefined;
  readonly notes: readonly PoolNote[];
}

/** How long the kernel waits for the record of a change before it goes back by itself. */
const RECORD_MS = 30_000;

/**
 * Changes the profile in force, in the kernel and in the archive, or in neither. It is on trial in the kernel until it
 * is recorded: if this process ends in between, the kernel goes back. With `trialMs` it goes on being on trial.
 * Throws PortreeveError `GUARD_TRIAL` (refused) while another change is on trial, and what `record` throws.
 */
export function changeGuarded(
  doors: GuardDoors,
  choices: GuardChoices,
  change: { readonly inForce: InForce; readonly revision: number; readonly trialMs: number | undefined },
  record: () => number,
): Change {
  const guard = GuardKernel.open(doors.bpf, choices.pins);
  if (!guard) {
    if (change.trialMs !== undefined) throw guardAbsent();
    return { revision: record(), guard: undefined, notes: [] };
  }
  try {
    const tables = tablesOf(change.inForce, change.revision, doors, choices);
    const trialMs = change.trialMs ?? RECORD_MS;
    guard.swap(tables, doors.jobs(), doors.clock.now(), trialMs);
    const revision = recordOrGoBack(guard, record);
    if (change.trialMs === undefined) guard.confirm();
    const state = guard.state();
    const kept =
      change.trialMs === undefined && state.mode === 'enforce' ? change.inForce.profile : undefined;
    return { revision, guard: state, notes: kept ? keepPools(doors, guard, kept) : [] };
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

/** Puts the tables of the revision that is in the kernel there anew, with the jobs of this moment. */
export function renewTables(
  doors: Pick<GuardDoors, 'archive' | 'files' | 'jobs'>,
  choices: Omit<GuardChoices, 'cgroup' | 'pins'>,
  guard: GuardKernel,
): void {
  const { revision, since } = guard.state();
  const tables = tablesOf(profileAfter(doors.archive, revision), revision, doors, choices);
  // It is the same profile, and has been in force since then.
  guard.swap(tables, doors.jobs(), since);
}

/** The tables of a profile. */
export function tablesOf(
  { profile, racf, options }: InForce,
  revision: number,
  { files }: Pick<GuardDoors, 'files'>,
  { omvsJob, authportJobs, errno, errnoLow }: Omit<GuardChoices, 'cgroup' | 'pins'>,
): GuardTables {
  const names = { sysname: options?.symbols['SYSNAME'] ?? '', tcpname: options?.tcpname ?? '' };
  const saf =
    racf &&
    new SafTable(parseRacf({ file: racf.path, text: racf.text }).commands, { ...readUsers(files), ...names });
  const nobody: Permits = { uids: new Map(), everyone: false };
  return compileTables(profile, {
    authportJobs,
    omvsJob: omvsJob ?? 'OMVS',
    permits: (resname) => saf?.permittedUids(resname) ?? nobody,
    errno: GUARD_ERRNOS[errno],
    errnoLow: GUARD_ERRNOS[errnoLow],
    unprivilegedStart: unprivilegedStart(files),
    revision,
  });
}

function unprivilegedStart(files: Pick<Files, 'readText'>): number {
  const text = files.readText(UNPRIVILEGED_START_FILE, SYSCTL_MAX_BYTES)?.trim() ?? '';
  return parseDecimal(text, PORTS) ?? UNPRIVILEGED_START;
}

function nothingApplied(): PortreeveError {
  const hint = 'Apply a profile: portreeve apply FILE.';
  return new PortreeveError('refused', 'NOTHING_APPLIED', 'there is no profile that could be enforced', hint);
}

function guardAbsent(): PortreeveError {
  const hint = 'Start it: portreeve guard enforce, or portreeve guard observe.';
  return new PortreeveError('refused', 'GUARD_ABSENT', 'the guard is not in the kernel', hint);
}
