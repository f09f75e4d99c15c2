// The byte order of this machine, which some fields of kernel messages use.
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
