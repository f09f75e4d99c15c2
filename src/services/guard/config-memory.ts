// The numbers by which the programs of the guard go, as memory that is shared with them.
import {
  CGROUP_FILTER,
  CONFIG,
  CONFIG_BYTES,
  cgroupBit,
  SETTINGS,
  SLOT_BYTES,
} from '../../bpf/guard-layout.ts';
import type { KernelMap } from '../../host/host.ts';

/** The one value of the map `config`, as memory: each number is written at once. */
export class ConfigMemory {
  readonly #memory: ReturnType<KernelMap['memory']>;
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;

  constructor(map: KernelMap) {
    this.#memory = map.memory('read and write');
    const { buffer, byteOffset } = this.#memory.u8;
    this.#words = new Uint32Array(buffer, byteOffset, Math.floor(CONFIG_BYTES / 4));
    this.#longs = new BigUint64Array(buffer, byteOffset, Math.floor(CONFIG.bytes / 8));
  }

  get(field: 'abi' | 'mode' | 'slot' | 'previousSlot' | 'hasMounted'): number {
    return Atomics.load(this.#words, CONFIG.fields[field].offset / 4);
  }

  set(field: 'abi' | 'mode' | 'slot' | 'previousSlot' | 'hasMounted', value: number): void {
    Atomics.store(this.#words, CONFIG.fields[field].offset / 4, value);
  }

  get64(field: 'deadline' | 'since' | 'home'): bigint {
    return Atomics.load(this.#longs, CONFIG.fields[field].offset / 8);
  }

  set64(field: 'deadline' | 'since' | 'home', value: bigint): void {
    Atomics.store(this.#longs, CONFIG.fields[field].offset / 8, value);
  }

  setSettings(slot: number, settings: Uint8Array): void {
    this.#memory.u8.set(settings, CONFIG.bytes + slot * SLOT_BYTES);
  }

  /** No cgroup may be a job; for a set of tables that is not in force. */
  clearCgroups(slot: number): void {
    const at = filterAt(slot);
    this.#memory.u8.fill(0, at, at + CGROUP_FILTER.bytes);
  }

  /** This cgroup may be a job. */
  addCgroup(slot: number, id: bigint): void {
    const bit = cgroupBit(id);
    const at = filterAt(slot) + Math.floor(bit / 8);
    this.#memory.view.setUint8(at, this.#memory.view.getUint8(at) | (1 << (bit % 8)));
  }

  revision(slot: number): number {
    const at = CONFIG.bytes + slot * SLOT_BYTES + SETTINGS.fields.revision.offset;
    return this.#words[at / 4] ?? 0;
  }

  close(): void {
    this.#memory.close();
  }
}

const filterAt = (slot: number): number => CONFIG.bytes + slot * SLOT_BYTES + SETTINGS.bytes;
