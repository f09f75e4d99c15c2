// Excludes reserved ports from automatic assignment while the daemon runs, even if other programs change the lists.

import type { KernelBpf } from '../../host/host.ts';
import { linuxNamespaces } from '../../host/linux/namespaces.ts';
import { SysctlRecordFiles } from '../../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { AssignedPorts, enforcedProfile, reachOf } from '../app/assigned-ports.ts';
import type { GuardKernel } from '../app/kernel/kernel.ts';
import type { AssignedPart } from '../app/namespace-follower.ts';

interface DaemonAssignedDeps {
  readonly bpf: KernelBpf;
  /** The state directory. */
  readonly state: string;
  readonly kernel: () => GuardKernel | undefined;
}

/** The caller holds the guard's lock. */
export class DaemonAssignedPorts implements AssignedPart {
  readonly #deps: DaemonAssignedDeps;
  readonly #assigned: AssignedPorts;
  /** The profile of the latest revision that was enforced. */
  #cached: { readonly revision: number; readonly profile: Profile } | undefined;

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
    const isCached = mode === 'enforce' && trialMs === undefined && this.#cached?.revision === revision;
    if (isCached) return this.#cached?.profile;
    const profile = enforcedProfile(new SqliteProfileArchive(this.#deps.state), state);
    this.#cached = profile && { revision, profile };
    return profile;
  }
}
