// What is pinned at the place of a guard: whether it is portreeve's, its version, and its version-independent state.
import { exactNumber } from '../../../base/numbers.ts';
import type { BindHook, KernelBpf, KernelLink, KernelMap } from '../../../host/host.ts';
import { CONFIG, GUARD_ABI, MODE, SLOTS } from '../../bpf/layout.ts';
import { OLDER_LAYOUTS, type OlderLayout } from '../../bpf/older.ts';
import { ConfigMemory } from './config-memory.ts';
import { foreign, gone, newer } from './kernel-errors.ts';
import { sumsOf } from './map-bytes.ts';
import { type Closable, HOOKS, isMapOf, isProgramOf, type Links, MAP_NAMES, type Maps } from './maps.ts';

export type GuardMode = keyof typeof MODE;

/** What the guards of all versions have in common. */
export interface Pinned extends Closable {
  readonly abi: number;
  readonly config: ConfigMemory;
  /** The id of the map `config`, which distinguishes this guard from others at the same place. */
  readonly id: number;
  readonly links: Links;
}

/**
 * Calls `act` under the lock of the guard; undefined where there is no guard. Throws PortreeveError `BPF_BUSY`
 * (environment).
 */
export function withLock<Result>(bpf: KernelBpf, pins: string, act: () => Result): Result | undefined {
  const held = bpf.hold(pins);
  if (!held) return undefined;
  try {
    return act();
  } finally {
    held.release();
  }
}

/** The same for one guard. Throws PortreeveError `GUARD_GONE` (refused) where it is no longer at its place. */
export function withSameLocked<Result>(bpf: KernelBpf, pins: string, id: number, act: () => Result): Result {
  const held = bpf.hold(pins);
  if (!held) throw gone(pins);
  try {
    const config = bpf.openMap(`${pins}/config`);
    config?.close();
    if (config?.info.id !== id) throw gone(pins);
    return act();
  } finally {
    held.release();
  }
}

/**
 * Opens what is pinned there; undefined if nothing is. Throws PortreeveError `GUARD_FOREIGN` (refused) where it is not
 * a guard of portreeve.
 */
export function openPinned(bpf: KernelBpf, pins: string): Pinned | undefined {
  const map = bpf.openMap(`${pins}/config`);
  if (!map) return undefined;
  const open: Closable[] = [map];
  try {
    const { name, type, keyBytes, valueBytes } = map.info;
    if (name !== 'config' || type !== 'array' || keyBytes !== 4 || valueBytes < CONFIG.bytes)
      throw foreign(pins);
    const links = HOOKS.map((hook) => [hook, openLink(bpf, pins, hook, open)] as const);
    const config = new ConfigMemory(map);
    open.push(config);
    const abi = config.get('abi');
    if (abi === 0) throw foreign(pins);
    const close = () => {
      for (const one of open) one.close();
    };
    return {
      abi,
      config,
      id: map.info.id,
      links: Object.fromEntries(links) as Links,
      close,
    };
  } catch (thrown) {
    for (const one of open) one.close();
    throw thrown;
  }
}

function openLink(bpf: KernelBpf, pins: string, hook: BindHook, open: Closable[]): KernelLink {
  const link = bpf.openLink(`${pins}/${hook}`);
  if (!link) throw foreign(pins);
  open.push(link);
  const program = bpf.programById(link.programId);
  program?.close();
  if (!program || !isProgramOf(hook, program)) throw foreign(pins);
  return link;
}

/** Opens the maps of a guard of this version. */
export function openMaps(bpf: KernelBpf, pins: string): Maps {
  const open: Closable[] = [];
  try {
    const maps = MAP_NAMES.map((name) => {
      const map = bpf.openMap(`${pins}/${name}`);
      if (map) open.push(map);
      if (!map || !isMapOf(name, map)) throw foreign(pins);
      return [name, map] as const;
    });
    return Object.fromEntries(maps) as Maps;
  } catch (thrown) {
    for (const one of open) one.close();
    throw thrown;
  }
}

/** Whether the kernel calls the programs. */
export function isAttached(links: Links): boolean {
  return HOOKS.every((hook) => links[hook].cgroupId !== 0n);
}

