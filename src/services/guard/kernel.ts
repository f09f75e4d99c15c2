// The guard in the kernel: its maps and programs under their names in bpffs, and what may be done to them.
import type { JobName } from '../../base/job.ts';
import { exactNumber } from '../../base/numbers.ts';
import {
  CONFIG_BYTES,
  COUNTERS,
  EVENT,
  GUARD_ABI,
  JOB,
  MODE,
  PERMIT_KEY,
  PORT,
  PORTS,
  RULE,
  SLOTS,
} from '../../bpf/guard-layout.ts';
import { bindProgram } from '../../bpf/guard-program.ts';
import type { GuardTables, MapEntry } from '../../bpf/guard-tables.ts';
import { encode } from '../../bpf/program.ts';
import type {
  KernelBpf,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
} from '../../host/host.ts';
import { ConfigMemory } from './config-memory.ts';
import { foreign, isThere, otherAbi, trialRuns } from './kernel-errors.ts';
import { bytes32, bytes64 } from './map-bytes.ts';

/** Where the guard is. */
export interface GuardPlace {
  /** The directory of its names in bpffs. */
  readonly pins: string;
  /** The directory of the cgroup that it is attached to; below it all binds are judged. */
  readonly cgroup: string;
}

/** Who is which job. */
export interface Jobs {
  readonly cgroups: ReadonlyMap<bigint, JobName>;
  readonly users: ReadonlyMap<number, JobName>;
}

export type GuardMode = keyof typeof MODE;

/** What the guard says of itself. */
export interface GuardState {
  readonly mode: GuardMode;
  readonly revision: number;
  /** When the tables were put in force, in milliseconds since 1970. */
  readonly since: number;
  /** How long a trial goes on, in milliseconds; undefined where there is none. */
  readonly trialMs: number | undefined;
  /** A trial has ended by itself: what was before it is in force again. */
  readonly hasGoneBack: boolean;
  readonly cgroupId: bigint;
  readonly namespaces: readonly bigint[];
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], bigint>>;
}

/** The maps that hold a map for each set of tables. */
const OUTER = ['ports', 'rules', 'cgroups', 'users', 'permits'] as const;
type Outer = (typeof OUTER)[number];

const HOOKS: readonly KernelHook[] = ['bind4', 'bind6'];
const NAMESPACES_MAX = 64;
const EVENTS_BYTES = 256 * 1024;
/** Refusals that are kept for which the ring buffer has no room, the latest. */
const NEWEST_EVENTS = 1024;
/** Room for cgroups and users that come while the tables are in force. */
const CGROUPS_MIN = 4096;
const USERS_MIN = 4096;

const FIXED: Readonly<Record<'config' | 'netns' | 'counters' | 'events' | 'newest', KernelMapSpec>> = {
  config: {
    type: 'array',
    name: 'config',
    keyBytes: 4,
    valueBytes: CONFIG_BYTES,
    entries: 1,
    flags: ['mmapable'],
  },
  netns: { type: 'hash', name: 'netns', keyBytes: 8, valueBytes: 4, entries: NAMESPACES_MAX },
  counters: { type: 'percpu_array', name: 'counters', keyBytes: 4, valueBytes: 8, entries: COUNTERS.length },
  events: { type: 'ringbuf', name: 'events', keyBytes: 0, valueBytes: 0, entries: EVENTS_BYTES },
  newest: { type: 'lru_hash', name: 'newest', keyBytes: 8, valueBytes: EVENT.bytes, entries: NEWEST_EVENTS },
};

/** The inner map of each kind, with room for so many. */
function innerSpec(outer: Outer, entries: number): KernelMapSpec {
  const name = `${outer}_set`;
  if (outer === 'ports') return { type: 'array', name, keyBytes: 4, valueBytes: PORT.bytes, entries: PORTS };
  if (outer === 'rules') {
    return { type: 'array', name, keyBytes: 4, valueBytes: RULE.bytes, entries, flags: ['inner_map'] };
  }
  const [keyBytes, valueBytes] =
    outer === 'cgroups' ? [8, JOB.bytes] : outer === 'users' ? [4, JOB.bytes] : [PERMIT_KEY.bytes, 4];
  return { type: 'hash', name, keyBytes, valueBytes, entries, flags: ['no_prealloc'] };
}

type Maps = Readonly<Record<Outer | keyof typeof FIXED, KernelMap>>;

/** The guard that is in the kernel. */
export class GuardKernel {
  readonly #bpf: KernelBpf;
  readonly #pins: string;
  readonly #maps: Maps;
  readonly #links: Readonly<Record<KernelHook, KernelLink>>;
  readonly #config: ConfigMemory;
  /** Gives a job's value for the tables in each slot, as long as this process has put them there. */
  readonly #jobOf: (((job: JobName) => Uint8Array) | undefined)[] = [];

