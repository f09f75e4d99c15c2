// What `portreeve guard --json` prints, and the daemon tells everybody: the shape of GET /v1/guard on status.sock.
import type { GuardState } from './kernel/kernel.ts';
import type { GuardMode } from './kernel/pinned.ts';

/** Where the daemon tells it. */
export const GUARD_PATH = '/v1/guard';

/** The guard in the kernel. Numbers of 64 bits are texts: JSON has none of them. */
export interface GuardJson {
  readonly mode: GuardMode;
  readonly revision: number;
  /** When the tables were put in force: RFC 3339, UTC. */
  readonly since: string;
  /** How long a trial goes on, in milliseconds; null where there is none. */
  readonly trialMs: number | null;
  /** A trial has ended by itself: what was before it is in force again. */
  readonly hasGoneBack: boolean;
  /** Whether its programs are called at all: not where its cgroup is gone, or they were taken out of it. */
  readonly isAttached: boolean;
  /** The number of the cgroup below which binds are judged. */
  readonly cgroup: string;
  /** The cookies of the network namespaces in which the policy holds, and the one that it was loaded in. */
  readonly namespaces: readonly string[];
  readonly home: string;
  /** Whether units are named in the kernel, from their first moment on; else the daemon names them. */
  readonly namesUnits: boolean;
  /** Binds that were judged and allowed, each kind of refusal, and events that found no room. */
  readonly counters: Readonly<Record<string, string>>;
}

/** What is said where no guard is in the kernel. */
export interface NoGuardJson {
  readonly mode: 'off';
}

/** The state as JSON has it. */
export function guardJson(state: GuardState): GuardJson;
export function guardJson(state: GuardState | undefined): GuardJson | NoGuardJson;
export function guardJson(state: GuardState | undefined): GuardJson | NoGuardJson {
  if (!state) return { mode: 'off' };
  const { counters, namespaces, home, cgroupId, since, trialMs, ...others } = state;
  return {
    ...others,
    since: new Date(since).toISOString(),
    trialMs: trialMs ?? null,
    cgroup: `${cgroupId}`,
    namespaces: namespaces.map((cookie) => `${cookie}`),
    home: `${home}`,
    counters: Object.fromEntries(Object.entries(counters).map(([name, count]) => [name, `${count}`])),
  };
}

/** The guard as the daemon sees it: the part `guard` of GET /v1/status. */
export interface GuardReport {
  /** `enforce`, `observe` or `off`, as `portreeve guard` has it; `absent`: none is in the kernel that we can reach. */
  readonly mode: string;
  /** The revision of the profile that the kernel goes by. */
  readonly revision: number | null;
  /** How many cgroups and users are known as jobs. */
  readonly cgroups: number;
  readonly users: number;
  /** Names in the profile that are no unit's and no user's here, nor another job's, in the order of the profile. */
  readonly unknown: readonly string[];
  /** What this daemon cannot do here, and why. */
  readonly missing: readonly string[];
}
