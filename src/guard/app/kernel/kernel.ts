// The guard in the kernel, under its names in bpffs: who goes by what since when, and what may be changed.

import type { BindHook, KernelBpf, KernelLink, KernelMap } from '../../../host/host.ts';
import type { Jobs } from '../../../job/core/jobs.ts';
import { COUNTERS, GUARD_ABI, MODE, SLOTS } from '../../bpf/layout.ts';
import type { GuardTables } from '../../bpf/tables.ts';
import { ConfigMemory } from './config-memory.ts';
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
  holding,
  holdingSame,
  isAttached,
  type OtherGuard,
  openMaps,
  openPinned,
  otherGuard,
  removeGuard,
} from './pinned.ts';
import {
  type GuardPlace,
  type InForceTables,
  type Parts,
  putIn,
  type TableMaker,
  takeOver,
} from './put-in.ts';
import { type Gone, TableSlots } from './table-slots.ts';
import { areUnitsNamed, renewUnits } from './unit-programs.ts';

/** What the guard says of itself. */
export interface GuardState extends GuardHead {
  /** The revision of the profile in force. */
  readonly revision: number;
  /** The network namespaces in which the policy holds, its home among them. */
  readonly namespaces: readonly bigint[];
  /** Whether units are named in the kernel, from their first moment on; else the daemon names them. */
  readonly namesUnits: boolean;
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], bigint>>;
}