  private constructor(
    bpf: KernelBpf,
    pins: string,
    maps: Maps,
    links: Readonly<Record<KernelHook, KernelLink>>,
  ) {
    this.#bpf = bpf;
    this.#pins = pins;
    this.#maps = maps;
    this.#links = links;
    this.#config = new ConfigMemory(maps.config);
  }

  /**
   * The guard whose names are there; undefined if there are none. Programs of another build of ours are exchanged for
   * this one's. Throws PortreeveError `GUARD_FOREIGN` (refused) where something else is there.
   */
  static open(bpf: KernelBpf, pins: string): GuardKernel | undefined {
    const config = bpf.openMap(`${pins}/config`);
    if (!config) return undefined;
    const open: Closable[] = [config];
    const kept = <T extends Closable>(object: T | undefined): T => {
      if (!object) throw foreign(pins);
      open.push(object);
      return object;
    };
    try {
      if (config.info.name !== FIXED.config.name) throw foreign(pins);
      const names = [...OUTER, 'netns', 'counters', 'events', 'newest'] as const;
      const others = names.map((name) => [name, kept(bpf.openMap(`${pins}/${name}`))] as const);
      const links = HOOKS.map((hook) => [hook, kept(bpf.openLink(`${pins}/${hook}`))] as const);
      const maps = Object.fromEntries([['config', config], ...others]) as Maps;
      const guard = new GuardKernel(
        bpf,
        pins,
        maps,
        Object.fromEntries(links) as Record<KernelHook, KernelLink>,
      );
      open.push(guard.#config);
      const abi = guard.#config.get('abi');
      if (abi !== GUARD_ABI) throw otherAbi(pins, abi);
      guard.#renewPrograms();
      return guard;
    } catch (thrown) {
      for (const object of open) object.close();
      throw thrown;
    }
  }

  /**
   * Puts the guard into the kernel, with nothing in force yet. Throws PortreeveError `GUARD_THERE` (refused) where the
   * place has names already, and `world` where the kernel has no BPF, or does not let us; nothing is left behind then.
   */
  static install(bpf: KernelBpf, { pins, cgroup }: GuardPlace): GuardKernel {
    // The names come to their place all at once, or not at all. A process that was killed may have left some here.
    const unfinished = `${pins}-new`;
    bpf.removeDirectory(unfinished, false);
    const hasMounted = bpf.makeDirectory(unfinished);
    const open: Closable[] = [];
    try {
      const maps = createMaps(bpf, open);
      for (const [name, map] of Object.entries(maps)) bpf.pin(map, `${unfinished}/${name}`);
      const config = new ConfigMemory(maps.config);
      config.set('abi', GUARD_ABI);
      config.set('hasMounted', hasMounted ? 1 : 0);
      const home = bpf.namespaceCookie();
      config.set64('home', home);
      config.close();
      maps.netns.update(bytes64(home), bytes32(1));
      const links = HOOKS.map((hook) => {
        const program = loadProgram(bpf, hook, maps);
        const link = bpf.attach(program, cgroup, hook);
        open.push(link);
        program.close();
        bpf.pin(link, `${unfinished}/${hook}`);
        return [hook, link] as const;
      });
      if (!bpf.rename(unfinished, pins)) throw isThere(pins);
      return new GuardKernel(bpf, pins, maps, Object.fromEntries(links) as Record<KernelHook, KernelLink>);
    } catch (thrown) {
      for (const one of open) one.close();
      bpf.removeDirectory(unfinished, hasMounted);
      throw thrown;
    }
  }

  /** Exchanges programs that are not this build's. */
  #renewPrograms(): void {
    for (const hook of HOOKS) {
      const link = this.#links[hook];
      const there = this.#bpf.programById(link.programId);
      const ours = loadProgram(this.#bpf, hook, this.#maps);
      if (there?.tag !== ours.tag) link.update(ours);
      there?.close();
      ours.close();
    }
  }

  /** Which trial there is: none, one that goes on, or one that has ended without being confirmed. */
  #trial(): 'none' | 'runs' | 'ended' {
    const deadline = this.#config.get64('deadline');
    if (deadline === 0n) return 'none';
    return this.#bpf.bootNow() > deadline ? 'ended' : 'runs';
  }

