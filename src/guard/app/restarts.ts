// Finds the open sockets that violate the rules or need a restart: now, or before and after a change of the rules.

import type { Clock } from '../../base/clock.ts';
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { exactNumber } from '../../base/numbers.ts';
import type { KernelBpf, Sysctls } from '../../host/host.ts';
import type { UnitReader } from '../../job/app/host-units.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { readSockets, type SocketDeps } from '../../sockets/app/read-sockets.ts';
import type { OpenSockets } from '../../sockets/core/open-sockets.ts';
import { type GuardChoices, guardState } from './guard.ts';
import { type Epoch, epochsSince, type Impacts, impactsOf, type RuleChange } from './impact.ts';
import type { GuardState } from './kernel/kernel.ts';
import { changesGuard, isArchiveOfGuard, type Places } from './places.ts';
import type { TableChoices } from './settings.ts';

/** The record of when a guard began to enforce. */
interface Enforcing {
  /** In milliseconds since 1970; undefined where it is unknown. `inForceMs`: since when its tables are in force. */
  since(pins: string, inForceMs: number): number | undefined;
  /** Records the time. */
  mark(pins: string, ms: number): void;
}

export interface RestartDeps {
  readonly bpf: KernelBpf;
  readonly archive: ProfileArchive;
  readonly files: UnitReader;
  readonly clock: Pick<Clock, 'now'>;
  readonly sockets: OpenSockets;
  readonly cgroups: SocketDeps['cgroups'];
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly enforcing: Enforcing;
  /** The uid of the caller. */
  readonly uid: number;
}

export interface Affected {
  readonly impacts: Impacts;
  /** When the host was booted, in milliseconds since 1970: start times of processes are relative to it. */
  readonly bootMs: number;
}

type Rules = Pick<RuleChange, 'before' | 'after'>;

/** The guard whose rules would change; undefined where there is none, or the change would not affect it. */
export function affectedGuard(deps: RestartDeps, places: Places, pins: string): GuardState | undefined {
  if (!changesGuard(places, deps.uid)) return undefined;
  const guard = guardState(deps, pins);
  return guard?.isAttached ? guard : undefined;
}

/**
 * Judges the open sockets. The rules under which they were bound are those that the guard, if there is one, enforced
 * according to the archive. Throws PortreeveError (environment) where that is unknown: `GUARD_NETWORK` where the guard
 * does not cover our network namespace.
 */
export function affectedBy(
  deps: RestartDeps,
  change: Rules,
  guard: GuardState | undefined,
  choices: GuardChoices,
): Affected {
  if (guard && !guard.namespaces.includes(deps.bpf.namespaceCookie())) throw elsewhere();
  const epochs = guard?.mode === 'enforce' ? epochsOf(deps, guard, choices.pins) : [];
  return judged(deps, { ...change, epochs, cgroupId: guard?.cgroupId }, choices);
}

/** The same, as if the rules before had always been enforced. */
export function affectedByDifference(
  deps: RestartDeps,
  { before, after }: Rules & { readonly before: RuleChange['after'] },
  choices: TableChoices,
): Affected {
  const epoch: Epoch = { fromMs: Number.NEGATIVE_INFINITY, revision: undefined, rules: () => before };
  return judged(deps, { before, after, epochs: [epoch], cgroupId: undefined }, choices);
}

/** Judges by the rules in the kernel, whatever was recorded since. Throws what affectedBy() throws. */
export function affectedNow(deps: RestartDeps, guard: GuardState, choices: GuardChoices): Affected {
  const after = profileAfter(deps.archive, guard.revision);
  return affectedBy(deps, { before: undefined, after }, guard, choices);
}

/** How many sockets are affected; undefined where that is unknown. */
export function countAffected(
  deps: RestartDeps,
  guard: GuardState,
  places: Places,
  choices: GuardChoices,
): Pick<Impacts, 'refused' | 'restart'> | undefined {
  if (!isArchiveOfGuard(places)) return undefined;
  const found = unlessUnknown(() => affectedNow(deps, guard, choices));
  return found instanceof PortreeveError ? undefined : found.impacts;
}

/** Turns a failure into a value: a change that was made must be reported even if the sockets cannot be read. */
export function unlessUnknown(find: () => Affected): Affected | PortreeveError {
  try {
    return find();
  } catch (thrown) {
    return requireFailure(thrown);
  }
}

function judged({ sockets, ...deps }: RestartDeps, change: RuleChange, choices: TableChoices): Affected {
  const bootMs = deps.clock.now() - exactNumber(deps.bpf.bootNow() / 1_000_000n);
  const { files, cgroups, sysctls } = deps;
  const read = (query: Parameters<typeof readSockets>[1]) => readSockets({ sockets, files, cgroups }, query);
  const cgroupPath = (id: bigint) => sockets.cgroupPath(id);
  return {
    impacts: impactsOf({ readSockets: read, cgroupPath, sysctls, files, bootMs }, change, choices),
    bootMs,
  };
}

/** If it is unknown since when the guard enforces, assumes that it always did. */
function epochsOf({ archive, enforcing }: RestartDeps, { since }: GuardState, pins: string): Epoch[] {
  return epochsSince(archive, enforcing.since(pins, since) ?? Number.NEGATIVE_INFINITY);
}

function elsewhere(): PortreeveError {
  const message = 'the guard does not cover this network namespace';
  return new PortreeveError(
    'GUARD_NETWORK',
    message,
    'Run the command in a network namespace that the guard covers.',
  );
}
