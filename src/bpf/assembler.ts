// The eBPF assembler: one method per instruction, with labels, maps by name, and comments for the listing.
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
/** The kernel sign-extends immediates to 64 bits. */
const WIDENED_MAX = 2 ** 31 - 1;
const OFFSET_MIN = -(2 ** 15);
const OFFSET_MAX = 2 ** 15 - 1;

/** A second operand: a register or an immediate. */
type Operand = Register | number;

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
 * Assembles a program:
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
 * The methods throw PortreeveError `BPF_VALUE` (bug) if an operand is out of range.
 * Methods operate on 64 bits and sign-extend immediates. Methods whose name ends in 32 operate on the low 32 bits and
 * clear the high ones.
 */
export class Assembler {
  readonly #name: string;
  readonly #lines: Line[] = [];
  readonly #labels = new Map<string, number>();
  /** Labels of the next instruction. */
  #waiting: string[] = [];

  /** `name` is the program's name in the kernel: at most 15 letters, digits, "_" and ".". */
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

  /** dst /= operand, unsigned. 0 if the operand is 0. */
  div(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.div, dst, operand, comment);
  }

  /** dst %= operand, unsigned. dst is unchanged if the operand is 0. */
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

  /** dst >>= operand, logical */
  rsh(dst: Register, operand: Operand, comment = ''): void {
    this.#operate(CLASS.alu64 | ALU.rsh, dst, operand, comment);
  }

  /** dst >>= operand, arithmetic */
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

  /** Converts the low bits of dst to a byte order and clears the others: 'be16' is htons() and ntohs(). */
  swap(order: ByteOrder, dst: Register, comment = ''): void {
    const source = order.startsWith('be') ? SOURCE.register : SOURCE.immediate;
    const code = CLASS.alu | ALU.end | source;
    this.#emit({ code, dst: number(dst), immediate: ORDER_BITS[order] }, comment);
  }

  /** dst = a 64-bit value, signed or unsigned */
  loadImmediate(dst: Register, value: bigint, comment = ''): void {
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw misfit(value, 'a 64-bit immediate');
    const halves = new DataView(new ArrayBuffer(8));
    halves.setBigInt64(0, BigInt.asIntN(64, value), true);
    this.#wide(dst, PSEUDO.none, [halves.getInt32(0, true), halves.getInt32(4, true)], comment);
  }

  /** dst = the map, as an argument of helpers */
  loadMap(dst: Register, map: string, comment = ''): void {
    this.#wide(dst, PSEUDO.map, [0, 0], comment, map);
  }

  /** dst = the address of the value of an array map with one element, plus offset */
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

  /** dst = a field of the structure at base + at */
  loadField(dst: Register, base: Register, field: Field<Scalar>, at = 0): void {
    this.load(field.type, dst, base, at + field.offset, field.name);
  }

  /** A field of the structure at base + at = source */
  storeField(base: Register, field: Field<Scalar>, source: Operand, at = 0): void {
    this.store(field.type, base, at + field.offset, source, field.name);
  }

  /** *(size *)(base + offset) += source, atomically */
  atomicAdd(size: 'u32' | 'u64', base: Register, offset: number, source: Register, comment = ''): void {
    this.#atomic(ALU.add, size, [base, offset], source, comment);
  }

  /** *(u64 *)(base + offset) |= source, atomically */
  atomicOr(base: Register, offset: number, source: Register, comment = ''): void {
    this.#atomic(ALU.or, 'u64', [base, offset], source, comment);
  }

  /** Jumps to the label. */
  goto(label: string, comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.always }, comment, label);
  }

  /** Jumps to the label if the condition holds for all 64 bits. */
  jump(condition: Condition, dst: Register, operand: Operand, label: string, comment = ''): void {
    this.#operate(CLASS.jmp | JUMP[condition], dst, operand, comment, label);
  }

  /** Jumps to the label if the condition holds for the low 32 bits. */
  jump32(condition: Condition, dst: Register, operand: Operand, label: string, comment = ''): void {
    this.#operate(CLASS.jmp32 | JUMP[condition], dst, operand, comment, label);
  }

  /** r0 = the result of a kernel helper with arguments in r1 to r5, which are clobbered. */
  call(helper: Helper, comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.call, immediate: HELPERS[helper] }, comment);
  }

  /** Ends the program. r0 is the return value. */
  exit(comment = ''): void {
    this.#emit({ code: CLASS.jmp | JUMP.exit }, comment);
  }

  /** Labels the next instruction. Throws PortreeveError `BPF_LABEL` (bug) if the label exists. */
  label(name: string): void {
    if (this.#labels.has(name)) throw this.#wrongLabel(`the label ${name} is defined twice`, name);
    this.#labels.set(name, this.#lines.length);
    this.#waiting.push(name);
  }

  /**
   * Builds the program. Throws PortreeveError (bug) `BPF_LABEL` for an undefined label and for a label without an
   * instruction, and `BPF_VALUE` for a jump over more than 32767 instructions.
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

  /** An instruction with a register and a second operand. The classes alu64 and jmp operate on 64 bits. */
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

  /** A 64-bit immediate, which occupies two instruction slots. */
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
 * Checks the immediate of an instruction. For 64-bit operations the kernel sign-extends 32 bits, so only signed 32-bit
 * values are valid. For narrower operations, signed and unsigned values of that width are valid.
 */
function fittingImmediate(value: number, bits: number): number {
  const min = -(2 ** (Math.min(bits, 32) - 1));
  const max = bits === 64 ? WIDENED_MAX : 2 ** bits - 1;
  if (!Number.isInteger(value) || value < min || value > max)
    throw misfit(value, `an immediate of a ${bits}-bit operation`);
  return value | 0;
}

function fittingOffset(offset: number): number {
  if (Number.isInteger(offset) && offset >= OFFSET_MIN && offset <= OFFSET_MAX) return offset;
  throw misfit(offset, 'a 16-bit offset');
}

function misfit(value: number | bigint, place: string): PortreeveError {
  return new PortreeveError('BPF_VALUE', `${value} is not ${place}`, '', { value: `${value}`, place });
}
