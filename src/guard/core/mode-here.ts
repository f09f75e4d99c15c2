// What a guard does for the programs in one place.

/** What the guard does here; `elsewhere`: it holds in other network namespaces, or in one cgroup only. */
export type ModeHere = 'enforce' | 'observe' | 'off' | 'elsewhere';

/** Where programs are: the cookie of their network namespace, and the number of the root of their cgroups. */
interface Place {
  readonly namespace: string;
  readonly root: string;
}

/** What a guard reports of itself, as far as it matters; without a guard only the mode `off`. */
export interface ReportedGuard {
  readonly mode: 'enforce' | 'observe' | 'off';
  readonly isAttached: boolean;
  /** The number of the cgroup below which binds are judged. */
  readonly cgroup: string;
  /** The cookies of the network namespaces in which the policy holds, and of the one in which it was loaded. */
  readonly namespaces: readonly string[];
  readonly home: string;
}

/** What a guard does for the programs in that network namespace, below the root of the cgroups. */
export function modeIn(place: Place, guard: ReportedGuard | { readonly mode: 'off' }): ModeHere {
  if (!('namespaces' in guard) || guard.mode === 'off' || !guard.isAttached) return 'off';
  const isHere = [guard.home, ...guard.namespaces].includes(place.namespace);
  return isHere && guard.cgroup === place.root ? guard.mode : 'elsewhere';
}
