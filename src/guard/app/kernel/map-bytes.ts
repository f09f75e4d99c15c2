// Keys and values of BPF maps as bytes.
import type { KernelMap } from '../../../host/host.ts';

/** A number of 32 bits, as programs of this machine read it. */
export function bytes32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** A number of 64 bits. */
export function bytes64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** What is counted in an array in which each processor counts for itself: the first so many sums. */
export function sumsOf(map: KernelMap, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => {
    const perProcessor = map.lookup(bytes32(index)) ?? new Uint8Array(0);
    const view = new DataView(perProcessor.buffer, perProcessor.byteOffset, perProcessor.byteLength);
    let sum = 0n;
    for (let at = 0; at + 8 <= perProcessor.length; at += 8) sum += view.getBigUint64(at, true);
    return sum;
  });
}

/** Puts a number into such an array, as if the first processor had counted it. */
export function putSum(map: KernelMap, index: number, value: bigint): void {
  const perProcessor = new Uint8Array(map.lookup(bytes32(index))?.length ?? 0);
  new DataView(perProcessor.buffer).setBigUint64(0, value, true);
  map.update(bytes32(index), perProcessor);
}
