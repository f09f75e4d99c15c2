// A guard that an older portreeve installed in the kernel: its programs, maps and tables as they were recorded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDecimal } from '../../src/base/port.ts';
import type { GuardPlace } from '../../src/guard/app/kernel/install.ts';
import { bytes32, bytes64 } from '../../src/guard/app/kernel/map-bytes.ts';
import type { BindHook, KernelBpf, KernelMap, KernelMapSpec } from '../../src/host/host.ts';
import { linuxNamespaces } from '../../src/host/linux/namespaces.ts';

const RECORD = join(import.meta.dirname, '../vectors/guard/abi-2.json');
const HOOKS: readonly BindHook[] = ['bind4', 'bind6'];
const MODE = { off: 0, enforce: 1, observe: 2 } as const;
/** An instruction, and the position of the descriptor in the first of two that load a map. */
const INSTRUCTION_BYTES = 8;
const IMMEDIATE_AT = 4;

type Outer = 'ports' | 'rules' | 'cgroups' | 'users' | 'permits';

interface Recorded {
  readonly abi: number;
  /** The offsets in the map `config`. */
  readonly head: Readonly<Record<string, number>>;
  readonly headBytes: number;
  readonly slotBytes: number;
  readonly fixed: readonly KernelMapSpec[];
  readonly inner: Readonly<Record<Outer, KernelMapSpec>>;
  readonly programs: Readonly<
    Record<
      BindHook,
      {
        readonly name: string;
        readonly maps: Readonly<Record<string, string>>;
        readonly instructions: readonly string[];
      }
    >
  >;
  /** The tables of a profile in which TCP port 4000 belongs to WEB, and 4001 to ALICE. */
  readonly tables: {
    readonly ports: Readonly<Record<string, number>>;
    readonly rules: readonly string[];
    readonly settings: readonly string[];
    readonly jobs: Readonly<Record<'WEB' | 'ALICE' | 'ROOT', string>>;
  };
}

/** Keys in JSON are strings. */
const indexOf = (digits: string): number => parseDecimal(digits, 2 ** 20) ?? 0;

const bytesOf = (hex: readonly string[]): Uint8Array => Uint8Array.from(Buffer.from(hex.join(''), 'hex'));

/** The properties of the guard. */
export interface OlderGuard {
  readonly mode: keyof typeof MODE;
  /** The users who are WEB, ALICE and ROOT. */
  readonly users: readonly (readonly [uid: number, job: 'WEB' | 'ALICE' | 'ROOT'])[];
  readonly namespaces: readonly bigint[];
  /** The file of its network namespace; the default is that of the test. */
  readonly home?: string;
  /** Its version; the default is the recorded one. */
  readonly abi?: number;
  /** When a trial of the second slot, in which nothing is reserved, ends (CLOCK_BOOTTIME, nanoseconds). */
  readonly trialUntil?: bigint;
}

/** Installs it as the older portreeve did. */
export function installOlder(bpf: KernelBpf, place: GuardPlace, guard: OlderGuard): void {
  linuxNamespaces.within(guard.home ?? '/proc/self/ns/net', () => putInOlder(bpf, place, guard));
}

/** Installs it in any kernel, in the network namespace of `bpf`. */
export function putInOlder(bpf: KernelBpf, { pins, cgroup }: GuardPlace, guard: OlderGuard): void {
  const recorded: Recorded = JSON.parse(readFileSync(RECORD, 'utf8'));
  bpf.makeDirectory(pins);
  const maps = new Map<string, KernelMap>();
  for (const spec of recorded.fixed) maps.set(spec.name, bpf.createMap(spec));
  for (const [name, innerSpec] of Object.entries(recorded.inner)) {
    const innerMap = bpf.createMap({ ...innerSpec, entries: name === 'ports' ? innerSpec.entries : 1 });
    maps.set(
      name,
      bpf.createMap({ type: 'array_of_maps', name, keyBytes: 4, valueBytes: 4, entries: 2, innerMap }),
    );
    innerMap.close();
  }
  for (const [name, map] of maps) bpf.pin(map, `${pins}/${name}`);
  writeConfig(bpf, maps, recorded, guard);
  fill(bpf, maps, recorded, 0, guard.users, true);
  if (guard.trialUntil !== undefined) fill(bpf, maps, recorded, 1, guard.users, false);
  for (const cookie of [bpf.namespaceCookie(), ...guard.namespaces]) {
    maps.get('netns')?.update(bytes64(cookie), bytes32(1));
  }
  for (const hook of HOOKS) attach(bpf, maps, recorded, hook, { pins, cgroup });
  for (const map of maps.values()) map.close();
}

