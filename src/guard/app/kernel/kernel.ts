// The guard in the kernel, pinned in bpffs: reads its state, and changes its tables, mode, trial and namespaces.

import type { BindHook, KernelBpf, KernelLink, KernelMap } from '../../../host/host.ts';
import type { Jobs } from '../../../job/core/jobs.ts';
import { COUNTERS, GUARD_ABI, MODE, SLOTS } from '../../bpf/layout.ts';
import type { GuardTables } from '../../bpf/tables.ts';
import { ConfigMemory } from './config-memory.ts';
import {
  type GuardPlace,
  type InForceTables,
  installGuard,
  type Parts,
  type TableMaker,
  takeOver,
} from './install.ts';
import { detached, foreign, moved, newer, older, trialEnded, trialRuns } from './kernel-errors.ts';
import { sumsOf } from './map-bytes.ts';
import {
  type Closable,
  HOOKS,
  isProgramOf,
  type Links,
  loadProgram,
  type Maps,
  taggedProgram,
} from './maps.ts';
import { GuardedNamespaces } from './namespaces.ts';
import {
  type GuardHead,
  type GuardMode,
  headOf,
  isAttached,
  type OtherGuard,
  openMaps,
  openPinned,
  otherGuard,
  removeGuard,
  withLock,
  withSameLocked,
} from './pinned.ts';
import { type Gone, TableSlots } from './table-slots.ts';
import { areUnitsNamed, renewUnits } from './unit-programs.ts';

export interface GuardState extends GuardHead {
  readonly revision: number;
  /** The network namespaces that the guard covers, including `home`. */
  readonly namespaces: readonly bigint[];
  /** Whether the kernel assigns units their jobs as they start; otherwise the daemon does so later. */
  readonly namesUnits: boolean;
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], bigint>>;
}

export class GuardKernel {
  readonly #bpf: KernelBpf;
  readonly #pins: string;
  readonly #maps: Maps;
  readonly #links: Links;
  readonly #config: ConfigMemory;
  readonly #slots: TableSlots;

  private constructor(bpf: KernelBpf, pins: string, { maps, links, config }: Parts) {
    this.#bpf = bpf;
    this.#pins = pins;
    this.#maps = maps;
    this.#links = links;
    this.#config = config;
    this.#slots = new TableSlots(bpf, maps, config);
  }

  /**
   * Opens the guard at a place; undefined if there is none. Programs of another build are replaced by this build's, and
   * with a `maker` the guard of an older version is replaced. Throws PortreeveError (refused) `GUARD_FOREIGN` where
   * something else is there, `GUARD_OLDER` and `GUARD_NEWER` for another version's guard, and `GUARD_DETACHED` where
   * its programs are no longer called.
   */
  static open(bpf: KernelBpf, pins: string, maker?: TableMaker): GuardKernel | undefined {
    return withLock(bpf, pins, () => {
      const pinned = openPinned(bpf, pins);
      if (!pinned) return undefined;
      try {
        if (pinned.abi > GUARD_ABI) throw newer(pins, pinned.abi);
        if (pinned.abi === GUARD_ABI) return GuardKernel.#opened(bpf, pins);
        if (!maker) throw older(pins, pinned.abi);
        return new GuardKernel(bpf, pins, takeOver(bpf, pins, pinned, maker));
      } finally {
        pinned.close();
      }
    });
  }

