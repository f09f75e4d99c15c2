// Keys and values of BPF maps as bytes.

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
