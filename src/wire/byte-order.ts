// The byte order of this machine, for the few things on the wire to the kernel that are in it.

/** Whether the low byte comes first. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
