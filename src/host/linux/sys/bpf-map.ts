// BPF maps: tables shared by programs in the kernel and user space.
import { closeSync, readFileSync } from 'node:fs';
import { PortreeveError } from '../../../base/errors.ts';
import { alignUp, byteArray, Layout } from '../../../base/layout.ts';
import { parseDecimal } from '../../../base/port.ts';
import {
  bpfError,
  cString,
  MAP_BATCH,
  MAP_CREATE,
  MAP_ELEMENT,
  objectName,
  pointerTo,
  tryBpf,
} from './bpf.ts';
import { objectInfo, openObject } from './bpf-object.ts';
import { ERRNO } from './libc.ts';
import { pageBytes, SharedMemory } from './mmap.ts';

/** <linux/bpf.h>: enum bpf_map_type. */
export const MAP_TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_array: 6,
  lru_hash: 9,
  array_of_maps: 12,
  ringbuf: 27,
} as const;

/** A map type without "BPF_MAP_TYPE_". */
type MapType = keyof typeof MAP_TYPES;

/** <linux/bpf.h>: flags of MAP_CREATE. */
export const MAP_FLAGS = {
  /** Allocates the elements of a hash on demand. */
  no_prealloc: 1 << 0,
  /** Programs can only read. */
  rdonly_prog: 1 << 7,
  /** Programs can only write. */
  wronly_prog: 1 << 8,
  /** The values of an array can be mapped into memory. */
  mmapable: 1 << 10,
  /** As the template of an array of maps, it permits arrays of any length. */
  inner_map: 1 << 12,
} as const;

/** When an update is allowed. */
type When = 'always' | 'absent' | 'present';

/** <linux/bpf.h>: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
const WHEN: Readonly<Record<When, bigint>> = { always: 0n, absent: 1n, present: 2n };

export interface MapSpec {
  readonly type: MapType;
  /** Up to 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** 4 for arrays, 0 for a ring buffer. */
  readonly keyBytes: number;
  /** 4 for maps of maps and programs, 0 for a ring buffer. */
  readonly valueBytes: number;
  /**
   * The maximum number of elements of a hash, the length of an array, or the size in bytes of a ring buffer: a power of
   * 2 of whole pages.
   */
  readonly entries: number;
  readonly flags?: readonly (keyof typeof MAP_FLAGS)[];
  /** For an array of maps: the template of its elements. */
  readonly innerMap?: BpfMap;
}

/** <linux/bpf.h>: struct bpf_map_info, the fields that we use. */
export const MAP_INFO = new Layout({
  type: 'u32',
  id: 'u32',
  key_size: 'u32',
  value_size: 'u32',
  max_entries: 'u32',
  map_flags: 'u32',
  name: byteArray(16),
});

/** The properties of a map, as the kernel reports them. */
interface MapInfo {
  readonly id: number;
  readonly name: string;
  /** Undefined for a type that we do not use. */
  readonly type: MapType | undefined;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  /** Bits of MAP_FLAGS and others. */
  readonly flags: number;
}

/** The number of processors that this machine can have: "0-3" means 4. */
export function possibleProcessors(
  text = readFileSync('/sys/devices/system/cpu/possible', 'latin1'),
): number {
  return text
    .trim()
    .split(',')
    .map((part) => {
      const [first = '', last = first] = part.split('-');
      const from = parseDecimal(first, 65535);
      const to = parseDecimal(last, 65535);
      if (from === undefined || to === undefined || to < from) {
        throw new PortreeveError('PROCESSORS_UNKNOWN', `"${text.trim()}" is not a list of processors`);
      }
      return to - from + 1;
    })
    .reduce((sum, count) => sum + count, 0);
}

function mapInfo(fd: number): MapInfo {
  const info = objectInfo(fd, MAP_INFO);
  const type = Object.entries(MAP_TYPES).find(([, number]) => number === info.type)?.[0];
  return {
    id: info.id,
    name: cString(info.name),
    type: type as MapType | undefined,
    keyBytes: info.key_size,
    valueBytes: info.value_size,
    entries: info.max_entries,
    flags: info.map_flags,
  };
}

/** An open map. Keys and values are bytes. A wrong length is a bug, `BPF_LENGTH`. */
export class BpfMap implements Disposable {
  /** Owned by this object. */
  readonly fd: number;
  readonly info: MapInfo;
  /** The size of a lookup result: a value, or for a per-CPU map one value per processor, each rounded up to 8 bytes. */
  readonly #valueBytes: number;
  #isOpen = true;

  private constructor(fd: number) {
    this.fd = fd;
    this.info = mapInfo(fd);
    const { type, valueBytes } = this.info;
    this.#valueBytes = type === 'percpu_array' ? alignUp(valueBytes, 8) * possibleProcessors() : valueBytes;
  }

  /** Creates a map. Throws PortreeveError `BPF_CALL` (environment). */
  static create(spec: MapSpec): BpfMap {
    const { result } = tryBpf('MAP_CREATE', MAP_CREATE, {
      map_type: MAP_TYPES[spec.type],
      key_size: spec.keyBytes,
      value_size: spec.valueBytes,
      max_entries: spec.entries,
      map_flags: (spec.flags ?? []).reduce((bits, flag) => bits | MAP_FLAGS[flag], 0),
      inner_map_fd: spec.innerMap?.fd ?? 0,
      map_name: objectName(spec.name),
    });
    if (result < 0) throw bpfError('MAP_CREATE', -result, `${spec.type} ${spec.name}`);
    return BpfMap.adopt(result);
  }