  /** Which set of tables the programs go by now. */
  #slotInForce(): number {
    return this.#config.get(this.#trial() === 'ended' ? 'previousSlot' : 'slot') % SLOTS;
  }

  /**
   * Puts tables in force, all of them at once. With `trialMs` what was in force before comes back after that time, by
   * the programs themselves, unless confirm() comes first. Throws PortreeveError `GUARD_TRIAL` (refused) during a
   * trial.
   */
  swap(tables: GuardTables, jobs: Jobs, nowMs: number, trialMs?: number): void {
    this.#alone(() => this.#swap(tables, jobs, nowMs, trialMs));
  }

  /** The daemon and the commands change the same tables: one after the other. */
  #alone<Result>(act: () => Result): Result {
    return this.#bpf.exclusively(this.#pins, act);
  }

  #swap(tables: GuardTables, jobs: Jobs, nowMs: number, trialMs: number | undefined): void {
    if (this.#trial() === 'runs') throw trialRuns();
    if (this.#trial() === 'ended') this.#takeBack();
    const current = this.#slotInForce();
    const next = (current + 1) % SLOTS;
    this.#fill(next, tables, jobs);
    this.#config.setSettings(next, tables.settings);
    this.#config.clearCgroups(next);
    for (const id of jobs.cgroups.keys()) this.#config.addCgroup(next, id);
    this.#config.set('previousSlot', current);
    if (trialMs !== undefined)
      this.#config.set64('deadline', this.#bpf.bootNow() + BigInt(trialMs) * 1_000_000n);
    this.#config.set('slot', next);
    this.#config.set64('since', BigInt(nowMs));
    if (trialMs === undefined) this.#release(current);
  }

  #fill(slot: number, tables: GuardTables, jobs: Jobs): void {
    const key = bytes32(slot);
    const put = (outer: Outer, entries: number, fill: (map: KernelMap) => void) => {
      const map = this.#bpf.createMap(innerSpec(outer, entries));
      fill(map);
      this.#maps[outer].update(key, bytes32(map.fd));
      map.close();
    };
    put('ports', PORTS, (map) => map.updateBatch(indexes(PORTS), tables.ports));
    put('rules', tables.ruleCount, (map) => map.updateBatch(indexes(tables.ruleCount), tables.rules));
    put('permits', Math.max(1, tables.permits.length), (map) => putAll(map, tables.permits));
    const cgroups = [...jobs.cgroups].map(([id, job]) => ({ key: bytes64(id), value: tables.job(job) }));
    const users = [...jobs.users].map(([uid, job]) => ({ key: bytes32(uid), value: tables.job(job) }));
    put('cgroups', Math.max(CGROUPS_MIN, cgroups.length * 2), (map) => putAll(map, cgroups));
    put('users', Math.max(USERS_MIN, users.length * 2), (map) => putAll(map, users));
    this.#jobOf[slot] = tables.job;
  }

  /** Frees a set of tables that no program goes by any more. */
  #release(slot: number): void {
    // Exchanging a map waits until every program that may still go by the old set has ended.
    const inForce = bytes32((slot + 1) % SLOTS);
    const id = this.#maps.ports.lookup(inForce);
    const ports = id && this.#bpf.mapById(new DataView(id.buffer).getUint32(0, true));
    if (!ports) return;
    this.#maps.ports.update(inForce, bytes32(ports.fd));
    ports.close();
    // Each call waits so again: the small ones stay until others come in their place.
    for (const outer of ['ports', 'rules'] as const) this.#maps[outer].delete(bytes32(slot));
    this.#jobOf[slot] = undefined;
  }

  /** Ends a trial: what is on trial stays. False if none goes on. */
  confirm(): boolean {
    return this.#alone(() => {
      if (this.#trial() !== 'runs') return false;
      this.#config.set64('deadline', 0n);
      this.#release((this.#slotInForce() + 1) % SLOTS);
      return true;
    });
  }

  /** Tidies up a trial that has ended by itself; false if none has. */
  settle(): boolean {
    return this.#alone(() => this.#endTrial('ended'));
  }

  /** Ends a trial at once: what was before it is in force again. False if none goes on. */
  goBack(): boolean {
    return this.#alone(() => this.#endTrial('runs'));
  }

  #endTrial(which: 'ended' | 'runs'): boolean {
    if (this.#trial() !== which) return false;
    this.#takeBack();
    return true;
  }

  #takeBack(): void {
    const tried = this.#config.get('slot') % SLOTS;
    this.#config.set('slot', this.#config.get('previousSlot'));
    this.#config.set64('deadline', 0n);
    this.#release(tried);
  }

  setMode(mode: GuardMode): void {
    this.#config.set('mode', MODE[mode]);
  }

  /**
   * Puts in jobs that are new or have changed, and takes out those that are gone, in the tables that this process has
   * put in force. False where it has not: then the tables are to be put in force anew.
   */
  updateJobs(
    changed: Jobs,
    gone: { readonly cgroups: readonly bigint[]; readonly users: readonly number[] },
  ): boolean {
    return this.#alone(() => this.#updateJobs(changed, gone));
  }

  #updateJobs(
    changed: Jobs,
    gone: { readonly cgroups: readonly bigint[]; readonly users: readonly number[] },
  ): boolean {
    const slot = this.#slotInForce();
    const slots = this.#trial() === 'runs' ? [0, 1] : [slot];
    if (slots.some((one) => this.#jobOf[one] === undefined)) return false;
    for (const one of slots) {
      const jobOf = this.#jobOf[one];
      if (!jobOf) continue;
      for (const id of changed.cgroups.keys()) this.#config.addCgroup(one, id);
      this.#change('cgroups', one, changed.cgroups, gone.cgroups, jobOf, bytes64);
      this.#change('users', one, changed.users, gone.users, jobOf, bytes32);
    }
    return true;
  }

  #change<Id>(
    outer: 'cgroups' | 'users',
    slot: number,
    changed: ReadonlyMap<Id, JobName>,
    gone: readonly Id[],
    jobOf: (job: JobName) => Uint8Array,
    keyOf: (id: Id) => Uint8Array,
  ): void {
    if (changed.size === 0 && gone.length === 0) return;
    const id = this.#maps[outer].lookup(bytes32(slot));
    const map = id && this.#bpf.mapById(new DataView(id.buffer).getUint32(0, true));
    if (!map) return;
    for (const [one, job] of changed) map.update(keyOf(one), jobOf(job));
    for (const one of gone) map.delete(keyOf(one));
    map.close();
  }

  /** The policy holds in this network namespace, too. */
  addNamespace(cookie: bigint): void {
    this.#maps.netns.update(bytes64(cookie), bytes32(1));
  }

  state(): GuardState {
    const deadline = this.#config.get64('deadline');
    const now = this.#bpf.bootNow();
    const hasGoneBack = deadline !== 0n && now > deadline;
    const slot = this.#config.get(hasGoneBack ? 'previousSlot' : 'slot') % SLOTS;
    const mode = this.#config.get('mode');
    return {
      mode: mode === MODE.enforce ? 'enforce' : mode === MODE.observe ? 'observe' : 'off',
      revision: this.#config.revision(slot),
      since: exactNumber(this.#config.get64('since')),
      trialMs: deadline === 0n || hasGoneBack ? undefined : exactNumber((deadline - now) / 1_000_000n),
      hasGoneBack,
      cgroupId: this.#links.bind4.cgroupId,
      namespaces: [...this.#maps.netns.keys()].map((key) => new DataView(key.buffer).getBigUint64(0, true)),
      counters: this.#counters(),
    };
  }

  /** Each processor counts for itself. */
  #counters(): GuardState['counters'] {
    const counts = COUNTERS.map((name, index) => {
      const perProcessor = this.#maps.counters.lookup(bytes32(index)) ?? new Uint8Array(0);
      const view = new DataView(perProcessor.buffer, perProcessor.byteOffset, perProcessor.byteLength);
      let sum = 0n;
      for (let at = 0; at + 8 <= perProcessor.length; at += 8) sum += view.getBigUint64(at, true);
      return [name, sum] as const;
    });
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

  /** Takes everything out of the kernel again. */
  remove(): void {
    const hasMounted = this.#config.get('hasMounted') === 1;
    this.setMode('off');
    for (const hook of HOOKS) this.#links[hook].detach();
    this.close();
    this.#bpf.removeDirectory(this.#pins, hasMounted);
  }

  /** Closes what is open here; in the kernel all goes on. */
  close(): void {
    this.#config.close();
    for (const map of Object.values(this.#maps)) map.close();
    for (const link of Object.values(this.#links)) link.close();
  }
}

interface Closable {
  close(): void;
}

/** Makes the maps; each is added to `open` as soon as it is there. */
function createMaps(bpf: KernelBpf, open: Closable[]): Maps {
  const create = (spec: KernelMapSpec): KernelMap => {
    const map = bpf.createMap(spec);
    open.push(map);
    return map;
  };
  const fixed = Object.entries(FIXED).map(([name, spec]) => [name, create(spec)] as const);
  const outer = OUTER.map((name) => {
    const innerMap = bpf.createMap(innerSpec(name, 1));
    const spec = {
      type: 'array_of_maps',
      name,
      keyBytes: 4,
      valueBytes: 4,
      entries: SLOTS,
      innerMap,
    } as const;
    const map = create(spec);
    innerMap.close();
    return [name, map] as const;
  });
  return Object.fromEntries([...fixed, ...outer]) as Maps;
}

function loadProgram(bpf: KernelBpf, hook: KernelHook, maps: Maps): KernelProgram {
  const program = bindProgram(hook === 'bind4' ? 4 : 6);
  const all: Readonly<Record<string, KernelMap>> = maps;
  return bpf.loadProgram(
    program.name,
    hook,
    encode(program, (map) => all[map]?.fd ?? -1),
  );
}

function putAll(map: KernelMap, entries: readonly MapEntry[]): void {
  for (const { key, value } of entries) map.update(key, value);
}

/** The keys of an array from 0 on. */
function indexes(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) view.setUint32(i * 4, i, true);
  return bytes;
}
