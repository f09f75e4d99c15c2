// The eBPF assembler: a method for each instruction, labels to jump to, maps by their names, and a comment on every
// line.
import { PortreeveError } from '../base/errors.ts';
import type { Field, Scalar } from '../base/layout.ts';
import { HELPERS, type Helper } from './helpers.ts';
import {
  ALU,
  CLASS,
  CLASS_BITS,
  type Condition,
  type Instruction,
  JUMP,
  LOAD_IMMEDIATE_64,
  MODE,
  PSEUDO,
  REGISTERS,
  type Register,
  SIZE,
  type Size,
  SOURCE,
} from './instruction.ts';
import type { Line, Program } from './program.ts';

const SIZE_BITS: Readonly<Record<Size, number>> = { u8: 8, u16: 16, u32: 32, u64: 64 };
/** What the kernel widens to 64 bits, it widens with the sign. */
const WIDENED_MAX = 2 ** 31 - 1;
const OFFSET_MIN = -(2 ** 15);
const OFFSET_MAX = 2 ** 15 - 1;

/** A second operand: a register, or a number that stands in the instruction. */
type Operand = Register | number;

/** The byte orders that a register's low bits can be turned to. */
export type ByteOrder = 'be16' | 'be32' | 'be64' | 'le16' | 'le32' | 'le64';

const ORDER_BITS: Readonly<Record<ByteOrder, 16 | 32 | 64>> = {
  be16: 16,
  be32: 32,
  be64: 64,
  le16: 16,
  le32: 32,
  le64: 64,
};

const ZERO: Instruction = { code: 0, dst: 0, src: 0, offset: 0, immediate: 0 };
const NOTHING = { comment: '', labels: [], target: undefined, map: undefined, isHighHalf: false };

const number = (register: Register): number => REGISTERS.indexOf(register);
const isRegister = (operand: Operand): operand is Register => typeof operand === 'string';

/**
 * Writes a program line by line, as one reads it:
 *
 *     const p = new Assembler('bind4');
 *     p.mov(R6, R1, 'the context');
 *     p.load('u32', R7, R6, 24, 'the port');
 *     p.jump('eq', R7, 0, 'allow');
 *     ...
 *     p.label('allow');
 *     p.mov(R0, 1);
 *     p.exit();
 *     const program = p.assemble();
 *
 * The methods throw PortreeveError `BPF_VALUE` (bug) where a number does not fit its place in the instruction.
 * A plain method computes with 64 bits and widens an immediate with its sign; one whose name ends in 32 computes
 * with the low 32 bits and clears the high ones.
 */
export class Assembler {
  readonly #name: string;
  readonly #lines: Line[] = [];
  readonly #labels = new Map<string, number>();
  /** Labels that wait for the instruction that they stand before. */
  #waiting: string[] = [];

  /** The name is the program's own in the kernel: at most 15 letters, digits, "_" and ".". */
  constructor(name: string) {
    this.#name = name;
  }