  /** Takes ownership of a map descriptor, from openPinned() for example. It is closed on failure. */
  static adopt(fd: number): BpfMap {
    try {
      return new BpfMap(fd);
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
  }

  /** Opens a map by ID. Undefined if there is none. Throws PortreeveError `BPF_CALL` (environment). */
  static byId(id: number): BpfMap | undefined {
    const fd = openObject('map', id);
    return fd === undefined ? undefined : BpfMap.adopt(fd);
  }

  /** The value of a key, or undefined. For an array of maps, the ID of a map, 4 bytes. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#valueBytes);
    const { result } = this.#element('MAP_LOOKUP_ELEM', key, value);
    if (-result === ERRNO['ENOENT']) return undefined;
    if (result < 0) throw this.#error('MAP_LOOKUP_ELEM', result);
    return value;
  }

  /**
   * Sets a value. Returns false if `when` does not permit it. If an inner map is replaced, no program uses the old one
   * after the return: the kernel waits for those that do. Throws PortreeveError `BPF_CALL` (environment).
   */
  update(key: Uint8Array, value: Uint8Array, when: When = 'always'): boolean {
    if (value.length !== this.#valueBytes)
      throw wrongLength(this.info, 'value', value.length, this.#valueBytes);
    const { result } = this.#element('MAP_UPDATE_ELEM', key, value, WHEN[when]);
    if (when === 'absent' && -result === ERRNO['EEXIST']) return false;
    if (when === 'present' && -result === ERRNO['ENOENT']) return false;
    if (result < 0) throw this.#error('MAP_UPDATE_ELEM', result);
    return true;
  }

  /** Deletes a key. Returns false if it was not present. Array elements cannot be deleted. */
  delete(key: Uint8Array): boolean {
    const { result } = this.#element('MAP_DELETE_ELEM', key);
    if (-result === ERRNO['ENOENT']) return false;
    if (result < 0) throw this.#error('MAP_DELETE_ELEM', result);
    return true;
  }

  /** The key after another, or the first. Undefined at the end. If `key` is not in a hash, iteration restarts. */
  nextKey(key?: Uint8Array): Uint8Array | undefined {
    const next = new Uint8Array(this.info.keyBytes);
    const { result } = this.#element('MAP_GET_NEXT_KEY', key, next);
    if (-result === ERRNO['ENOENT']) return undefined;
    if (result < 0) throw this.#error('MAP_GET_NEXT_KEY', result);
    return next;
  }

  /** Iterates over the keys. Keys must not be deleted during the iteration. */
  *keys(): Generator<Uint8Array> {
    for (let key = this.nextKey(); key !== undefined; key = this.nextKey(key)) yield key;
  }

  /**
   * Sets many values with one system call. Keys and values are concatenated. Throws PortreeveError `BPF_CALL`
   * (environment).
   */
  updateBatch(keys: Uint8Array, values: Uint8Array): void {
    const count = keys.length / this.info.keyBytes;
    if (!Number.isInteger(count)) throw wrongLength(this.info, 'keys', keys.length, this.info.keyBytes);
    const bytes = count * this.#valueBytes;
    if (values.length !== bytes) throw wrongLength(this.info, 'values', values.length, bytes);
    if (count === 0) return;
    const { result } = tryBpf('MAP_UPDATE_BATCH', MAP_BATCH, {
      keys: pointerTo(keys),
      values: pointerTo(values),
      count,
      map_fd: this.fd,
    });
    if (result < 0) throw this.#error('MAP_UPDATE_BATCH', result);
  }

  /** Maps the values of an `mmapable` array into memory, each rounded up to 8 bytes. */
  memory(access: 'read' | 'read and write'): SharedMemory {
    const { valueBytes, entries } = this.info;
    return new SharedMemory(this.fd, alignUp(alignUp(valueBytes, 8) * entries, pageBytes()), access);
  }

  /** Closes the descriptor. The kernel frees the map when nothing refers to it any more. */
  close(): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #element(
    command: 'MAP_LOOKUP_ELEM' | 'MAP_UPDATE_ELEM' | 'MAP_DELETE_ELEM' | 'MAP_GET_NEXT_KEY',
    key?: Uint8Array,
    value?: Uint8Array,
    flags = 0n,
  ) {
    const { keyBytes } = this.info;
    if (key && key.length !== keyBytes) throw wrongLength(this.info, 'key', key.length, keyBytes);
    return tryBpf(command, MAP_ELEMENT, {
      map_fd: this.fd,
      key: key ? pointerTo(key) : 0n,
      value: value ? pointerTo(value) : 0n,
      flags,
    });
  }

  #error(command: Parameters<typeof bpfError>[0], result: number): PortreeveError {
    return bpfError(command, -result, `map ${this.info.name}`);
  }
}

/** The kernel accesses as many bytes as the map defines, whatever the size of the array. */
function wrongLength(info: MapInfo, what: string, bytes: number, right: number): PortreeveError {
  const message = `map ${info.name}: ${what} of ${bytes} bytes instead of ${right}`;
  return new PortreeveError('BPF_LENGTH', message, '', { map: info.name, bytes, right });
}