  static #opened(bpf: KernelBpf, pins: string): GuardKernel {
    const maps = openMaps(bpf, pins);
    const open: Closable[] = Object.values(maps);
    try {
      const links = HOOKS.map((hook) => {
        const link = bpf.openLink(`${pins}/${hook}`);
        if (!link) throw foreign(pins);
        open.push(link);
        return [hook, link] as const;
      });
      const config = new ConfigMemory(maps.config);
      open.push(config);
      const guard = new GuardKernel(bpf, pins, { maps, links: Object.fromEntries(links) as Links, config });
      if (!isAttached(guard.#links)) throw detached(pins);
      guard.#renewPrograms();
      return guard;
    } catch (thrown) {
      for (const object of open) object.close();
      throw thrown;
    }
  }

  /**
   * Installs the guard with tables in force and in the mode `off`. Throws PortreeveError `GUARD_THERE` (refused) where
   * the place already exists, and (environment) where the kernel has no BPF or does not permit it; nothing is left
   * behind then.
   */
  static install(bpf: KernelBpf, place: GuardPlace, first: InForceTables): GuardKernel {
    return new GuardKernel(bpf, place.pins, installGuard(bpf, place, first));
  }

  /** Reads the state of the guard at a place, whatever its version, and changes nothing. Throws `GUARD_FOREIGN`. */
  static inspect(bpf: KernelBpf, pins: string): GuardState | OtherGuard | undefined {
    return withLock(bpf, pins, () => {
      const pinned = openPinned(bpf, pins);
      if (!pinned) return undefined;
      try {
        if (pinned.abi !== GUARD_ABI) return otherGuard(bpf, pins, pinned);
        const { links, config } = pinned;
        const guard = new GuardKernel(bpf, pins, { maps: openMaps(bpf, pins), links, config });
        try {
          return guard.state();
        } finally {
          guard.close();
        }
      } finally {
        pinned.close();
      }
    });
  }

  /** Replaces programs that are not this build's or do not use these maps. */
  #renewPrograms(): void {
    for (const hook of HOOKS) {
      const link = this.#links[hook];
      const there = this.#bpf.programById(link.programId);
      try {
        if (there && !isProgramOf(hook, there)) throw foreign(this.#pins);
        const tags = this.#bpf.tags(taggedProgram(hook));
        const isOurs = there && tags.includes(there.tag) && there.mapIds.includes(this.id);
        if (!isOurs) this.#renewProgram(hook, link);
      } finally {
        there?.close();
      }
    }
    renewUnits(this.#bpf, this.#pins, this.#maps);
  }

  #renewProgram(hook: BindHook, link: KernelLink): void {
    const replacement = loadProgram(this.#bpf, hook, this.#maps);
    try {
      link.update(replacement);
    } finally {
      replacement.close();
    }
  }

  /** The id of its map `config`, which the kernel gives to no other guard until the next boot. */
  get id(): number {
    return this.#maps.config.info.id;
  }

  /** Calls `act` under the guard's lock, which all processes share. Throws `GUARD_GONE` if the guard was removed. */
  locked<Result>(act: () => Result): Result {
    return withSameLocked(this.#bpf, this.#pins, this.id, act);
  }

  #trial(): 'none' | 'runs' | 'ended' {
    return this.#config.trial(this.#bpf.bootNow());
  }

  #slotInForce(): number {
    return this.#config.slotInForce(this.#bpf.bootNow());
  }

  /** The slot in force and, during a trial, the one to which the programs revert by themselves. */
  #slotsInUse(): readonly number[] {
    const inForce = this.#slotInForce();
    return this.#trial() === 'runs' ? [inForce, (inForce + 1) % SLOTS] : [inForce];
  }

  /** Identifies the tables in force: it changes whenever other tables are put in force. */
  get swapInForce(): number {
    return this.#config.swapOf(this.#slotInForce());
  }

  /** A trial has ended unconfirmed, and that is not recorded yet. */
  get hasReverted(): boolean {
    return this.#trial() === 'ended';
  }

  /**
   * Puts tables in force, all of them at once. With `trialMs` the programs revert to the tables before after that time,
   * unless confirm() is called first. With `over` this happens only if that swap is still in force. Throws
   * PortreeveError (refused) `GUARD_TRIAL` during a trial, `GUARD_TRIAL_ENDED` until its end is settled, and
   * `GUARD_MOVED`.
   */
  swap(tables: GuardTables, jobs: () => Jobs, nowMs: number, trialMs?: number, over?: number): void {
    this.locked(() => {
      if (over !== undefined && over !== this.swapInForce) throw moved();
      this.#swap(tables, jobs, nowMs, trialMs);
    });
  }

