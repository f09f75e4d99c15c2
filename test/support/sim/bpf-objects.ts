// The BPF objects of the simulated kernel: maps with bytes, programs that refer to maps, and links.
import { PortreeveError } from '../../../src/base/errors.ts';
import type { KernelHook, KernelMap, KernelMapSpec } from '../../../src/host/host.ts';

/** The number of processors: a per-CPU map has one value for each. */
export const SIM_PROCESSORS = 2;
const PAGE_BYTES = 4096;

const aligned = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;
const textOf = (key: Uint8Array): string => key.join(' ');

/** The number in a key or value of four bytes. */
export function wordOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

/** An error of bpf(2). */
export function bpfError(call: string, errno: string): PortreeveError {
  return new PortreeveError('BPF_CALL', `${call} failed: ${errno}`, '', { call, errno });
}

/** A hash or array of bytes, possibly per CPU. */
export class SimMap {
  readonly info: KernelMap['info'];
  readonly #flags: NonNullable<KernelMapSpec['flags']>;
  /** The template of an array of maps. */
  readonly #pattern: SimMap | undefined;
  readonly #hash = new Map<string, readonly [key: Uint8Array, value: Uint8Array]>();
  readonly #inner: (SimMap | undefined)[] = [];
  /** The values of an array, each aligned to 8 bytes. */
  readonly array: Uint8Array;
  readonly #valueBytes: number;

  constructor(id: number, spec: KernelMapSpec, pattern: SimMap | undefined) {
    const { type, name, keyBytes, valueBytes, entries, flags = [] } = spec;
    if (entries === 0 || (type === 'array_of_maps') !== (pattern !== undefined)) {
      throw bpfError('MAP_CREATE', 'EINVAL');
    }
    this.info = { id, name, type, keyBytes, valueBytes, entries };
    this.#flags = flags;
    this.#pattern = pattern;
    const alignedBytes = aligned(valueBytes, 8);
    this.#valueBytes = type === 'percpu_array' ? alignedBytes * SIM_PROCESSORS : valueBytes;
    const stride = type === 'array' ? alignedBytes : this.#valueBytes;
    const isArray = type === 'array' || type === 'percpu_array';
    this.array = new Uint8Array(isArray ? aligned(stride * entries, PAGE_BYTES) : 0);
  }

