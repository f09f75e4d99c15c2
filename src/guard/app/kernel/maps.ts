// The maps of the guard and its programs: what each of them is, and how they are made.
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

/** What is open here, and is to be closed. */
export interface Closable {
  close(): void;
}

/** The maps that hold a map for each set of tables. */
export const OUTER = ['ports', 'rules', 'units', 'cgroups', 'users', 'permits'] as const;
export type Outer = (typeof OUTER)[number];

export const HOOKS: readonly BindHook[] = ['bind4', 'bind6'];
/** What names units: a host can be without, then the daemon alone does. */
export const UNIT_HOOKS: readonly CgroupEvent[] = ['cgroup_mkdir', 'cgroup_rmdir'];

const EVENTS_BYTES = 256 * 1024;
/** Refusals that are kept for which the ring buffer has no room, the latest. */
const NEWEST_EVENTS = 1024;

type FixedName = 'config' | 'netns' | 'counters' | 'events' | 'newest' | 'scratch';

/** The maps that are there once. */
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
  // What the programs count, and what an older guard had counted.
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

/** All maps by their names, which are those in bpffs, too. */
export const MAP_NAMES: readonly MapName[] = [
  'config',
  'netns',
  'counters',
  'events',
  'newest',
  'scratch',
  ...OUTER,
];

/** The map in a map of each kind, with room for so many. */
export function innerSpec(outer: Outer, entries: number): KernelMapSpec {
  const name = `${outer}_set`;
  if (outer === 'ports') return { type: 'array', name, keyBytes: 4, valueBytes: PORT.bytes, entries: PORTS };
  if (outer === 'rules') {
    return { type: 'array', name, keyBytes: 4, valueBytes: RULE.bytes, entries, flags: ['inner_map'] };
  }
  const [keyBytes, valueBytes] = HASHES[outer];
  return { type: 'hash', name, keyBytes, valueBytes, entries, flags: ['no_prealloc'] };
}

/** The bytes of keys and values. */
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

/** Whether a map is what the guard's map of that name is. */
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

/** Makes the maps, but for those that are `kept`; each is added to `open` as soon as it is there. */
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

/** The program of a hook, as this build has it. */
function programOf(hook: KernelHook): Program {
  if (hook === 'cgroup_mkdir') return mkdirProgram();
  if (hook === 'cgroup_rmdir') return rmdirProgram();
  return bindProgram(hook === 'bind4' ? 4 : 6);
}

const tagged = new Map<KernelHook, Uint8Array>();

/** The bytes by which the kernel tags a program: made once, since the daemon asks several times a second. */
export function taggedProgram(hook: KernelHook): Uint8Array {
  const bytes = tagged.get(hook) ?? taggedBytes(programOf(hook));
  tagged.set(hook, bytes);
  return bytes;
}

/** Loads the program of a hook, which goes by these maps. */
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

/** Whether a program is called as the guard's are. */
export function isProgramOf(hook: KernelHook, program: KernelProgram): boolean {
  return program.name === `portreeve_${hook.replace('cgroup_', '')}`;
}
