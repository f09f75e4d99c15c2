// Which open sockets a change of the rules concerns, as this host and its guard are: for apply, obey, guard and diff.

import { PortreeveError } from '../../base/errors.ts';
import { exactNumber } from '../../base/numbers.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { hostFiles } from '../../job/commands/host-files.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { ownState } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { type SeeDoors, seeSockets } from '../../sockets/app/see.ts';
import { doorsHere } from '../../sockets/commands/ports-deps.ts';
import { guardState } from '../app/guard.ts';
import {
  type Epoch,
  epochsSince,
  type ImpactDoors,
  type Impacts,
  impactsOf,
  type RuleChange,
} from '../app/impact.ts';
import type { GuardState } from '../app/kernel/kernel.ts';
import { enforcingSince } from '../linux/enforcing-since.ts';
import { isOfGuard } from './apply-deps.ts';
import { type GuardOptions, guardChoices } from './deps.ts';

/** What is concerned, and when the host was started: the processes' times count from there. */
export interface LiveImpacts {
  readonly impacts: Impacts;
  /** In milliseconds since 1970. */
  readonly bootMs: number;
}

/** The guard whose rules would change; undefined where none is in the kernel, or where we are not to look. */
export function guardOf(options: GuardOptions, io: Io): GuardState | undefined {
  if (!isOfGuard(options, io)) return undefined;
  const guard = guardState({ bpf: new LinuxBpf() }, options.pins ?? GUARD_PINS);
  return guard?.isAttached ? guard : undefined;
}

/**
 * Judges the sockets that hold ports now; what they were bound under is what the guard, if there is one, enforced by
 * the archive. Throws PortreeveError (world) where that cannot be told: `GUARD_NETWORK` where the guard does not hold
 * in our network namespace.
 */
export function impactsHere(
  change: Pick<RuleChange, 'before' | 'after'>,
  guard: GuardState | undefined,
  options: GuardOptions,
  io: Io,
): Promise<LiveImpacts> {
  if (guard && !guard.namespaces.includes(new LinuxBpf().namespaceCookie())) throw elsewhere();
  const epochs = guard?.mode === 'enforce' ? epochsOf(guard, options, io) : [];
  return judged({ ...change, epochs, cgroupId: guard?.cgroupId }, options, io);
}

/** The same as if a profile had been enforced since ever. */
export function impactsOfDifference(
  before: RuleChange['after'],
  after: RuleChange['after'],
  options: GuardOptions,
  io: Io,
): Promise<LiveImpacts> {
  const epoch: Epoch = { fromMs: Number.NEGATIVE_INFINITY, revision: undefined, rules: () => before };
  return judged({ before, after, epochs: [epoch], cgroupId: undefined }, options, io);
}

async function judged(change: RuleChange, options: GuardOptions, io: Io): Promise<LiveImpacts> {
  const doors = impactDoors(options.users?.files ?? hostFiles(ownState(options.state, io)));
  const choices = await guardChoices(options, io);
  return { impacts: impactsOf(doors, change, choices), bootMs: doors.bootMs };
}

/** Where it is not known since when the guard enforces, it is taken to have done so ever since. */
function epochsOf({ since }: GuardState, options: GuardOptions, io: Io): Epoch[] {
  const archive = new SqliteProfileArchive(ownState(options.state, io));
  const enforcedMs = enforcingSince(options.pins ?? GUARD_PINS, since);
  return epochsSince(archive, enforcedMs ?? Number.NEGATIVE_INFINITY);
}

function impactDoors(files: SeeDoors['files']): ImpactDoors {
  const doors = doorsHere('all', files);
  return {
    see: (query) => seeSockets(doors, query),
    cgroupPath: (id) => doors.sockets.cgroupPath(id),
    sysctls: linuxSysctls,
    files: doors.files,
    bootMs: Date.now() - exactNumber(new LinuxBpf().bootNow() / 1_000_000n),
  };
}

function elsewhere(): PortreeveError {
  const message = 'the guard does not hold in this network namespace';
  return new PortreeveError('GUARD_NETWORK', message, 'Ask in the one in which it was started.');
}
