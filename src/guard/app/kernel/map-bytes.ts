// Encodes keys and values of BPF maps, and reads and writes per-CPU counters.
import type { KernelMap } from '../../../host/host.ts';

/** A 32-bit number in the byte order of this machine. */
export function bytes32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** A 64-bit number in the byte order of this machine. */
export function bytes64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** The first `count` sums of a per-CPU array. */
export function sumsOf(map: KernelMap, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => {
    const perCpu = map.lookup(bytes32(index)) ?? new Uint8Array(0);
    const view = new DataView(perCpu.buffer, perCpu.byteOffset, perCpu.byteLength);
    let sum = 0n;
    for (let at = 0; at + 8 <= perCpu.length; at += 8) sum += view.getBigUint64(at, true);
    return sum;
  });
}

/** Writes a number into a per-CPU array, as if the first CPU had counted it. */
export function putSum(map: KernelMap, index: number, value: bigint): void {
  const perCpu = new Uint8Array(map.lookup(bytes32(index))?.length ?? 0);
  new DataView(perCpu.buffer).setBigUint64(0, value, true);
  map.update(bytes32(index), perCpu);
}
