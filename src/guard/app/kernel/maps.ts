// The guard's BPF maps and programs: their specifications, and how they are created and loaded.
import { GUARD_NAMESPACES_MAX } from '../../../base/limits.ts';
import { encode, type Program, taggedBytes } from '../../../bpf/program.ts';
import type {
  BindHook,
  CgroupEvent,
  KernelBpf,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
} from '../../../host/host.ts';
import {
  CONFIG_BYTES,
  COUNTERS,
  EVENT,
  JOB,
  PERMIT_KEY,
  PORT,
  PORTS,
  RULE,
  SLOTS,
  UNIT_NAME_BYTES,
} from '../../bpf/layout.ts';
import { bindProgram } from '../../bpf/program.ts';
import { mkdirProgram, rmdirProgram, SCRATCH_BYTES } from '../../bpf/units.ts';
import { explained } from './kernel-errors.ts';

export interface Closable {
  close(): void;
}

/** The maps of maps: each contains one inner map for each set of tables. */
export const OUTER = ['ports', 'rules', 'units', 'cgroups', 'users', 'permits'] as const;
export type Outer = (typeof OUTER)[number];

export const HOOKS: readonly BindHook[] = ['bind4', 'bind6'];
/** The events at which units get their jobs. They are optional: without them the daemon assigns the jobs. */
export const UNIT_HOOKS: readonly CgroupEvent[] = ['cgroup_mkdir', 'cgroup_rmdir'];

const EVENTS_BYTES = 256 * 1024;
/** At most this many refusals are kept, the latest, while the ring buffer is full. */
const NEWEST_EVENTS = 1024;

type FixedName = 'config' | 'netns' | 'counters' | 'events' | 'newest' | 'scratch';

/** The maps that exist once, not for each set of tables. */
const FIXED: Readonly<Record<FixedName, KernelMapSpec>> = {
  config: {
    type: 'array',
    name: 'config',
    keyBytes: 4,
    valueBytes: CONFIG_BYTES,
    entries: 1,
    flags: ['mmapable'],
  },
  netns: { type: 'hash', name: 'netns', keyBytes: 8, valueBytes: 4, entries: GUARD_NAMESPACES_MAX },
  // The counts of the programs, followed by those of an older guard.
  counters: {
    type: 'percpu_array',
    name: 'counters',
    keyBytes: 4,
    valueBytes: 8,
    entries: 2 * COUNTERS.length,
  },
  events: { type: 'ringbuf', name: 'events', keyBytes: 0, valueBytes: 0, entries: EVENTS_BYTES },
  newest: { type: 'lru_hash', name: 'newest', keyBytes: 8, valueBytes: EVENT.bytes, entries: NEWEST_EVENTS },
  scratch: { type: 'percpu_array', name: 'scratch', keyBytes: 4, valueBytes: SCRATCH_BYTES, entries: 1 },
};

export type MapName = Outer | FixedName;
export type Maps = Readonly<Record<MapName, KernelMap>>;
export type Links = Readonly<Record<BindHook, KernelLink>>;

/** The names of all maps, which are also their names in bpffs. */
export const MAP_NAMES: readonly MapName[] = [
  'config',
  'netns',
  'counters',
  'events',
  'newest',
  'scratch',
  ...OUTER,
];

/** The inner map of each kind, with room for `entries`. */
export function innerSpec(outer: Outer, entries: number): KernelMapSpec {
  const name = `${outer}_set`;
  if (outer === 'ports') return { type: 'array', name, keyBytes: 4, valueBytes: PORT.bytes, entries: PORTS };
  if (outer === 'rules') {
    return { type: 'array', name, keyBytes: 4, valueBytes: RULE.bytes, entries, flags: ['inner_map'] };
  }
  const [keyBytes, valueBytes] = HASHES[outer];
  return { type: 'hash', name, keyBytes, valueBytes, entries, flags: ['no_prealloc'] };
}

/** The sizes of keys and values in bytes. */
const HASHES: Readonly<Record<Exclude<Outer, 'ports' | 'rules'>, readonly [key: number, value: number]>> = {
  units: [UNIT_NAME_BYTES, JOB.bytes],
  cgroups: [8, JOB.bytes],
  users: [4, JOB.bytes],
  permits: [PERMIT_KEY.bytes, 4],
};

function specOf(name: MapName): KernelMapSpec {
  if (name in FIXED) return FIXED[name as keyof typeof FIXED];
  return { type: 'array_of_maps', name, keyBytes: 4, valueBytes: 4, entries: SLOTS };
}

/** Whether a map matches the specification of that name. */
export function isMapOf(name: MapName, { info }: KernelMap): boolean {
  const { type, keyBytes, valueBytes } = specOf(name);
  return (
    info.name === name &&
    info.type === type &&
    info.keyBytes === keyBytes &&
    info.valueBytes === valueBytes &&
    info.entries === specOf(name).entries
  );
}

/** Creates the maps, except those that are `kept`. Each is added to `open` as soon as it exists. */
export function createMaps(bpf: KernelBpf, open: Closable[], kept: Partial<Maps> = {}): Maps {
  const made = MAP_NAMES.map((name) => {
    const map = kept[name] ?? createMap(bpf, name);
    if (!kept[name]) open.push(map);
    return [name, map] as const;
  });
  return Object.fromEntries(made) as Maps;
}

function createMap(bpf: KernelBpf, name: MapName): KernelMap {
  if (name in FIXED) return bpf.createMap(specOf(name));
  const innerMap = bpf.createMap(innerSpec(name as Outer, 1));
  try {
    return bpf.createMap({ ...specOf(name), innerMap });
  } finally {
    innerMap.close();
  }
}

/** This build's program for a hook. */
function programOf(hook: KernelHook): Program {
  if (hook === 'cgroup_mkdir') return mkdirProgram();
  if (hook === 'cgroup_rmdir') return rmdirProgram();
  return bindProgram(hook === 'bind4' ? 4 : 6);
}

const tagged = new Map<KernelHook, Uint8Array>();

/** The bytes over which the kernel computes a program's tag. Cached: the daemon needs them several times a second. */
export function taggedProgram(hook: KernelHook): Uint8Array {
  const bytes = tagged.get(hook) ?? taggedBytes(programOf(hook));
  tagged.set(hook, bytes);
  return bytes;
}

/** Loads the program for a hook, with these maps. */
export function loadProgram(bpf: KernelBpf, hook: KernelHook, maps: Maps): KernelProgram {
  const program = programOf(hook);
  const all: Readonly<Record<string, KernelMap>> = maps;
  const instructions = encode(program, (map) => all[map]?.fd ?? -1);
  try {
    return bpf.loadProgram(program.name, hook, instructions);
  } catch (thrown) {
    throw explained(thrown, program);
  }
}

/** Whether a program has the name of the guard's program for a hook. */
export function isProgramOf(hook: KernelHook, program: KernelProgram): boolean {
  return program.name === `portreeve_${hook.replace('cgroup_', '')}`;
}
