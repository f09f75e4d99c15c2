// Puts the guard into the kernel: anew, or in the place of one of an older portreeve, with nothing open in between.

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

/** Where the guard is. */
export interface GuardPlace {
  /** The directory of its names in bpffs. */
  readonly pins: string;
  /** The directory of the cgroup that it is attached to; below it all binds are judged. */
  readonly cgroup: string;
}

/** What is put in force. */
export interface InForceTables {
  readonly tables: GuardTables;
  readonly jobs: () => Jobs;
  /** When, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** What makes tables anew, for whoever has not made those that are in the kernel. */
export interface TableMaker {
  /** The tables of a revision; those of the latest where it is not known which one it is. */
  readonly tablesOf: (revision: number | undefined) => GuardTables;
  readonly jobs: () => Jobs;
}

/** A guard's maps, links and numbers, which are the caller's to close. */
export interface Parts {
  readonly maps: Maps;
  readonly links: Links;
  readonly config: ConfigMemory;
}

/**
 * Puts the guard in, with tables in force, and in the mode `off`. Its names come to their place all at once, or not at
 * all. Throws PortreeveError `GUARD_THERE` (refused) where the place has names already, and `world` where the kernel
 * has no BPF, or does not let us; nothing is left behind then.
 */
export function putIn(bpf: KernelBpf, { pins, cgroup }: GuardPlace, first: InForceTables): Parts {
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
      // Units that begin from now on are named in the tables that are filled.
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

/** Takes away what a process left behind that was killed while it put a guard in. */
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

/** Makes parts under names that are not yet the guard's; where that fails nothing of it is left. */
function finished(bpf: KernelBpf, pins: string, make: (open: Closable[]) => Parts): Parts {
  const unfinished = unfinishedOf(pins);
  const open: Closable[] = [];
  let held: ReturnType<KernelBpf['hold']>;
  bpf.removeDirectory(unfinished);
  try {
    bpf.makeDirectory(unfinished);
    // When it has the guard's name it is held as that.
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
 * Takes the place of the guard of an older portreeve, which the caller holds: the same tables, mode, trial and
 * namespaces are put into maps of ours, these get its names, and our programs take the place of those in its links,
 * each at once. Whoever is killed in between leaves one or the other in force, and whoever opens it next goes on.
 * Throws PortreeveError `GUARD_DETACHED`, and `GUARD_TRIAL` (refused) where a trial goes on of which it is not known by
 * what it is judged; the older guard stays as it is then.
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
    // What an older portreeve has written there meanwhile: it does not hold it for that.
    config.set('mode', older.config.get('mode'));
    slots.awaitPrograms();
    if (layout) keepCounters(maps.counters, countersIn(bpf, unfinishedOf(pins), layout), layout);
    bpf.removeDirectory(unfinishedOf(pins));
    return { maps, links: Object.fromEntries(links) as Links, config };
  });
}

/** Ours get the guard's name, and the older ones that of what is to go; if what follows fails, they do so again. */
function exchangeNames(bpf: KernelBpf, pins: string, follow: () => void): void {
  bpf.exchange(unfinishedOf(pins), pins);
  try {
    follow();
  } catch (thrown) {
    bpf.exchange(unfinishedOf(pins), pins);
    throw thrown;
  }
}

/** What the programs go by besides the tables. Slots keep their numbers, so that a trial goes on. */
function copyHead(from: ConfigMemory, to: ConfigMemory): void {
  for (const field of ['mode', 'slot', 'previousSlot', 'hasMounted'] as const) to.set(field, from.get(field));
  for (const field of ['deadline', 'since', 'home'] as const) to.set64(field, from.get64(field));
}

/** The slot in force; and of a trial that is not settled the other one. */
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

/** The events that nobody has read yet stay, and who reads them goes on. */
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

/** Exchanges the programs in the links; where one is refused the others go back. */
function exchangePrograms(
  bpf: KernelBpf,
  maps: Maps,
  links: readonly (readonly [BindHook, KernelLink])[],
): void {
  const open: KernelProgram[] = [];
  const undo: (() => void)[] = [];
  try {
    const programs = links.map(([hook, link]) => {
      const ours = loadProgram(bpf, hook, maps);
      open.push(ours);
      const theirs = bpf.programById(link.programId);
      if (theirs) open.push(theirs);
      return { link, ours, theirs };
    });
    for (const { link, ours, theirs } of programs) {
      link.update(ours);
      undo.push(() => theirs && link.update(theirs));
    }
  } catch (thrown) {
    for (const back of undo) back();
    throw thrown;
  } finally {
    for (const program of open) program.close();
  }
}

/** What was counted before stands behind what the programs count; of events only those of the maps that are kept. */
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