type Maps = ReadonlyMap<string, KernelMap>;

function writeConfig(bpf: KernelBpf, maps: Maps, recorded: Recorded, guard: OlderGuard): void {
  const memory = maps.get('config')?.memory('read and write');
  if (!memory) throw new Error('the guard has no map config');
  const { view, u8 } = memory;
  const at = (field: string): number => recorded.head[field] ?? 0;
  const isTrial = guard.trialUntil !== undefined;
  view.setUint32(at('abi'), guard.abi ?? recorded.abi, true);
  view.setUint32(at('mode'), MODE[guard.mode], true);
  view.setUint32(at('slot'), isTrial ? 1 : 0, true);
  view.setUint32(at('previousSlot'), isTrial ? 0 : 1, true);
  view.setBigUint64(at('deadline'), guard.trialUntil ?? 0n, true);
  view.setBigUint64(at('since'), 1_700_000_000_000n, true);
  view.setBigUint64(at('home'), bpf.namespaceCookie(), true);
  const settings = bytesOf(recorded.tables.settings);
  u8.set(settings, recorded.headBytes);
  // The second set is that of revision 2: the number is at the end of the settings.
  const second = settings.slice();
  new DataView(second.buffer).setUint32(second.length - 4, 2, true);
  u8.set(second, recorded.headBytes + recorded.slotBytes);
  memory.close();
}

function fill(
  bpf: KernelBpf,
  maps: Maps,
  { inner, tables }: Recorded,
  slot: number,
  users: OlderGuard['users'],
  isReserved: boolean,
): void {
  const put = (outer: Outer, write: (map: KernelMap) => void): void => {
    const map = bpf.createMap(inner[outer]);
    write(map);
    maps.get(outer)?.update(bytes32(slot), bytes32(map.fd));
    map.close();
  };
  put('ports', (map) => {
    if (!isReserved) return;
    for (const [index, first] of Object.entries(tables.ports)) {
      // Two words for each port, of which the first is for TCP.
      const value = new Uint8Array(8);
      new DataView(value.buffer).setUint32(0, first, true);
      map.update(bytes32(indexOf(index) / 2), value);
    }
  });
  put('rules', (map) => {
    const rules = bytesOf(tables.rules);
    const bytes = rules.length / inner.rules.entries;
    for (let i = 0; i < inner.rules.entries; i++)
      map.update(bytes32(i), rules.slice(i * bytes, (i + 1) * bytes));
  });
  put('cgroups', () => undefined);
  put('permits', () => undefined);
  put('users', (map) => {
    for (const [uid, job] of users) map.update(bytes32(uid), bytesOf([tables.jobs[job]]));
  });
}

function attach(
  bpf: KernelBpf,
  maps: Maps,
  { programs }: Recorded,
  hook: BindHook,
  { pins, cgroup }: GuardPlace,
): void {
  const { name, maps: places, instructions } = programs[hook];
  const bytes = bytesOf(instructions);
  const view = new DataView(bytes.buffer);
  for (const [index, map] of Object.entries(places)) {
    view.setInt32(indexOf(index) * INSTRUCTION_BYTES + IMMEDIATE_AT, maps.get(map)?.fd ?? -1, true);
  }
  const program = bpf.loadProgram(name, hook, bytes);
  const link = bpf.attach(program, cgroup, hook);
  bpf.pin(link, `${pins}/${hook}`);
  program.close();
  link.close();
}
