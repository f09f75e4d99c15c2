// Bytes together with the view through which their numbers are read.

/** A stretch of memory, seen as bytes and as numbers. */
export interface Bytes {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

/** The two views of an existing array. */
export function bytesOf(u8: Uint8Array): Bytes {
  return { u8, view: new DataView(u8.buffer, u8.byteOffset, u8.byteLength) };
}
