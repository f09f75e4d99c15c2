// The encoding of eBPF instructions (RFC 9669, <linux/bpf.h>): registers, opcodes, and instruction format.

/** sizeof(struct bpf_insn) */
export const INSTRUCTION_BYTES = 8;

/** r0: results. r1 to r5: arguments of helpers. r6 to r9: preserved across calls. r10: frame pointer. */
export const R0 = 'r0';
export const R1 = 'r1';
export const R2 = 'r2';
export const R3 = 'r3';
export const R4 = 'r4';
export const R5 = 'r5';
export const R6 = 'r6';
export const R7 = 'r7';
export const R8 = 'r8';
export const R9 = 'r9';
export const R10 = 'r10';

/** Indexed by register number. */
export const REGISTERS = [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10] as const;

export type Register = (typeof REGISTERS)[number];

/** RFC 9669 section 3: the instruction class, the low three bits of the opcode. */
export const CLASS = {
  ld: 0x00,
  ldx: 0x01,
  st: 0x02,
  stx: 0x03,
  alu: 0x04,
  jmp: 0x05,
  jmp32: 0x06,
  alu64: 0x07,
} as const;

export const CLASS_BITS = 0x07;

/** RFC 9669 section 3.1: whether the second operand is the immediate or a register. */
export const SOURCE = { immediate: 0x00, register: 0x08 } as const;

/** RFC 9669 section 4.1: arithmetic. */
export const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

/** RFC 9669 section 4.3: jumps, call and exit. `s…` are signed comparisons, `set` tests for common bits. */
export const JUMP = {
  always: 0x00,
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  call: 0x80,
  exit: 0x90,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const;

export type Condition = Exclude<keyof typeof JUMP, 'always' | 'call' | 'exit'>;

/** RFC 9669 section 5: the width of a load or store. */
export const SIZE = { u32: 0x00, u16: 0x08, u8: 0x10, u64: 0x18 } as const;

/** The C type of a load or store. A load zero-extends it. */
export type Size = keyof typeof SIZE;

/** RFC 9669 section 5: the mode of a load or store. */
export const MODE = { immediate: 0x00, memory: 0x60, atomic: 0xc0 } as const;

/** <linux/bpf.h>: BPF_PSEUDO_MAP_FD and BPF_PSEUDO_MAP_VALUE, in the source register of a 64-bit immediate. */
export const PSEUDO = { none: 0, map: 1, mapValue: 2 } as const;

/** A 64-bit immediate load occupies two instruction slots: the second holds the high half. */
export const LOAD_IMMEDIATE_64 = CLASS.ld | MODE.immediate | SIZE.u64;

/** One struct bpf_insn. */
export interface Instruction {
  readonly code: number;
  /** The destination register. */
  readonly dst: number;
  /** The source register, or a PSEUDO. */
  readonly src: number;
  /** Signed, 16 bits: bytes for loads and stores, instructions relative to the next one for jumps. */
  readonly offset: number;
  /** Signed, 32 bits. */
  readonly immediate: number;
}

/** Encodes instructions in the byte order of x86_64 and arm64. */
export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, dst, src, offset, immediate }] of instructions.entries()) {
    const at = i * INSTRUCTION_BYTES;
    view.setUint8(at, code);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  }
  return bytes;
}
