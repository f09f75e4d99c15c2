// The ports that the kernel assigns: what keeps reserved ones out of them, and where it does not.
import { requireFailure } from '../../base/errors.ts';
import type { KernelBpf, NetworkNamespaces, SysctlRecords, Sysctls } from '../../host/host.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { type AssignableIn, AssignedPorts, type GuardReach } from './assigned-ports.ts';
import type { GuardState } from './kernel/kernel.ts';
import { type KeeperDeps, SysctlKeeper } from './sysctl-keeper.ts';

/** What it takes to keep them out. */
interface AssignedDeps {
  readonly bpf: Pick<KernelBpf, 'namespaceCookie'>;
  readonly namespaces: NetworkNamespaces;
  readonly sysctls: Sysctls;
  readonly records: SysctlRecords;
}

/** The keeper for all namespaces of a guard. */
export function assignedPorts({ bpf, ...deps }: AssignedDeps): AssignedPorts {
  return new AssignedPorts({ ...deps, ownCookie: () => bpf.namespaceCookie() });
}

/** The keeper for the namespace that we are in. */
export function keeperHere(deps: KeeperDeps): Pick<SysctlKeeper, 'apply' | 'restore'> {
  return new SysctlKeeper(deps);
}

/** Where a guard holds. */
export function reachOf(
  bpf: Pick<KernelBpf, 'cgroupId' | 'cgroupRoot'>,
  { home, namespaces, cgroupId }: Pick<GuardState, 'home' | 'namespaces' | 'cgroupId'>,
): GuardReach {
  return { home, namespaces, isWholeHost: cgroupId === bpf.cgroupId(bpf.cgroupRoot()) };
}

/**
 * The profile whose reserved ports are kept out now: that which is enforced. Undefined where none is, where the archive
 * does not know it, and during a trial: what goes beyond the tables would not go back with them.
 */
export function enforcedProfile(
  archive: ProfileArchive,
  { mode, trialMs, revision }: Pick<GuardState, 'mode' | 'trialMs' | 'revision'>,
): Profile | undefined {
  if (mode !== 'enforce' || trialMs !== undefined) return undefined;
  try {
    return profileAfter(archive, revision).profile;
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

/** Where the kernel may assign ports that the profile reserves; undefined where that is nobody's business now. */
export function assignableNow(
  deps: { readonly archive: ProfileArchive; readonly assigned: Pick<AssignedPorts, 'inspect'> },
  state: GuardState,
): readonly AssignableIn[] | undefined {
  const profile = enforcedProfile(deps.archive, state);
  return profile && deps.assigned.inspect(profile, state);
}
