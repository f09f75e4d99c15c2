// The two sets of tables in the kernel: fills, updates and releases each. The caller holds the guard's lock.

import type { Job } from '../../../base/job.ts';
import type { KernelBpf, KernelMap } from '../../../host/host.ts';
import type { Jobs } from '../../../job/core/jobs.ts';
import { PORTS, SLOTS } from '../../bpf/layout.ts';
import type { GuardTables, MapEntry } from '../../bpf/tables.ts';
import { unitEntries } from '../../bpf/unit-tables.ts';
import type { ConfigMemory } from './config-memory.ts';
import { bytes32, bytes64 } from './map-bytes.ts';
import { innerSpec, type Maps, type Outer } from './maps.ts';

/** The cgroups and users that no longer have a job. */
export interface Gone {
  readonly cgroups: readonly bigint[];
  readonly users: readonly number[];
}

/** Minimum sizes, with room for cgroups and users that appear later, and for later tables in the same maps. */
const CGROUPS_MIN = 4096;
const USERS_MIN = 4096;
const UNITS_MIN = 4096;
const RULES_MIN = 1024;
const PERMITS_MIN = 1024;

/** A larger map of rules (half a megabyte) is freed when its slot is released. */
const RULES_KEPT = 16_384;
/** Emptying a hash with this many entries takes as long as replacing it. */
const EMPTIED_MAX = 2048;

/** The sets of tables of one guard. */
export class TableSlots {
  readonly #bpf: KernelBpf;
  readonly #maps: Maps;
  readonly #config: ConfigMemory;
  /** The tables in each slot, as far as this process knows them, and the swap that installed them. */
  readonly #known: ({ readonly swap: number; readonly tables: GuardTables } | undefined)[] = [];

  constructor(bpf: KernelBpf, maps: Maps, config: ConfigMemory) {
    this.#bpf = bpf;
    this.#maps = maps;
    this.#config = config;
  }

  /** Fills a slot that no program uses. Its maps are reused. */
  fill(slot: number, tables: GuardTables, jobsNow: () => Jobs): void {
    // A process may have been killed before it filled or released the slot: programs may still use it.
    if (this.#config.swapOf(slot) !== 0 || this.#maps.units.lookup(bytes32(slot))) this.release(slot);
    const swap = nextSwap(this.#config.get('swaps'));
    this.#config.set('swaps', swap);
    const { ports, rules, ruleCount } = tables;
    this.#reuse('ports', slot, PORTS, (map) => map.updateBatch(indexes(PORTS), ports));
    const room = Math.max(RULES_MIN, ruleCount);
    this.#reuse('rules', slot, room, (map) => map.updateBatch(indexes(ruleCount), rules));
    this.#config.setSettings(slot, tables.settings);
    const jobs = jobsNow();
    this.#config.setCgroups(slot, jobs.cgroups.keys());
    this.#putJobs(slot, tables, jobs, (...map) => this.#reuse(...map));
    this.#putStarted(slot, tables, jobs, jobsNow());
    this.#config.setSwapOf(slot, swap);
    this.#known[slot] = { swap, tables };
  }

  /** Whether a slot contains these tables, so that this process can encode jobs for it. */
  isSame(slot: number, { digest }: GuardTables): boolean {
    return this.#config.swapOf(slot) !== 0 && this.#config.digest(slot) === digest;
  }

  /** Replaces jobs, permits and settings in a slot that has the same tables, even if programs are using it. */
  refill(slot: number, tables: GuardTables, jobsNow: () => Jobs): void {
    this.#config.setSettings(slot, tables.settings);
    const jobs = jobsNow();
    this.#addToFilter(slot, jobs);
    this.#putJobs(slot, tables, jobs, (outer, ...map) =>
      // Units that the kernel has added since the jobs were read must stay in the map.
      outer === 'cgroups' ? this.#putMore(outer, ...map) : this.#put(outer, ...map),
    );
    this.#putStarted(slot, tables, jobs, jobsNow());
    this.#known[slot] = { swap: this.#config.swapOf(slot), tables };
  }

  /** Whether this process knows the tables in a slot: it installed them, or found them to be the same. */
  knows(slot: number): boolean {
    const known = this.#known[slot];
    return known !== undefined && known.swap === this.#config.swapOf(slot);
  }

  /** Updates the jobs in a known slot. */
  change(slot: number, changed: Jobs, gone: Gone): void {
    const tables = this.#known[slot]?.tables;
    if (!tables) return;
    this.#addToFilter(slot, changed);
    this.#change('cgroups', slot, { changed: changed.cgroups, gone: gone.cgroups, key: bytes64, tables });
    this.#change('users', slot, { changed: changed.users, gone: gone.users, key: bytes32, tables });
  }

  #change<Id>(outer: 'cgroups' | 'users', slot: number, { changed, gone, key, tables }: Changes<Id>): void {
    if (changed.size === 0 && gone.length === 0) return;
    const map = this.#inner(outer, slot);
    if (!map) return;
    try {
      // Deletions first: they make room.
      for (const one of gone) map.delete(key(one));
      for (const [one, job] of changed) map.update(key(one), tables.job(job));
    } finally {
      map.close();
    }
  }