  #swap(tables: GuardTables, jobs: () => Jobs, nowMs: number, trialMs?: number): void {
    const trial = this.#trial();
    if (trial !== 'none') throw trial === 'runs' ? trialRuns() : trialEnded();
    const current = this.#slotInForce();
    const next = (current + 1) % SLOTS;
    this.#slots.fill(next, tables, jobs);
    this.#config.set('previousSlot', current);
    if (trialMs !== undefined)
      this.#config.set64('deadline', this.#bpf.bootNow() + BigInt(trialMs) * 1_000_000n);
    this.#config.set('slot', next);
    this.#config.set64('since', BigInt(nowMs));
    if (trialMs === undefined) this.#slots.release(current);
  }

  /** Makes a trial permanent; false if there is none. */
  confirm(): boolean {
    return this.locked(() => {
      if (this.#trial() !== 'runs') return false;
      this.#config.set64('deadline', 0n);
      this.#slots.release((this.#slotInForce() + 1) % SLOTS);
      return true;
    });
  }

  /**
   * Cleans up a trial that has ended unconfirmed, after `record` has recorded which revision is in force again. Returns
   * the result of `record`, and undefined where no trial has ended.
   */
  settle<Recorded>(record: (revision: number) => Recorded): Recorded | undefined {
    return this.locked(() => {
      if (this.#trial() !== 'ended') return undefined;
      const recorded = record(this.#config.revision(this.#slotInForce()));
      this.#endTrial();
      return recorded;
    });
  }

  /** Reverts a trial at once; false if there is none. */
  revert(): boolean {
    return this.locked(() => {
      if (this.#trial() !== 'runs') return false;
      this.#endTrial();
      return true;
    });
  }

  #endTrial(): void {
    const tried = this.#config.get('slot') % SLOTS;
    const before = this.#config.get('previousSlot') % SLOTS;
    this.#config.set('slot', before);
    // A program that has read the slot on trial must still find that its time is over.
    this.#slots.awaitPrograms();
    this.#config.set64('deadline', 0n);
    // They are equal if a process was killed just before its trial would have begun.
    if (tried !== before) this.#slots.release(tried);
  }

  setMode(mode: GuardMode): void {
    this.locked(() => this.#config.set('mode', MODE[mode]));
  }

  /** Whether updateJobs() can work: this process knows the tables, and no other process has replaced them. */
  get knowsTables(): boolean {
    return this.#slotsInUse().every((slot) => this.#slots.knows(slot));
  }

  /**
   * Adds jobs that are new or have changed, and removes those that are gone; during a trial in both sets of tables.
   * False where this process does not know the tables, which then have to be rebuilt.
   */
  updateJobs(changed: Jobs, gone: Gone): boolean {
    return this.locked(() => {
      if (!this.knowsTables) return false;
      for (const slot of this.#slotsInUse()) this.#slots.change(slot, changed, gone);
      return true;
    });
  }

  /**
   * Rebuilds the tables in force with the current jobs; during a trial also those to which it may revert. If the tables
   * are unchanged, only jobs and permits are replaced. Throws PortreeveError (refused) `GUARD_MOVED` where another
   * process replaced them first, and `GUARD_TRIAL` where they have changed during a trial.
   */
  renew(maker: TableMaker): void {
    const made = this.#slotsInUse().map((slot) => {
      const [swap, revision] = [this.#config.swapOf(slot), this.#config.revision(slot)];
      return { slot, swap, tables: maker.tablesOf(revision) };
    });
    this.locked(() => {
      const slots = this.#slotsInUse();
      const isMoved = made.some(
        ({ slot, swap }, i) => slots[i] !== slot || this.#config.swapOf(slot) !== swap,
      );
      if (isMoved || slots.length !== made.length) throw moved();
      const [inForce] = made;
      if (made.every(({ slot, tables }) => this.#slots.isSame(slot, tables))) {
        for (const { slot, tables } of made) this.#slots.refill(slot, tables, maker.jobs);
      } else if (inForce) {
        // It is the same profile: it keeps its time.
        this.#swap(inForce.tables, maker.jobs, this.state().since);
      }
    });
  }

  get namespaces(): GuardedNamespaces {
    return new GuardedNamespaces(this.#maps.netns, this.#config.get64('home'));
  }

  state(): GuardState {
    const now = this.#bpf.bootNow();
    return {
      ...headOf({ config: this.#config, links: this.#links }, now),
      revision: this.#config.revision(this.#config.slotInForce(now)),
      namespaces: this.namespaces.list().map(({ cookie }) => cookie),
      namesUnits: areUnitsNamed(this.#bpf, this.#pins, this.#maps),
      counters: this.#counters(),
    };
  }

  /** The counts of the programs, plus those taken over from an older guard. */
  #counters(): GuardState['counters'] {
    const sums = sumsOf(this.#maps.counters, 2 * COUNTERS.length);
    const counts = COUNTERS.map((name, i) => [name, (sums[i] ?? 0n) + (sums[COUNTERS.length + i] ?? 0n)]);
    return Object.fromEntries(counts) as GuardState['counters'];
  }

  /** The latest refusals for which the ring buffer was full, by time. This object closes the map. */
  get newest(): KernelMap {
    return this.#maps.newest;
  }

  /** The ring buffer of refusals. This object closes the map. */
  get events(): KernelMap {
    return this.#maps.events;
  }

  /** Removes everything from the kernel, and closes it. */
  remove(): void {
    this.close();
    removeGuard(this.#bpf, this.#pins);
  }

  /** Closes the descriptors; the guard in the kernel continues. */
  close(): void {
    this.#config.close();
    for (const map of Object.values(this.#maps)) map.close();
    for (const link of Object.values(this.#links)) link.close();
  }
}
