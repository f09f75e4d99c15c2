// The map `config`, which the guard's programs read, as shared memory.

import type { KernelMap } from '../../../host/host.ts';
import {
  CGROUP_FILTER,
  CONFIG,
  CONFIG_BYTES,
  cgroupBit,
  SETTINGS,
  SLOT_BYTES,
  SLOTS,
} from '../../bpf/layout.ts';

type Word = 'abi' | 'mode' | 'slot' | 'previousSlot' | 'hasMounted' | 'swaps';
type Long = 'deadline' | 'since' | 'home';

/** The state of a trial; `ended`: it has ended unconfirmed. */
type Trial = 'none' | 'runs' | 'ended';

/** The only value of the map `config`. Each number is written atomically. */
export class ConfigMemory {
  readonly #memory: ReturnType<KernelMap['memory']>;
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;

  constructor(map: Pick<KernelMap, 'memory'>) {
    this.#memory = map.memory('read and write');
    const { buffer, byteOffset } = this.#memory.u8;
    this.#words = new Uint32Array(buffer, byteOffset, Math.floor(CONFIG_BYTES / 4));
    this.#longs = new BigUint64Array(buffer, byteOffset, Math.floor(CONFIG_BYTES / 8));
  }

  get(field: Word): number {
    return Atomics.load(this.#words, CONFIG.fields[field].offset / 4);
  }

  set(field: Word, value: number): void {
    Atomics.store(this.#words, CONFIG.fields[field].offset / 4, value);
  }

  get64(field: Long): bigint {
    return Atomics.load(this.#longs, CONFIG.fields[field].offset / 8);
  }

  set64(field: Long, value: bigint): void {
    Atomics.store(this.#longs, CONFIG.fields[field].offset / 8, value);
  }

  /** The trial at a time (CLOCK_BOOTTIME, nanoseconds). */
  trial(now: bigint): Trial {
    const deadline = this.get64('deadline');
    if (deadline === 0n) return 'none';
    return now > deadline ? 'ended' : 'runs';
  }

  /** The set of tables that the programs use at a time. */
  slotInForce(now: bigint): number {
    return this.get(this.trial(now) === 'ended' ? 'previousSlot' : 'slot') % SLOTS;
  }

  /** The number at an offset: other versions have fields at other offsets. */
  wordAt(offset: number): number {
    return this.#words[offset / 4] ?? 0;
  }

  /** Writes the settings of a set. The set is not valid until setSwapOf() gives it a number. */
  setSettings(slot: number, settings: Uint8Array): void {
    const words = new Uint32Array(settings.slice().buffer);
    const first = settingsAt(slot) / 4;
    const swap = first + SETTINGS.fields.swap.offset / 4;
    for (const [i, word] of words.entries()) {
      // Programs may be reading the settings: unchanged words are not written.
      if (first + i !== swap && this.#words[first + i] !== word) Atomics.store(this.#words, first + i, word);
    }
  }

  /** The number of the swap that installed a set; 0 where the set is incomplete. */
  swapOf(slot: number): number {
    return Atomics.load(this.#words, (settingsAt(slot) + SETTINGS.fields.swap.offset) / 4);
  }

  setSwapOf(slot: number, swap: number): void {
    Atomics.store(this.#words, (settingsAt(slot) + SETTINGS.fields.swap.offset) / 4, swap);
  }

  revision(slot: number): number {
    return this.wordAt(settingsAt(slot) + SETTINGS.fields.revision.offset);
  }

  digest(slot: number): bigint {
    return this.#longs[(settingsAt(slot) + SETTINGS.fields.digest.offset) / 8] ?? 0n;
  }

  /** Marks a cgroup as one that may have a job. */
  addCgroup(slot: number, id: bigint): void {
    const bit = cgroupBit(id);
    // The kernel may set neighboring bits at the same time.
    Atomics.or(this.#words, filterAt(slot) / 4 + Math.floor(bit / 32), 1 << (bit % 32));
  }

  /** Marks exactly these cgroups. The kernel must not be adding units to that set at the same time. */
  setCgroups(slot: number, ids: Iterable<bigint>): void {
    const first = filterAt(slot) / 4;
    this.#words.fill(0, first, first + CGROUP_FILTER.bytes / 4);
    for (const id of ids) this.addCgroup(slot, id);
  }

  close(): void {
    this.#memory.close();
  }
}

const settingsAt = (slot: number): number => CONFIG.bytes + slot * SLOT_BYTES;
const filterAt = (slot: number): number => settingsAt(slot) + SETTINGS.bytes;