/** The guard that is in the kernel. */
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
   * The guard whose names are there; undefined if there are none. Programs of another build of ours are exchanged for
   * this one's, and with a `maker` the guard of an older version is taken over. Throws PortreeveError (refused)
   * `GUARD_FOREIGN` where something else is there, `GUARD_OLDER` and `GUARD_NEWER` where it is of another version, and
   * `GUARD_DETACHED` where its programs are not called any more.
   */
  static open(bpf: KernelBpf, pins: string, maker?: TableMaker): GuardKernel | undefined {
    return holding(bpf, pins, () => {
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
   * Puts the guard into the kernel, with tables in force and in the mode `off`. Throws PortreeveError `GUARD_THERE`
   * (refused) where the place has names already, and `world` where the kernel has no BPF, or does not let us; nothing
   * is left behind then.
   */
  static install(bpf: KernelBpf, place: GuardPlace, first: InForceTables): GuardKernel {
    return new GuardKernel(bpf, place.pins, putIn(bpf, place, first));
  }

  /** What the guard at a place says of itself, whatever its version; nothing is changed. Throws `GUARD_FOREIGN`. */
  static look(bpf: KernelBpf, pins: string): GuardState | OtherGuard | undefined {
    return holding(bpf, pins, () => {
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

  /** Exchanges programs that are not this build's, or do not go by these maps. */
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
    const ours = loadProgram(this.#bpf, hook, this.#maps);
    try {
      link.update(ours);
    } finally {
      ours.close();
    }
  }

  /** The number of its first map, which no other guard gets before the next boot. */
  get id(): number {
    return this.#maps.config.info.id;
  }

  /** The daemon and the commands change the same tables: one after the other. */
  #alone<Result>(act: () => Result): Result {
    return holdingSame(this.#bpf, this.#pins, this.id, act);
  }

  /** Does something that is not to happen beside a change of this guard, nor when it has left the kernel. */
  meanwhile<Result>(act: () => Result): Result {
    return this.#alone(act);
  }

  #trial(): 'none' | 'runs' | 'ended' {
    return this.#config.trial(this.#bpf.bootNow());
  }

  #slotInForce(): number {
    return this.#config.slotInForce(this.#bpf.bootNow());
  }

  /** The slots that are in force now or, in a trial, may be so without anybody's doing. */
  #slotsThatCount(): readonly number[] {
    const inForce = this.#slotInForce();
    return this.#trial() === 'runs' ? [inForce, (inForce + 1) % SLOTS] : [inForce];
  }

  /** Which tables are in force: another number than before where somebody has put others there. */
  get swapInForce(): number {
    return this.#config.swapOf(this.#slotInForce());
  }

  /** A trial has ended by itself, and nobody has recorded that. */
  get hasGoneBack(): boolean {
    return this.#trial() === 'ended';
  }

  /**
   * Puts tables in force, all of them at once. With `trialMs` what was in force before comes back after that time, by
   * the programs themselves, unless confirm() comes first. With `over` it is done only where that swap is still in
   * force. Throws PortreeveError (refused) `GUARD_TRIAL` during a trial, `GUARD_TRIAL_ENDED` until that is settled, and
   * `GUARD_MOVED`.
   */
  swap(tables: GuardTables, jobs: () => Jobs, nowMs: number, trialMs?: number, over?: number): void {
    this.#alone(() => {
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

  /** Ends a trial: what is on trial stays. False if none goes on. */
  confirm(): boolean {
    return this.#alone(() => {
      if (this.#trial() !== 'runs') return false;
      this.#config.set64('deadline', 0n);
      this.#slots.release((this.#slotInForce() + 1) % SLOTS);
      return true;
    });
  }

  /**
   * Tidies up a trial that has ended by itself, when `record` has recorded which revision is in force again; gives what
   * that gives, and undefined where none has ended.
   */
  settle<Recorded>(record: (revision: number) => Recorded): Recorded | undefined {
    return this.#alone(() => {
      if (this.#trial() !== 'ended') return undefined;
      const recorded = record(this.#config.revision(this.#slotInForce()));
      this.#takeBack();
      return recorded;
    });
  }

  /** Ends a trial at once: what was before it is in force again. False if none goes on. */
  goBack(): boolean {
    return this.#alone(() => {
      if (this.#trial() !== 'runs') return false;
      this.#takeBack();
      return true;
    });
  }

  #takeBack(): void {
    const tried = this.#config.get('slot') % SLOTS;
    const before = this.#config.get('previousSlot') % SLOTS;
    this.#config.set('slot', before);
    // Whoever has read the slot on trial is to find that the time is over.
    this.#slots.awaitPrograms();
    this.#config.set64('deadline', 0n);
    // They are the same where a process was killed just before the trial would have begun.
    if (tried !== before) this.#slots.release(tried);
  }

  setMode(mode: GuardMode): void {
    this.#alone(() => this.#config.set('mode', MODE[mode]));
  }

  /** Whether updateJobs() can do what it is asked: this process knows the tables, and nobody has put others there. */
  get knowsTables(): boolean {
    return this.#slotsThatCount().every((slot) => this.#slots.knows(slot));
  }

  /**
   * Puts in jobs that are new or have changed, and takes out those that are gone; during a trial in both sets of
   * tables. False where this process does not know the tables: then they are to be made anew.
   */
  updateJobs(changed: Jobs, gone: Gone): boolean {
    return this.#alone(() => {
      if (!this.knowsTables) return false;
      for (const slot of this.#slotsThatCount()) this.#slots.change(slot, changed, gone);
      return true;
    });
  }

  /**
   * Makes the tables anew that are in force, with the jobs of this moment; during a trial also those that may come
   * back. Where they turn out to be the same only jobs and permits are exchanged. Throws PortreeveError (refused)
   * `GUARD_MOVED` where others come first, and `GUARD_TRIAL` where a trial goes on and they are not the same.
   */
  renew(maker: TableMaker): void {
    const made = this.#slotsThatCount().map((slot) => {
      const [swap, revision] = [this.#config.swapOf(slot), this.#config.revision(slot)];
      return { slot, swap, tables: maker.tablesOf(revision) };
    });
    this.#alone(() => {
      const slots = this.#slotsThatCount();
      const isMoved = made.some(
        ({ slot, swap }, i) => slots[i] !== slot || this.#config.swapOf(slot) !== swap,
      );
      if (isMoved || slots.length !== made.length) throw moved();
      const [inForce] = made;
      if (made.every(({ slot, tables }) => this.#slots.isSame(slot, tables))) {
        for (const { slot, tables } of made) this.#slots.refill(slot, tables, maker.jobs);
      } else if (inForce) {
        // It is the same profile, and has been in force since then.
        this.#swap(inForce.tables, maker.jobs, this.state().since);
      }
    });
  }

  /** The network namespaces in which the policy holds. */
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

  /** What the programs have counted, and what those of an older guard had. */
  #counters(): GuardState['counters'] {
    const sums = sumsOf(this.#maps.counters, 2 * COUNTERS.length);
    const counts = COUNTERS.map((name, i) => [name, (sums[i] ?? 0n) + (sums[COUNTERS.length + i] ?? 0n)]);
    return Object.fromEntries(counts) as GuardState['counters'];
  }

  /** The latest refusals for which the ring buffer had no room, by the time of each; this object's to close. */
  get newest(): KernelMap {
    return this.#maps.newest;
  }

  /** The ring buffer with the refusals; this object's to close. */
  get events(): KernelMap {
    return this.#maps.events;
  }

  /** Takes everything out of the kernel again, and closes it. */
  remove(): void {
    this.close();
    removeGuard(this.#bpf, this.#pins);
  }

  /** Closes what is open here; in the kernel all goes on. */
  close(): void {
    this.#config.close();
    for (const map of Object.values(this.#maps)) map.close();
    for (const link of Object.values(this.#links)) link.close();
  }
}
