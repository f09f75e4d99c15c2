// Keeps reserved ports out of automatic assignment while the daemon runs, whoever changes the lists.

import type { KernelBpf } from '../../host/host.ts';
import { linuxNamespaces } from '../../host/linux/namespaces.ts';
import { SysctlRecordFiles } from '../../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { AssignedPorts, enforcedProfile, reachOf } from '../app/assigned-ports.ts';
import type { GuardKernel } from '../app/kernel/kernel.ts';
import type { AssignedPart } from '../app/namespace-follower.ts';

/** What it goes by. */
interface DaemonAssignedDeps {
  readonly bpf: KernelBpf;
  /** The state directory. */
  readonly state: string;
  readonly kernel: () => GuardKernel | undefined;
}

/** To be called while the guard's lock is held. */
export class DaemonAssignedPorts implements AssignedPart {
  readonly #deps: DaemonAssignedDeps;
  readonly #assigned: AssignedPorts;
  /** The profile of the latest revision that was enforced. */
  #made: { readonly revision: number; readonly profile: Profile } | undefined;

  constructor(deps: DaemonAssignedDeps) {
    this.#deps = deps;
    const { bpf, state } = deps;
    this.#assigned = new AssignedPorts({
      bpf,
      namespaces: linuxNamespaces,
      sysctls: linuxSysctls,
      records: new SysctlRecordFiles(state),
    });
  }

  readonly prepare: AssignedPart['prepare'] = (cookie, path) => {
    const profile = this.#profile(this.#deps.kernel());
    return profile ? this.#assigned.prepare(profile, cookie, path) : [];
  };

  readonly check: AssignedPart['check'] = () => {
    const guard = this.#deps.kernel();
    const profile = this.#profile(guard);
    return guard && profile ? this.#assigned.check(profile, reachOf(this.#deps.bpf, guard.state())) : [];
  };

  #profile(guard: GuardKernel | undefined): Profile | undefined {
    const state = guard?.state();
    if (!state) return undefined;
    const { mode, trialMs, revision } = state;
    const isMade = mode === 'enforce' && trialMs === undefined && this.#made?.revision === revision;
    if (isMade) return this.#made?.profile;
    const profile = enforcedProfile(new SqliteProfileArchive(this.#deps.state), state);
    this.#made = profile && { revision, profile };
    return profile;
  }
}
