// Disassembles eBPF instructions in the notation of the kernel's verifier (kernel/bpf/disasm.c).
import { helperName } from './helpers.ts';
import {
  ALU,
  CLASS,
  CLASS_BITS,
  type Instruction,
  JUMP,
  LOAD_IMMEDIATE_64,
  MODE,
  PSEUDO,
  SIZE,
  SOURCE,
} from './instruction.ts';

const SIZE_BITS = 0x18;
const MODE_BITS = 0xe0;
const OPERATION_BITS = 0xf0;

const ALU_SIGNS = new Map<number, string>([
  [ALU.add, '+='],
  [ALU.sub, '-='],
  [ALU.mul, '*='],
  [ALU.div, '/='],
  [ALU.or, '|='],
  [ALU.and, '&='],
  [ALU.lsh, '<<='],
  [ALU.rsh, '>>='],
  [ALU.mod, '%='],
  [ALU.xor, '^='],
  [ALU.mov, '='],
  [ALU.arsh, 's>>='],
]);

const JUMP_SIGNS = new Map<number, string>([
  [JUMP.eq, '=='],
  [JUMP.gt, '>'],
  [JUMP.ge, '>='],
  [JUMP.set, '&'],
  [JUMP.ne, '!='],
  [JUMP.sgt, 's>'],
  [JUMP.sge, 's>='],
  [JUMP.lt, '<'],
  [JUMP.le, '<='],
  [JUMP.slt, 's<'],
  [JUMP.sle, 's<='],
]);

const SIZE_NAMES = new Map<number, string>(Object.entries(SIZE).map(([name, bits]) => [bits, name]));

const signed = (number: number): string => (number < 0 ? `${number}` : `+${number}`);
const hex = (number: number | bigint): string => `0x${number.toString(16)}`;
const unknown = ({ code }: Instruction): string => `unknown ${hex(code)}`;

function aluText(instruction: Instruction): string {
  const { code, dst, src, immediate } = instruction;
  const operation = code & OPERATION_BITS;
  const isRegister = (code & SOURCE.register) !== 0;
  const letter = (code & CLASS_BITS) === CLASS.alu64 ? 'r' : 'w';
  const target = `${letter}${dst}`;
  if (operation === ALU.neg) return `${target} = -${target}`;
  if (operation === ALU.end && letter === 'w') {
    return `r${dst} = ${isRegister ? 'be' : 'le'}${immediate} r${dst}`;
  }
  const sign = ALU_SIGNS.get(operation);
  if (sign === undefined) return unknown(instruction);
  return `${target} ${sign} ${isRegister ? `${letter}${src}` : immediate}`;
}

function jumpText(instruction: Instruction): string {
  const { code, dst, src, offset, immediate } = instruction;
  const operation = code & OPERATION_BITS;
  const isWide = (code & CLASS_BITS) === CLASS.jmp;
  const isRegister = (code & SOURCE.register) !== 0;
  const goto = `goto pc${signed(offset)}`;
  if (isWide && !isRegister) {
    if (operation === JUMP.always) return goto;
    if (operation === JUMP.exit) return 'exit';
    if (operation === JUMP.call) {
      const name = helperName(immediate);
      return `call ${name === undefined ? 'unknown' : `bpf_${name}`}#${immediate}`;
    }
  }
  const sign = JUMP_SIGNS.get(operation);
  if (sign === undefined) return unknown(instruction);
  const letter = isWide ? 'r' : 'w';
  return `if ${letter}${dst} ${sign} ${isRegister ? `${letter}${src}` : hex(immediate >>> 0)} ${goto}`;
}

/** A load or store through an address. */
function memoryText(instruction: Instruction): string {
  const { code, dst, src, offset, immediate } = instruction;
  const size = SIZE_NAMES.get(code & SIZE_BITS);
  const place = (register: number): string => `*(${size} *)(r${register} ${signed(offset)})`;
  const kind = code & (CLASS_BITS | MODE_BITS);
  if (kind === (CLASS.ldx | MODE.memory)) return `r${dst} = ${place(src)}`;
  if (kind === (CLASS.stx | MODE.memory)) return `${place(dst)} = r${src}`;
  if (kind === (CLASS.st | MODE.memory)) return `${place(dst)} = ${immediate}`;
  const sign = immediate === ALU.add ? '+=' : immediate === ALU.or ? '|=' : undefined;
  const isAtomic = kind === (CLASS.stx | MODE.atomic) && sign !== undefined;
  return isAtomic ? `lock ${place(dst)} ${sign} r${src}` : unknown(instruction);
}

function immediate64Text({ dst, src, immediate }: Instruction, high: number, map: string): string {
  if (src === PSEUDO.map) return `r${dst} = map[${map}]`;
  if (src === PSEUDO.mapValue) return `r${dst} = map[${map}][0]${signed(high)}`;
  return `r${dst} = ${hex((BigInt(high >>> 0) << 32n) | BigInt(immediate >>> 0))}`;
}

/**
 * The text of an instruction. `next` is the following one, which holds the high half of a 64-bit immediate. `map` is
 * the name of the map it refers to, if known.
 */
export function textOf(instruction: Instruction, next?: Instruction, map?: string): string {
  const { code, immediate } = instruction;
  if (code === LOAD_IMMEDIATE_64) {
    return immediate64Text(instruction, next?.immediate ?? 0, map ?? `fd:${immediate}`);
  }
  switch (code & CLASS_BITS) {
    case CLASS.alu:
    case CLASS.alu64:
      return aluText(instruction);
    case CLASS.jmp:
    case CLASS.jmp32:
      return jumpText(instruction);
    default:
      return memoryText(instruction);
  }
}
