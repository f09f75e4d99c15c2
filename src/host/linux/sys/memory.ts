// Memory for system calls: it is not moved, and its address is a plain number.
import koffi from 'koffi';
import { exactNumber } from '../../../base/numbers.ts';

export class NativeBuffer {
  readonly u8: Uint8Array;
  readonly view: DataView;
  /** User-space addresses have 47 bits, so a double represents them exactly. */
  readonly address: number;

  constructor(bytes: number) {
    // Unlike a small typed array, the backing store of an ArrayBuffer is never moved. It lives as long as this object.
    const buffer = new ArrayBuffer(bytes);
    this.u8 = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = bytes > 0 ? exactNumber(koffi.address(buffer)) : 0;
  }

  /** Writes a 64-bit pointer in host byte order. */
  setPointer(at: number, pointer: number): void {
    // A shift takes the low 32 bits of an integer of any size, and is faster than a remainder.
    this.view.setUint32(at, pointer >>> 0, true);
    this.view.setUint32(at + 4, (pointer / 0x1_0000_0000) >>> 0, true);
  }

  /** Writes a size_t. Sizes here have 32 bits. */
  setSize(at: number, size: number): void {
    this.view.setUint32(at, size, true);
    this.view.setUint32(at + 4, 0, true);
  }
}

/** A NUL-terminated C string. */
export function cText(text: string): NativeBuffer {
  const bytes = new TextEncoder().encode(text);
  const buffer = new NativeBuffer(bytes.length + 1);
  buffer.u8.set(bytes);
  return buffer;
}

const addresses = new WeakMap<ArrayBufferLike, number>();

/** The address of the bytes of an array. Accessing the buffer pins it: it is not moved afterwards. */
export function addressOf(bytes: Uint8Array): number {
  let base = addresses.get(bytes.buffer);
  if (base === undefined) {
    base = exactNumber(koffi.address(bytes.buffer));
    addresses.set(bytes.buffer, base);
  }
  return base + bytes.byteOffset;
}
