// The JSON of `portreeve guard --json` and of GET /v1/guard on status.sock.
import type { GuardState } from './kernel/kernel.ts';
import type { GuardMode } from './kernel/pinned.ts';

export const GUARD_PATH = '/v1/guard';

/** The guard in the kernel. 64-bit numbers are strings, because JSON numbers are not that precise. */
export interface GuardJson {
  readonly mode: GuardMode;
  readonly revision: number;
  /** When the tables were put in force: RFC 3339, UTC. */
  readonly since: string;
  /** The remaining time of a trial, in milliseconds; null where there is none. */
  readonly trialMs: number | null;
  /** Whether a trial has ended unconfirmed: the profile before it is in force again. */
  readonly hasReverted: boolean;
  /** Whether the kernel calls its programs: false if its cgroup is gone, or they were detached. */
  readonly isAttached: boolean;
  /** The number of the cgroup below which binds are judged. */
  readonly cgroup: string;
  /** The cookies of the covered network namespaces, and of the one in which the guard was started. */
  readonly namespaces: readonly string[];
  readonly home: string;
  /** Whether the kernel assigns units their jobs as they start; otherwise the daemon does so later. */
  readonly namesUnits: boolean;
  /** The number of allowed binds (`judged`), of refusals by reason, and of events that were lost. */
  readonly counters: Readonly<Record<string, string>>;
}

/** Where there is no guard in the kernel. */
export interface NoGuardJson {
  readonly mode: 'off';
}

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

/** The part `guard` of GET /v1/status. */
export interface GuardReport {
  /** `enforce`, `observe` or `off`, as in `portreeve guard`; `absent`: there is no guard, or it cannot be read. */
  readonly mode: string;
  /** The revision that is in force in the kernel. */
  readonly revision: number | null;
  /** How many cgroups and users have a job. */
  readonly cgroups: number;
  readonly users: number;
  /** Names in the profile that belong to no unit, user or job of this host, in the order of the profile. */
  readonly unknown: readonly string[];
  /** What the daemon cannot do on this host, and why. */
  readonly missing: readonly string[];
}