  get #isHash(): boolean {
    return this.info.type === 'hash' || this.info.type === 'lru_hash';
  }

  /** The elements of an array of maps. */
  get inner(): readonly SimMap[] {
    return this.#inner.filter((map) => map !== undefined);
  }

  innerAt(index: number): SimMap | undefined {
    return this.#inner[index];
  }

  /** The memory of its values, shared by all mappings. */
  memory(): Uint8Array {
    if (!this.#flags.includes('mmapable')) throw bpfError('mmap', 'EPERM');
    return this.array;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#requireLength('key', key, this.info.keyBytes);
    if (this.#isHash) return this.#hash.get(textOf(key))?.[1].slice();
    const index = wordOf(key);
    if (this.info.type === 'array_of_maps') {
      const map = this.#inner[index];
      return map && new Uint8Array(new Uint32Array([map.info.id]).buffer);
    }
    return this.#slot(index)?.slice();
  }

  /** Sets a value. For an array of maps, `inner` is the map that the descriptor in the value refers to. */
  update(key: Uint8Array, value: Uint8Array, inner: SimMap | undefined): void {
    this.#requireLength('key', key, this.info.keyBytes);
    this.#requireLength('value', value, this.#valueBytes);
    if (this.#isHash) {
      this.#putInHash(key, value);
      return;
    }
    const index = wordOf(key);
    if (index >= this.info.entries) throw bpfError('MAP_UPDATE_ELEM', 'E2BIG');
    if (this.info.type !== 'array_of_maps') this.#slot(index)?.set(value);
    else if (inner && this.#pattern?.isLike(inner)) this.#inner[index] = inner;
    else throw bpfError('MAP_UPDATE_ELEM', inner ? 'EINVAL' : 'EBADF');
  }

  /** Sets the first elements of an array. The keys must be 0, 1, 2 and so on. */
  updateBatch(keys: Uint8Array, values: Uint8Array): void {
    const length = keys.length / this.info.keyBytes;
    const isRight = this.info.type === 'array' && this.#valueBytes % 8 === 0 && length <= this.info.entries;
    if (!isRight || wordOf(keys.subarray(-4)) !== length - 1) throw bpfError('MAP_UPDATE_BATCH', 'EINVAL');
    this.#requireLength('values', values, length * this.#valueBytes);
    this.array.set(values);
  }

  #putInHash(key: Uint8Array, value: Uint8Array): void {
    const text = textOf(key);
    const isFull = !this.#hash.has(text) && this.#hash.size >= this.info.entries;
    const [oldest] = this.#hash.keys();
    if (isFull && this.info.type === 'hash') throw bpfError('MAP_UPDATE_ELEM', 'E2BIG');
    if (isFull && oldest !== undefined) this.#hash.delete(oldest);
    this.#hash.set(text, [key.slice(), value.slice()]);
  }

  /** Returns false if the key was not present. */
  delete(key: Uint8Array): boolean {
    this.#requireLength('key', key, this.info.keyBytes);
    if (this.#isHash) return this.#hash.delete(textOf(key));
    if (this.info.type !== 'array_of_maps') throw bpfError('MAP_DELETE_ELEM', 'EINVAL');
    const index = wordOf(key);
    const isThere = this.#inner[index] !== undefined;
    this.#inner[index] = undefined;
    return isThere;
  }

  keys(): readonly Uint8Array[] {
    return [...this.#hash.values()].map(([key]) => key.slice());
  }

  /**
   * Whether a map can be an element where this one is the template (bpf_map_meta_equal() in kernel/bpf/map_in_map.c).
   */
  isLike(other: SimMap): boolean {
    const { type, keyBytes, valueBytes, entries } = this.info;
    const { info } = other;
    const isSameShape = info.type === type && info.keyBytes === keyBytes && info.valueBytes === valueBytes;
    // An array must have the length of the template, unless that permits others (array_map_meta_equal()).
    const isOfLength = type !== 'array' || info.entries === entries || this.#flags.includes('inner_map');
    return isSameShape && isOfLength && this.#flags.join() === other.#flags.join();
  }

  #slot(index: number): Uint8Array | undefined {
    if (index >= this.info.entries) return undefined;
    const stride = aligned(this.#valueBytes, 8);
    return this.array.subarray(index * stride, index * stride + this.#valueBytes);
  }

  #requireLength(what: string, { length }: Uint8Array, right: number): void {
    if (length === right) return;
    const message = `map ${this.info.name}: ${what} of ${length} bytes instead of ${right}`;
    throw new PortreeveError('BPF_LENGTH', message);
  }
}

/** A program. It is not executed, but it refers to its maps. */
export interface SimProgram {
  readonly id: number;
  readonly name: string;
  readonly hook: KernelHook;
  readonly tag: string;
  readonly maps: readonly SimMap[];
}

/** The attachment of a program to a cgroup or tracepoint. */
export interface SimLink {
  readonly hook: KernelHook;
  program: SimProgram;
  /** 0 for a tracepoint, if the link was detached, or if the cgroup was removed. */
  cgroupId: bigint;
}

/** An object that can be pinned or open. */
export type SimObject = SimMap | SimProgram | SimLink;

export const isMap = (object: SimObject): object is SimMap => object instanceof SimMap;
export const isProgram = (object: SimObject): object is SimProgram => 'maps' in object;
export const isLink = (object: SimObject): object is SimLink => 'cgroupId' in object;

/** The name of an object in messages. */
export function labelOf(object: SimObject): string {
  if (isMap(object)) return `map ${object.info.name}`;
  return isLink(object) ? `link ${object.hook}` : `program ${object.name}`;
}

/** An object and everything that it keeps alive. */
export function* reachableFrom(object: SimObject): Generator<SimObject> {
  yield object;
  const below = isMap(object) ? object.inner : isLink(object) ? [object.program] : object.maps;
  for (const one of below) yield* reachableFrom(one);
}
