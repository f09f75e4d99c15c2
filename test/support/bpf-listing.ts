/** BPF programs as text: assembled programs with labels and comments, and disassembled bytes. */

import { textOf } from '../../src/bpf/disassembler.ts';
import { INSTRUCTION_BYTES, type Instruction, LOAD_IMMEDIATE_64 } from '../../src/bpf/instruction.ts';
import { listed, type Program } from '../../src/bpf/program.ts';

const INDEX_COLUMNS = 4;

/** The whole program: one instruction on each line, and labels on separate lines. */
export function listing(program: Program): string {
  return program.lines
    .flatMap(({ labels }, at) => {
      const text = listed(program, at);
      if (text === undefined) return [];
      const indent = ' '.repeat(Math.max(0, INDEX_COLUMNS - `${at}`.length));
      return [...labels.map((label) => `${label}:`), `${indent}${text}`];
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** Decodes the output of encodeInstructions(). Throws RangeError where the bytes are not whole instructions. */
export function decodeInstructions(bytes: Uint8Array): Instruction[] {
  if (bytes.length % INSTRUCTION_BYTES !== 0) {
    throw new RangeError(`${bytes.length} bytes are not a whole number of BPF instructions`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / INSTRUCTION_BYTES }, (_, i) => {
    const at = i * INSTRUCTION_BYTES;
    const registers = view.getUint8(at + 1);
    return {
      code: view.getUint8(at),
      dst: registers & 0xf,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      immediate: view.getInt32(at + 4, true),
    };
  });
}

/**
 * Bytes as a line for each instruction, "3: r7 = *(u32 *)(r6 +24)". What the assembler does not produce is "unknown".
 * Throws RangeError where the bytes are not whole instructions.
 */
export function disassemble(bytes: Uint8Array): string[] {
  const instructions = decodeInstructions(bytes);
  const lines: string[] = [];
  for (let at = 0; at < instructions.length; at++) {
    const instruction = instructions[at];
    if (!instruction) break;
    lines.push(`${at}: ${textOf(instruction, instructions[at + 1])}`);
    if (instruction.code === LOAD_IMMEDIATE_64) at++;
  }
  return lines;
}
