// Installs the guard in the kernel, or replaces the guard of an older portreeve without a gap in enforcement.

import type { BindHook, KernelBpf, KernelLink, KernelMap, KernelProgram } from '../../../host/host.ts';
import type { Jobs } from '../../../job/core/jobs.ts';
import { COUNTERS, GUARD_ABI, SLOTS } from '../../bpf/layout.ts';
import { OLDER_LAYOUTS, type OlderLayout } from '../../bpf/older.ts';
import type { GuardTables } from '../../bpf/tables.ts';
import { ConfigMemory } from './config-memory.ts';
import { detached, foreign, isThere, trialRuns } from './kernel-errors.ts';
import { bytes32, bytes64, putSum } from './map-bytes.ts';
import { type Closable, createMaps, HOOKS, type Links, loadProgram, type Maps } from './maps.ts';
import { countersIn, isAttached, type Pinned, revisionIn, unfinishedOf } from './pinned.ts';
import { TableSlots } from './table-slots.ts';
import { attachUnits } from './unit-programs.ts';

export interface GuardPlace {
  /** Its directory in bpffs. */
  readonly pins: string;
  /** The directory of the cgroup to which it is attached; binds in that cgroup and below are judged. */
  readonly cgroup: string;
}

export interface InForceTables {
  readonly tables: GuardTables;
  readonly jobs: () => Jobs;
  /** The time, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Builds tables, for a process that did not build those in the kernel. */
export interface TableMaker {
  /** The tables of a revision; of the latest one where the revision is unknown. */
  readonly tablesOf: (revision: number | undefined) => GuardTables;
  readonly jobs: () => Jobs;
}

/** A guard's maps, links and config, which the caller closes. */
export interface Parts {
  readonly maps: Maps;
  readonly links: Links;
  readonly config: ConfigMemory;
}

/**
 * Installs the guard with tables in force and in the mode `off`. Its names appear all at once or not at all. Throws
 * PortreeveError `GUARD_THERE` (refused) where the place already exists, and (environment) where the kernel has no BPF
 * or does not permit it; nothing is left behind then.
 */
export function installGuard(bpf: KernelBpf, { pins, cgroup }: GuardPlace, first: InForceTables): Parts {
  const above = pins.slice(0, pins.lastIndexOf('/'));
  const hasMounted = bpf.makeDirectory(above);
  let isIn = false;
  let held: ReturnType<KernelBpf['hold']>;
  try {
    held = bpf.hold(above);
    const there = bpf.hold(pins);
    there?.release();
    if (there) throw isThere(pins);
    const parts = finished(bpf, pins, (open) => {
      const maps = pinnedMaps(bpf, pins, open);
      const config = begun(maps, open);
      config.set('hasMounted', hasMounted ? 1 : 0);
      const home = bpf.namespaceCookie();
      config.set64('home', home);
      maps.netns.update(bytes64(home), bytes32(1));
      config.set64('since', BigInt(first.nowMs));
      // Before the tables are filled, so that they contain units that start from now on.
      attachUnits(bpf, unfinishedOf(pins), maps);
      new TableSlots(bpf, maps, config).fill(0, first.tables, first.jobs);
      const links = HOOKS.map((hook) => [hook, attached(bpf, maps, { pins, cgroup }, hook, open)] as const);
      if (!bpf.rename(unfinishedOf(pins), pins)) throw isThere(pins);
      return { maps, links: Object.fromEntries(links) as Links, config };
    });
    isIn = true;
    return parts;
  } finally {
    held?.release();
    if (hasMounted && !isIn) bpf.unmount();
  }
}

/** Removes what a process left behind that was killed while it installed a guard. */
export function removeUnfinished(bpf: KernelBpf, pins: string): void {
  const held = bpf.hold(pins.slice(0, pins.lastIndexOf('/')));
  try {
    const there = bpf.hold(pins);
    there?.release();
    if (!there) bpf.removeDirectory(unfinishedOf(pins));
  } finally {
    held?.release();
  }
}

/** Makes the parts under temporary names; on failure nothing is left behind. */
function finished(bpf: KernelBpf, pins: string, make: (open: Closable[]) => Parts): Parts {
  const unfinished = unfinishedOf(pins);
  const open: Closable[] = [];
  let held: ReturnType<KernelBpf['hold']>;
  bpf.removeDirectory(unfinished);
  try {
    bpf.makeDirectory(unfinished);
    // The lock remains valid when the directory gets the guard's name.
    held = bpf.hold(unfinished);
    return make(open);
  } catch (thrown) {
    for (const one of open) one.close();
    bpf.removeDirectory(unfinished);
    throw thrown;
  } finally {
    held?.release();
  }
}

function pinnedMaps(bpf: KernelBpf, pins: string, open: Closable[], kept: Partial<Maps> = {}): Maps {
  const maps = createMaps(bpf, open, kept);
  for (const [name, map] of Object.entries(maps)) bpf.pin(map, `${unfinishedOf(pins)}/${name}`);
  return maps;
}

function begun(maps: Maps, open: Closable[]): ConfigMemory {
  const config = new ConfigMemory(maps.config);
  open.push(config);
  config.set('abi', GUARD_ABI);
  return config;
}

function attached(
  bpf: KernelBpf,
  maps: Maps,
  { pins, cgroup }: GuardPlace,
  hook: BindHook,
  open: Closable[],
): KernelLink {
  const program = loadProgram(bpf, hook, maps);
  try {
    const link = bpf.attach(program, cgroup, hook);
    open.push(link);
    bpf.pin(link, `${unfinishedOf(pins)}/${hook}`);
    return link;
  } finally {
    program.close();
  }
}

/**
 * Replaces the guard of an older portreeve, whose lock the caller holds: puts the same tables, mode, trial and
 * namespaces into new maps, gives these the guard's names, and replaces the programs in its links, each atomically. If
 * the process is killed in between, one or the other guard is in force, and the next process that opens it continues.
 * Throws PortreeveError `GUARD_DETACHED`, and `GUARD_TRIAL` (refused) where there is a trial in an unknown layout; the
 * older guard is then unchanged.
 */
export function takeOver(bpf: KernelBpf, pins: string, older: Pinned, maker: TableMaker): Parts {
  const layout = OLDER_LAYOUTS[older.abi];
  if (!isAttached(older.links)) throw detached(pins);
  if (!layout && older.config.trial(bpf.bootNow()) !== 'none') throw trialRuns();
  return finished(bpf, pins, (open) => {
    const kept = layout?.hasOurEvents ? eventMaps(bpf, pins, open) : {};
    const maps = pinnedMaps(bpf, pins, open, kept);
    const config = begun(maps, open);
    copyHead(older.config, config);
    copyNamespaces(bpf, pins, maps.netns);
    attachUnits(bpf, unfinishedOf(pins), maps);
    const slots = new TableSlots(bpf, maps, config);
    for (const slot of slotsInUse(older.config)) {
      const revision = layout && revisionIn(layout, older.config, slot);
      slots.fill(slot, maker.tablesOf(revision === 0 ? undefined : revision), maker.jobs);
    }
    const links = HOOKS.map((hook) => [hook, openLink(bpf, pins, hook, open)] as const);
    for (const [hook, link] of links) bpf.pin(link, `${unfinishedOf(pins)}/${hook}`);
    exchangeNames(bpf, pins, () => exchangePrograms(bpf, maps, links));
    // Copied again, because an older portreeve writes the mode without the lock.
    config.set('mode', older.config.get('mode'));
    slots.awaitPrograms();
    if (layout) keepCounters(maps.counters, countersIn(bpf, unfinishedOf(pins), layout), layout);
    bpf.removeDirectory(unfinishedOf(pins));
    return { maps, links: Object.fromEntries(links) as Links, config };
  });
}

/** Exchanges the names of the new and the older guard; if `follow` fails, exchanges them back. */
function exchangeNames(bpf: KernelBpf, pins: string, follow: () => void): void {
  bpf.exchange(unfinishedOf(pins), pins);
  try {
    follow();
  } catch (thrown) {
    bpf.exchange(unfinishedOf(pins), pins);
    throw thrown;
  }
}

/** Copies the config without the tables. Slots keep their numbers, so that a trial continues. */
function copyHead(from: ConfigMemory, to: ConfigMemory): void {
  for (const field of ['mode', 'slot', 'previousSlot', 'hasMounted'] as const) to.set(field, from.get(field));
  for (const field of ['deadline', 'since', 'home'] as const) to.set64(field, from.get64(field));
}

/** The slot in force and, where a trial is not settled, the other one. */
function slotsInUse(config: ConfigMemory): number[] {
  const slots = [config.get('slot') % SLOTS];
  if (config.get64('deadline') !== 0n) slots.push(config.get('previousSlot') % SLOTS);
  return [...new Set(slots)];
}

function openLink(bpf: KernelBpf, pins: string, hook: BindHook, open: Closable[]): KernelLink {
  const link = bpf.openLink(`${pins}/${hook}`);
  if (!link) throw foreign(pins);
  open.push(link);
  return link;
}

/** Keeps the maps of events, so that unread events are kept and readers continue. */
function eventMaps(bpf: KernelBpf, pins: string, open: Closable[]): Partial<Maps> {
  const names = ['events', 'newest'] as const;
  const maps = names.map((name) => {
    const map = bpf.openMap(`${pins}/${name}`);
    if (!map) throw foreign(pins);
    open.push(map);
    return [name, map] as const;
  });
  return Object.fromEntries(maps);
}

function copyNamespaces(bpf: KernelBpf, pins: string, to: KernelMap): void {
  const from = bpf.openMap(`${pins}/netns`);
  if (from?.info.keyBytes !== 8 || from.info.valueBytes !== 4) throw foreign(pins);
  try {
    for (const key of from.keys()) to.update(key, from.lookup(key) ?? bytes32(1));
  } finally {
    from.close();
  }
}

/** Replaces the programs in the links; if the kernel refuses one, restores the others. */
function exchangePrograms(
  bpf: KernelBpf,
  maps: Maps,
  links: readonly (readonly [BindHook, KernelLink])[],
): void {
  const open: KernelProgram[] = [];
  const undo: (() => void)[] = [];
  try {
    const programs = links.map(([hook, link]) => {
      const replacement = loadProgram(bpf, hook, maps);
      open.push(replacement);
      const previous = bpf.programById(link.programId);
      if (previous) open.push(previous);
      return { link, replacement, previous };
    });
    for (const { link, replacement, previous } of programs) {
      link.update(replacement);
      undo.push(() => previous && link.update(previous));
    }
  } catch (thrown) {
    for (const back of undo) back();
    throw thrown;
  } finally {
    for (const program of open) program.close();
  }
}

/** Stores the earlier counts after the programs' own; lost events only if the maps of events are kept. */
function keepCounters(
  map: KernelMap,
  counted: Readonly<Record<string, bigint>>,
  { hasOurEvents }: OlderLayout,
): void {
  for (const [index, name] of COUNTERS.entries()) {
    const isKept = name !== 'lost' || hasOurEvents;
    putSum(map, COUNTERS.length + index, isKept ? (counted[name] ?? 0n) : 0n);
  }
}