  /** dst = operand */
  mov(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.mov, dst, operand, comment);
  }

  /** dst += operand */
  add(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.add, dst, operand, comment);
  }

  /** dst -= operand */
  sub(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.sub, dst, operand, comment);
  }

  /** dst *= operand */
  mul(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.mul, dst, operand, comment);
  }

  /** dst /= operand, unsigned; 0 where the operand is 0 */
  div(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.div, dst, operand, comment);
  }

  /** dst %= operand, unsigned; dst as it was where the operand is 0 */
  mod(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.mod, dst, operand, comment);
  }

  /** dst &= operand */
  and(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.and, dst, operand, comment);
  }

  /** dst |= operand */
  or(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.or, dst, operand, comment);
  }

  /** dst ^= operand */
  xor(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.xor, dst, operand, comment);
  }

  /** dst <<= operand */
  lsh(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.lsh, dst, operand, comment);
  }

  /** dst >>= operand, with zeros from above */
  rsh(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.rsh, dst, operand, comment);
  }

  /** dst >>= operand, with the sign from above */
  arsh(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.arsh, dst, operand, comment);
  }

  /** dst = -dst */
  neg(dst: Register, comment = ''): void {
    this.#emit({ code: CLASS.alu64 | ALU.neg, dst: number(dst) }, comment);
  }

  mov32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.mov, dst, operand, comment);
  }

  add32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.add, dst, operand, comment);
  }

  sub32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.sub, dst, operand, comment);
  }

  mul32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.mul, dst, operand, comment);
  }

  div32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.div, dst, operand, comment);
  }

  mod32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.mod, dst, operand, comment);
  }

  and32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.and, dst, operand, comment);
  }

  or32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.or, dst, operand, comment);
  }

  xor32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.xor, dst, operand, comment);
  }

  lsh32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.lsh, dst, operand, comment);
  }

  rsh32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.rsh, dst, operand, comment);
  }

  arsh32(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu | ALU.arsh, dst, operand, comment);
  }

  neg32(dst: Register, comment = ''): void {
    this.#emit({ code: CLASS.alu | ALU.neg, dst: number(dst) }, comment);
  }

  /** Turns the low bits of dst to a byte order, and clears those above: 'be16' is htons() and ntohs(). */
  swap(order: ByteOrder, dst: Register, comment = ''): void {
    const source = order.startsWith('be') ? SOURCE.register : SOURCE.immediate;
    const code = CLASS.alu | ALU.end | source;
    this.#emit({ code, dst: number(dst), immediate: ORDER_BITS[order] }, comment);
  }

  /** dst = any number of 64 bits, signed or not */
  loadImmediate(dst: Register, value: bigint, comment = ''): void {
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw misfit(value, 'an immediate of 64 bits');
    const halves = new DataView(new ArrayBuffer(8));
    halves.setBigInt64(0, BigInt.asIntN(64, value), true);
    this.#wide(dst, PSEUDO.none, [halves.getInt32(0, true), halves.getInt32(4, true)], comment);
  }

  /** dst = the map, as helpers take it */
  loadMap(dst: Register, map: string, comment = ''): void {
    this.#wide(dst, PSEUDO.map, [0, 0], comment, map);
  }

  /** dst = the address of the value of an array that has one element only, and so many bytes further */
  loadMapValue(dst: Register, map: string, offset: number, comment = ''): void {
    this.#wide(dst, PSEUDO.mapValue, [0, fittingImmediate(offset, 64)], comment, map);
  }

  /** dst = *(size *)(base + offset) */
  load(size: Size, dst: Register, base: Register, offset: number, comment = ''): void {
    const code = CLASS.ldx | MODE.memory | SIZE[size];
    this.#emit({ code, dst: number(dst), src: number(base), offset: fittingOffset(offset) }, comment);
  }

  /** *(size *)(base + offset) = source */
  store(size: Size, base: Register, offset: number, source: Operand, comment = ''): void {
    const place = { dst: number(base), offset: fittingOffset(offset) };
    const mode = MODE.memory | SIZE[size];
    if (isRegister(source)) this.#emit({ code: CLASS.stx | mode, ...place, src: number(source) }, comment);
    else
      this.#emit(
        { code: CLASS.st | mode, ...place, immediate: fittingImmediate(source, SIZE_BITS[size]) },
        comment,
      );
  }

  /** dst = a field of the structure that is `at` bytes behind base */
  loadField(dst: Register, base: Register, field: Field<Scalar>, at = 0): void {
    this.load(field.type, dst, base, at + field.offset, field.name);
  }

  /** A field of the structure that is `at` bytes behind base = source */
  storeField(base: Register, field: Field<Scalar>, source: Operand, at = 0): void {
    this.store(field.type, base, at + field.offset, source, field.name);
  }

  /** *(size *)(base + offset) += source, at once for all processors */
  atomicAdd(size: 'u32' | 'u64', base: Register, offset: number, source: Register, comment = ''): void {
    this.#atomic(ALU.add, size, [base, offset], source, comment);
  }

  /** *(u64 *)(base + offset) |= source, at once for all processors */
  atomicOr(base: Register, offset: number, source: Register, comment = ''): void {
    this.#atomic(ALU.or, 'u64', [base, offset], source, comment);
  }

  /** Goes on at the label. */
  goto(label: string, comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.always }, comment, label);
  }

  /** Goes on at the label if the condition holds for all 64 bits. */
  jump(condition: Condition, dst: Register, operand: Operand, label: string, comment = ''): void {
    this.#operate(CLASS.jmp | JUMP[condition], dst, operand, comment, label);
  }

  /** Goes on at the label if the condition holds for the low 32 bits. */
  jump32(condition: Condition, dst: Register, operand: Operand, label: string, comment = ''): void {
    this.#operate(CLASS.jmp32 | JUMP[condition], dst, operand, comment, label);
  }

  /** r0 = a function of the kernel with arguments from r1 on; r1 to r5 hold nothing afterwards. */
  call(helper: Helper, comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.call, immediate: HELPERS[helper] }, comment);
  }

  /** Ends the program with r0 as its answer. */
  exit(comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.exit }, comment);
  }

  /** Names the place before the next instruction. Throws PortreeveError `BPF_LABEL` (bug) for a name that is taken. */
  label(name: string): void {
    if (this.#labels.has(name)) throw this.#wrongLabel(`the label ${name} stands at two places`, name);
    this.#labels.set(name, this.#lines.length);
    this.#waiting.push(name);
  }

  /**
   * The whole program. Throws PortreeveError (bug) `BPF_LABEL` for a jump to nowhere and for a label with nothing
   * behind it, and `BPF_VALUE` for a jump over more than 32767 instructions.
   */
  assemble(): Program {
    const [last] = this.#waiting;
    if (last !== undefined) throw this.#wrongLabel(`no instruction follows the label ${last}`, last);
    const lines = this.#lines.map((line, at) => ({
      ...line,
      instruction:
        line.target === undefined ? line.instruction : this.#aimed(line.instruction, at, line.target),
    }));
    const maps = new Set(lines.flatMap(({ map }) => map ?? []));
    return { name: this.#name, lines, maps: [...maps] };
  }

  #aimed(instruction: Instruction, at: number, target: string): Instruction {
    const to = this.#labels.get(target);
    if (to === undefined) throw this.#wrongLabel(`there is no label ${target}`, target);
    return { ...instruction, offset: fittingOffset(to - at - 1) };
  }

  #wrongLabel(what: string, label: string): PortreeveError {
    const message = `BPF program ${this.#name}: ${what}`;
    return new PortreeveError('BPF_LABEL', message, '', { program: this.#name, label });
  }

  /** An instruction with a register and a second operand; the classes alu64 and jmp have 64 bits. */
  #operate(code: number, dst: Register, operand: Operand, comment: string, target?: string): void {
    if (isRegister(operand)) {
      this.#emit({ code: code | SOURCE.register, dst: number(dst), src: number(operand) }, comment, target);
    } else {
      const isWide = [CLASS.alu64, CLASS.jmp].some((wide) => wide === (code & CLASS_BITS));
      const immediate = fittingImmediate(operand, isWide ? 64 : 32);
      this.#emit({ code: code | SOURCE.immediate, dst: number(dst), immediate }, comment, target);
    }
  }

  #atomic(
    operation: number,
    size: 'u32' | 'u64',
    [base, offset]: readonly [Register, number],
    source: Register,
    comment: string,
  ): void {
    const code = CLASS.stx | MODE.atomic | SIZE[size];
    const place = { dst: number(base), offset: fittingOffset(offset) };
    this.#emit({ code, ...place, src: number(source), immediate: operation }, comment);
  }

  /** A 64-bit immediate, which takes two places. */
  #wide(
    dst: Register,
    src: number,
    halves: readonly [low: number, high: number],
    comment: string,
    map?: string,
  ): void {
    const [low, high] = halves;
    this.#emit({ code: LOAD_IMMEDIATE_64, dst: number(dst), src, immediate: low }, comment, undefined, map);
    this.#lines.push({ ...NOTHING, instruction: { ...ZERO, immediate: high }, isHighHalf: true });
  }

  #emit(parts: Partial<Instruction>, comment: string, target?: string, map?: string): void {
    const instruction = { ...ZERO, ...parts };
    this.#lines.push({ ...NOTHING, instruction, comment, labels: this.#waiting, target, map });
    this.#waiting = [];
  }
}

/**
 * A number as the immediate of an instruction. With 64 bits the kernel widens 32 bits with their sign, so that only
 * what a signed number of 32 bits can be fits; with fewer, signed and unsigned numbers of so many bits do.
 */
function fittingImmediate(value: number, bits: number): number {
  const min = -(2 ** (Math.min(bits, 32) - 1));
  const max = bits === 64 ? WIDENED_MAX : 2 ** bits - 1;
  if (!Number.isInteger(value) || value < min || value > max)
    throw misfit(value, `an immediate for ${bits} bits`);
  return value | 0;
}

function fittingOffset(offset: number): number {
  if (Number.isInteger(offset) && offset >= OFFSET_MIN && offset <= OFFSET_MAX) return offset;
  throw misfit(offset, 'an offset of 16 bits');
}

function misfit(value: number | bigint, place: string): PortreeveError {
  return new PortreeveError('BPF_VALUE', `${value} is not ${place}`, '', { value: `${value}`, place });
}
