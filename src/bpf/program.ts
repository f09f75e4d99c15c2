// An assembled BPF program: what it consists of, its bytes for the kernel, its listing for people.
import { textOf } from './disassembler.ts';
import { encodeInstructions, type Instruction } from './instruction.ts';

/** An instruction with what its author said of it. */
export interface Line {
  readonly instruction: Instruction;
  /** Why it is there; empty where nothing was said. */
  readonly comment: string;
  /** The labels that stand before it. */
  readonly labels: readonly string[];
  /** The label that it jumps to. */
  readonly target: string | undefined;
  /** The map that it refers to: its descriptor is put in when the program is loaded. */
  readonly map: string | undefined;
  /** Whether it only holds the high half of the 64-bit immediate before it. */
  readonly isHighHalf: boolean;
}

/** A program before it is in the kernel: pure, and the same each time that it is made. */
export interface Program {
  readonly name: string;
  /** One for each place, so that their indexes are those of the verifier's log. */
  readonly lines: readonly Line[];
  /** The names of the maps that it refers to, in the order of their first use. */
  readonly maps: readonly string[];
}

/** The bytes that the kernel takes; `fdOf` gives the descriptor of each map by its name. */
export function encode(program: Program, fdOf: (map: string) => number): Uint8Array {
  return encodeInstructions(
    program.lines.map(({ instruction, map }) =>
      map === undefined ? instruction : { ...instruction, immediate: fdOf(map) },
    ),
  );
}

/** The bytes of which the kernel makes a program's tag: those that it takes, with 0 for each map and place in one. */
export function taggedBytes({ lines }: Program): Uint8Array {
  return encodeInstructions(
    lines.map(({ instruction, map, isHighHalf }, at) => {
      const isOfMap = map !== undefined || (isHighHalf && lines[at - 1]?.map !== undefined);
      return isOfMap ? { ...instruction, immediate: 0 } : instruction;
    }),
  );
}

const TEXT_COLUMNS = 44;

/** One line of a listing without its labels: "3: r7 = *(u32 *)(r6 +24)   ; the port". Undefined where there is none. */
export function listed(program: Program, at: number): string | undefined {
  const line = program.lines[at];
  if (!line || line.isHighHalf) return undefined;
  const text = textOf(line.instruction, program.lines[at + 1]?.instruction, line.map);
  const whole = line.target === undefined ? text : `${text} <${line.target}>`;
  return line.comment === '' ? `${at}: ${whole}` : `${at}: ${whole.padEnd(TEXT_COLUMNS)} ; ${line.comment}`;
}
