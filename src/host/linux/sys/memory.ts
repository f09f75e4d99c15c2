// Memory that system calls read and write: it stays where it is, and its address is a plain number.
import koffi from 'koffi';
import { exactNumber } from '../../../base/numbers.ts';

/** A block of memory with its address. */
export class NativeBuffer {
  readonly u8: Uint8Array;
  readonly view: DataView;
  /** Where it is. An address of user space has 47 bits, so that a double holds it exactly. */
  readonly address: number;

  constructor(bytes: number) {
    // The store of an ArrayBuffer is never moved, unlike that of a small typed array, and lives as long as this.
    const buffer = new ArrayBuffer(bytes);
    this.u8 = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = bytes > 0 ? exactNumber(koffi.address(buffer)) : 0;
  }

  /** Writes a pointer (64 bits, the host's order) at an offset. */
  setPointer(at: number, pointer: number): void {
    // A shift takes the low 32 bits of an integer of any size: faster than a remainder.
    this.view.setUint32(at, pointer >>> 0, true);
    this.view.setUint32(at + 4, (pointer / 0x1_0000_0000) >>> 0, true);
  }

  /** Writes a size_t at an offset; sizes here have 32 bits. */
  setSize(at: number, size: number): void {
    this.view.setUint32(at, size, true);
    this.view.setUint32(at + 4, 0, true);
  }
}

/** A text with a zero behind it, as C has it. */
export function cText(text: string): NativeBuffer {
  const bytes = new TextEncoder().encode(text);
  const buffer = new NativeBuffer(bytes.length + 1);
  buffer.u8.set(bytes);
  return buffer;
}

const addresses = new WeakMap<ArrayBufferLike, number>();

/** Where the bytes of an array are. Asking for the buffer pins it: it is not moved afterwards. */
export function addressOf(bytes: Uint8Array): number {
  let base = addresses.get(bytes.buffer);
  if (base === undefined) {
    base = exactNumber(koffi.address(bytes.buffer));
    addresses.set(bytes.buffer, base);
  }
  return base + bytes.byteOffset;
}