  /** Releases a slot that is no longer in force. When this returns, no program uses it. */
  release(slot: number): void {
    this.#known[slot] = undefined;
    // From here on the kernel adds no units there.
    this.#maps.units.delete(bytes32(slot));
    this.awaitPrograms();
    this.#config.setSwapOf(slot, 0);
    const rules = this.#inner('rules', slot);
    rules?.close();
    if (rules && rules.info.entries > RULES_KEPT) this.#maps.rules.delete(bytes32(slot));
  }

  /** Waits until all running programs have ended: the kernel does so when an inner map is replaced, here by itself. */
  awaitPrograms(): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      const ports = this.#inner('ports', slot);
      if (!ports) continue;
      try {
        this.#maps.ports.update(bytes32(slot), bytes32(ports.fd));
      } finally {
        ports.close();
      }
      return;
    }
  }

  #putJobs(slot: number, tables: GuardTables, jobs: Jobs, put: Put): void {
    const { job, permits } = tables;
    const units = unitEntries(tables, jobs.units ?? []);
    const cgroups = [...jobs.cgroups].map(([id, name]) => ({ key: bytes64(id), value: job(name) }));
    const users = [...jobs.users].map(([uid, name]) => ({ key: bytes32(uid), value: job(name) }));
    put('permits', slot, Math.max(PERMITS_MIN, permits.length), (map) => putAll(map, permits));
    put('cgroups', slot, Math.max(CGROUPS_MIN, cgroups.length * 2), (map) => putAll(map, cgroups));
    // From here on the kernel adds units to the map of cgroups.
    put('units', slot, Math.max(UNITS_MIN, units.length), (map) => putAll(map, units));
    put('users', slot, Math.max(USERS_MIN, users.length * 2), (map) => putAll(map, users));
  }

  /** Adds units that started after the jobs were read and before the kernel could add them, as no daemon may run. */
  #putStarted(slot: number, tables: GuardTables, before: Jobs, now: Jobs): void {
    const changed = new Map([...now.cgroups].filter(([id]) => !before.cgroups.has(id)));
    this.#addToFilter(slot, { cgroups: changed });
    this.#change('cgroups', slot, { changed, gone: [], key: bytes64, tables });
  }

  #addToFilter(slot: number, { cgroups }: Pick<Jobs, 'cgroups'>): void {
    for (const id of cgroups.keys()) this.#config.addCgroup(slot, id);
  }

  /** Replaces an inner map atomically; the kernel then waits for all running programs. */
  #put(outer: Outer, slot: number, entries: number, fill: (map: KernelMap) => void): void {
    const map = this.#bpf.createMap(innerSpec(outer, entries));
    try {
      fill(map);
      this.#maps[outer].update(bytes32(slot), bytes32(map.fd));
    } finally {
      map.close();
    }
  }

  /** Fills the present inner map, which no program uses, or a new one if it is too small. */
  #reuse(outer: Outer, slot: number, entries: number, fill: (map: KernelMap) => void): void {
    const map = this.#inner(outer, slot);
    try {
      if (map && map.info.entries >= entries && isEmptied(map)) fill(map);
      else this.#put(outer, slot, entries, fill);
    } finally {
      map?.close();
    }
  }

  /** Adds to the present inner map, or replaces it if it is too small or more than half full. */
  #putMore(outer: Outer, slot: number, entries: number, fill: (map: KernelMap) => void): void {
    const map = this.#inner(outer, slot);
    try {
      const isRoomy = map && map.info.entries >= entries && [...map.keys()].length <= map.info.entries / 2;
      if (map && isRoomy) fill(map);
      else this.#put(outer, slot, entries, fill);
    } finally {
      map?.close();
    }
  }

  /** The inner map of a slot, which the caller closes. */
  #inner(outer: Outer, slot: number): KernelMap | undefined {
    const id = this.#maps[outer].lookup(bytes32(slot));
    return id && this.#bpf.mapById(new DataView(id.buffer).getUint32(0, true));
  }
}

interface Changes<Id> {
  readonly changed: ReadonlyMap<Id, Job>;
  readonly gone: readonly Id[];
  readonly key: (id: Id) => Uint8Array;
  readonly tables: GuardTables;
}

/** Fills the inner map of a kind in a slot, with room for `entries`. */
type Put = (outer: Outer, slot: number, entries: number, fill: (map: KernelMap) => void) => void;

/** Empties a hash; false where it has too many entries. Arrays are overwritten. */
function isEmptied(map: KernelMap): boolean {
  if (map.info.type !== 'hash') return true;
  const keys: Uint8Array[] = [];
  for (const key of map.keys()) if (keys.push(key) > EMPTIED_MAX) return false;
  for (const key of keys) map.delete(key);
  return true;
}

/** Skips 0, which means that a set is incomplete. */
function nextSwap(swap: number): number {
  return swap === 0xffff_ffff ? 1 : swap + 1;
}

function putAll(map: KernelMap, entries: readonly MapEntry[]): void {
  for (const { key, value } of entries) map.update(key, value);
}

/** The keys of an array from 0 on. */
function indexes(count: number): Uint8Array {
  const keys = new Uint32Array(count);
  for (let i = 0; i < count; i++) keys[i] = i;
  return new Uint8Array(keys.buffer);
}
