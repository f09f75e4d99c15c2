// Who holds a port against the rules, or under rules that have changed: now, and after or before a change of the rules.

import type { Clock } from '../../base/clock.ts';
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { exactNumber } from '../../base/numbers.ts';
import type { KernelBpf, Sysctls } from '../../host/host.ts';
import type { UnitReader } from '../../job/app/host-units.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { type SeeDeps, seeSockets } from '../../sockets/app/see.ts';
import type { OpenSockets } from '../../sockets/core/open-sockets.ts';
import { type GuardChoices, guardState } from './guard.ts';
import { type Epoch, epochsSince, type Impacts, impactsOf, type RuleChange } from './impact.ts';
import type { GuardState } from './kernel/kernel.ts';
import { isArchiveOfGuard, isOfGuard, type Places } from './places.ts';
import type { TableChoices } from './settings.ts';

/** When a guard began to enforce. */
interface Enforcing {
  /** In milliseconds since 1970; undefined where that is not known. `inForceMs`: since when its tables are in force. */
  since(pins: string, inForceMs: number): number | undefined;
  /** Keeps that it enforces from that moment on. */
  mark(pins: string, ms: number): void;
}

/** What it takes to find out. */
export interface RestartDeps {
  readonly bpf: KernelBpf;
  readonly archive: ProfileArchive;
  readonly files: UnitReader;
  readonly clock: Pick<Clock, 'now'>;
  readonly sockets: OpenSockets;
  readonly cgroups: SeeDeps['cgroups'];
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly enforcing: Enforcing;
  /** Who asks. */
  readonly uid: number;
}

/** The sockets that are concerned. */
export interface Concerned {
  readonly impacts: Impacts;
  /** When the host was started, in milliseconds since 1970: the times of processes count from there. */
  readonly bootMs: number;
}

/** The rules before and after a change. */
type Rules = Pick<RuleChange, 'before' | 'after'>;

/** The guard whose rules would change; undefined where none is in the kernel, or where we are not to look. */
export function guardConcerned(deps: RestartDeps, places: Places, pins: string): GuardState | undefined {
  if (!isOfGuard(places, deps.uid)) return undefined;
  const guard = guardState(deps, pins);
  return guard?.isAttached ? guard : undefined;
}

/**
 * Judges the sockets that hold ports now; what they were bound under is what the guard, if there is one, enforced by
 * the archive. Throws PortreeveError (environment) where that is not known: `GUARD_NETWORK` where the guard does not
 * hold in our network namespace.
 */
export function concernedBy(
  deps: RestartDeps,
  change: Rules,
  guard: GuardState | undefined,
  choices: GuardChoices,
): Concerned {
  if (guard && !guard.namespaces.includes(deps.bpf.namespaceCookie())) throw elsewhere();
  const epochs = guard?.mode === 'enforce' ? epochsOf(deps, guard, choices.pins) : [];
  return judged(deps, { ...change, epochs, cgroupId: guard?.cgroupId }, choices);
}

/** The same as if the rules before had been enforced since ever. */
export function concernedByDifference(
  deps: RestartDeps,
  { before, after }: Rules & { readonly before: RuleChange['after'] },
  choices: TableChoices,
): Concerned {
  const epoch: Epoch = { fromMs: Number.NEGATIVE_INFINITY, revision: undefined, rules: () => before };
  return judged(deps, { before, after, epochs: [epoch], cgroupId: undefined }, choices);
}

/** Those of the rules that the kernel has, whatever was recorded since. Throws what concernedBy() throws. */
export function concernedNow(deps: RestartDeps, guard: GuardState, choices: GuardChoices): Concerned {
  const after = profileAfter(deps.archive, guard.revision);
  return concernedBy(deps, { before: undefined, after }, guard, choices);
}

/** How many there are; undefined where that is not known. */
export function countConcerned(
  deps: RestartDeps,
  guard: GuardState,
  places: Places,
  choices: GuardChoices,
): Pick<Impacts, 'refused' | 'restart'> | undefined {
  if (!isArchiveOfGuard(places)) return undefined;
  const found = unlessUnknown(() => concernedNow(deps, guard, choices));
  return found instanceof PortreeveError ? undefined : found.impacts;
}

/** What was done stays done, and what is known stays known, also where the sockets cannot be seen. */
export function unlessUnknown(find: () => Concerned): Concerned | PortreeveError {
  try {
    return find();
  } catch (thrown) {
    return requireFailure(thrown);
  }
}

function judged({ sockets, ...deps }: RestartDeps, change: RuleChange, choices: TableChoices): Concerned {
  const bootMs = deps.clock.now() - exactNumber(deps.bpf.bootNow() / 1_000_000n);
  const { files, cgroups, sysctls } = deps;
  const see = (query: Parameters<typeof seeSockets>[1]) => seeSockets({ sockets, files, cgroups }, query);
  const cgroupPath = (id: bigint) => sockets.cgroupPath(id);
  return { impacts: impactsOf({ see, cgroupPath, sysctls, files, bootMs }, change, choices), bootMs };
}

/** Where it is not known since when the guard enforces, it is taken to have done so ever since. */
function epochsOf({ archive, enforcing }: RestartDeps, { since }: GuardState, pins: string): Epoch[] {
  return epochsSince(archive, enforcing.since(pins, since) ?? Number.NEGATIVE_INFINITY);
}

function elsewhere(): PortreeveError {
  const message = 'the guard does not hold in this network namespace';
  return new PortreeveError('GUARD_NETWORK', message, 'Ask in the one in which it was started.');
}
