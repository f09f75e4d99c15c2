// Determines the guard's mode for the programs in one network namespace and cgroup hierarchy.

/** `elsewhere`: the guard covers only other network namespaces, or only one cgroup. */
export type ModeHere = 'enforce' | 'observe' | 'off' | 'elsewhere';

/** The cookie of a network namespace, and the number of the root cgroup. */
interface Place {
  readonly namespace: string;
  readonly root: string;
}

/** The relevant part of a guard's state. */
export interface ReportedGuard {
  readonly mode: 'enforce' | 'observe' | 'off';
  readonly isAttached: boolean;
  /** The number of the cgroup below which binds are judged. */
  readonly cgroup: string;
  /** The cookies of the covered network namespaces, and of the one in which the guard was started. */
  readonly namespaces: readonly string[];
  readonly home: string;
}

export function modeIn(place: Place, guard: ReportedGuard | { readonly mode: 'off' }): ModeHere {
  if (!('namespaces' in guard) || guard.mode === 'off' || !guard.isAttached) return 'off';
  const isHere = [guard.home, ...guard.namespaces].includes(place.namespace);
  return isHere && guard.cgroup === place.root ? guard.mode : 'elsewhere';
}
