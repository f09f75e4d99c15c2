// An assembled BPF program: its lines, its encoding for the kernel, and its listing.
import { textOf } from './disassembler.ts';
import { encodeInstructions, type Instruction } from './instruction.ts';

/** An instruction with its annotations. */
export interface Line {
  readonly instruction: Instruction;
  /** May be empty. */
  readonly comment: string;
  /** The labels of this instruction. */
  readonly labels: readonly string[];
  /** The label that it jumps to. */
  readonly target: string | undefined;
  /** The map that it refers to. Its descriptor is inserted when the program is loaded. */
  readonly map: string | undefined;
  /** Whether it is the second slot of a 64-bit immediate. */
  readonly isHighHalf: boolean;
}

/** A program that is not yet loaded. Assembling it again gives the same result. */
export interface Program {
  readonly name: string;
  /** One for each instruction slot: the indexes are those of the verifier's log. */
  readonly lines: readonly Line[];
  /** The names of the maps, in the order of first use. */
  readonly maps: readonly string[];
}

/** Encodes the program for the kernel. `fdOf` returns the descriptor of a map. */
export function encode(program: Program, fdOf: (map: string) => number): Uint8Array {
  return encodeInstructions(
    program.lines.map(({ instruction, map }) =>
      map === undefined ? instruction : { ...instruction, immediate: fdOf(map) },
    ),
  );
}

/** The bytes from which the kernel computes a program's tag: the encoding with 0 for maps and offsets in them. */
export function taggedBytes({ lines }: Program): Uint8Array {
  return encodeInstructions(
    lines.map(({ instruction, map, isHighHalf }, at) => {
      const isOfMap = map !== undefined || (isHighHalf && lines[at - 1]?.map !== undefined);
      return isOfMap ? { ...instruction, immediate: 0 } : instruction;
    }),
  );
}

const TEXT_COLUMNS = 44;

/** A line of the listing without labels: "3: r7 = *(u32 *)(r6 +24)   ; the port". Undefined if there is none. */
export function listed(program: Program, at: number): string | undefined {
  const line = program.lines[at];
  if (!line || line.isHighHalf) return undefined;
  const text = textOf(line.instruction, program.lines[at + 1]?.instruction, line.map);
  const whole = line.target === undefined ? text : `${text} <${line.target}>`;
  return line.comment === '' ? `${at}: ${whole}` : `${at}: ${whole.padEnd(TEXT_COLUMNS)} ; ${line.comment}`;
}