/** The state that the guards of all versions have in common. */
export interface GuardHead {
  readonly mode: GuardMode;
  /** When the tables were put in force, in milliseconds since 1970. */
  readonly since: number;
  /** The remaining time of a trial, in milliseconds; undefined where there is none. */
  readonly trialMs: number | undefined;
  /** A trial has ended unconfirmed: the profile before it is in force again. */
  readonly hasReverted: boolean;
  /** Whether the kernel calls its programs. */
  readonly isAttached: boolean;
  readonly cgroupId: bigint;
  /** The network namespace that it was started in. */
  readonly home: bigint;
}

export function headOf({ config, links }: Pick<Pinned, 'config' | 'links'>, now: bigint): GuardHead {
  const mode = config.get('mode');
  const trial = config.trial(now);
  const deadline = config.get64('deadline');
  return {
    mode: mode === MODE.enforce ? 'enforce' : mode === MODE.observe ? 'observe' : 'off',
    since: exactNumber(config.get64('since')),
    trialMs: trial === 'runs' && deadline > now ? exactNumber((deadline - now) / 1_000_000n) : undefined,
    hasReverted: trial === 'ended',
    isAttached: isAttached(links),
    cgroupId: links.bind4.cgroupId,
    home: config.get64('home'),
  };
}

/** What is known of another version's guard. */
export interface OtherGuard extends GuardHead {
  readonly abi: number;
  /** Whether its version is newer than this one; otherwise it is older. */
  readonly isNewer: boolean;
  /** The revision in force; undefined where its offset is unknown. */
  readonly revision: number | undefined;
  /** Its counters; empty where their meaning is unknown. */
  readonly counters: Readonly<Record<string, bigint>>;
}

export function otherGuard(bpf: KernelBpf, pins: string, pinned: Pinned): OtherGuard {
  const { abi, config } = pinned;
  const layout = OLDER_LAYOUTS[abi];
  const now = bpf.bootNow();
  return {
    ...headOf(pinned, now),
    abi,
    isNewer: abi > GUARD_ABI,
    revision: layout && revisionIn(layout, config, config.slotInForce(now)),
    counters: layout ? countersIn(bpf, pins, layout) : {},
  };
}

/** The revision in a slot of an older guard. */
export function revisionIn(
  { slotBytes, revisionAt }: OlderLayout,
  config: ConfigMemory,
  slot: number,
): number {
  return config.wordAt(CONFIG.bytes + (slot % SLOTS) * slotBytes + revisionAt);
}

/** The counters of an older guard, by the names of that version. */
export function countersIn(bpf: KernelBpf, pins: string, { counters }: OlderLayout): Record<string, bigint> {
  const map = bpf.openMap(`${pins}/counters`);
  if (!map) throw foreign(pins);
  try {
    return countersOf(map, counters);
  } finally {
    map.close();
  }
}

function countersOf(map: KernelMap, names: readonly string[]): Record<string, bigint> {
  const sums = sumsOf(map, names.length);
  return Object.fromEntries(names.map((name, i) => [name, sums[i] ?? 0n]));
}

/**
 * Removes a guard of this or an older version from the kernel; false where there is none. Throws PortreeveError
 * `GUARD_FOREIGN` and `GUARD_NEWER` (refused).
 */
export function removeGuard(bpf: KernelBpf, pins: string): boolean {
  const removed = withLock(bpf, pins, () => {
    const pinned = openPinned(bpf, pins);
    if (!pinned) return undefined;
    try {
      if (pinned.abi > GUARD_ABI) throw newer(pins, pinned.abi);
      const hasMounted = pinned.config.get('hasMounted') === 1;
      pinned.config.set('mode', MODE.off);
      for (const hook of HOOKS) if (pinned.links[hook].cgroupId !== 0n) pinned.links[hook].detach();
      bpf.removeDirectory(unfinishedOf(pins));
      bpf.removeDirectory(pins);
      return { hasMounted };
    } finally {
      pinned.close();
    }
  });
  if (removed?.hasMounted) bpf.unmount();
  return removed !== undefined;
}

/** The directory of a guard that is not complete yet, or is being removed. */
export function unfinishedOf(pins: string): string {
  return `${pins}-new`;
}
