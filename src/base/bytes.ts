// A byte array together with the DataView that reads numbers from it.

export interface Bytes {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

/** Wraps an existing array. */
export function bytesOf(u8: Uint8Array): Bytes {
  return { u8, view: new DataView(u8.buffer, u8.byteOffset, u8.byteLength) };
}
