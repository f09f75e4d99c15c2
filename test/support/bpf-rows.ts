/** Each instruction of the assembler: the call, the bytes, the text. */

import type { Assembler } from '../../src/bpf/assembler.ts';
import { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 } from '../../src/bpf/instruction.ts';

export interface Row {
  readonly write: (p: Assembler) => void;
  /** struct bpf_insn: the code, the registers (source in the high half), the offset, the immediate. */
  readonly hex: string;
  readonly text: string;
}

const row = (hex: string, text: string, write: Row['write']): Row => ({
  write,
  hex: hex.replaceAll(' ', ''),
  text,
});

const ALU64: readonly Row[] = [
  row('bf 12 0000 00000000', 'r2 = r1', (p) => p.mov(R2, R1)),
  row('b7 02 0000 07000000', 'r2 = 7', (p) => p.mov(R2, 7)),
  row('b7 02 0000 ffffffff', 'r2 = -1', (p) => p.mov(R2, -1)),
  row('b7 02 0000 ffffff7f', 'r2 = 2147483647', (p) => p.mov(R2, 2 ** 31 - 1)),
  row('b7 02 0000 00000080', 'r2 = -2147483648', (p) => p.mov(R2, -(2 ** 31))),
  row('0f a6 0000 00000000', 'r6 += r10', (p) => p.add(R6, R10)),
  row('07 06 0000 f8ffffff', 'r6 += -8', (p) => p.add(R6, -8)),
  row('1f 21 0000 00000000', 'r1 -= r2', (p) => p.sub(R1, R2)),
  row('17 01 0000 03000000', 'r1 -= 3', (p) => p.sub(R1, 3)),
  row('2f 43 0000 00000000', 'r3 *= r4', (p) => p.mul(R3, R4)),
  row('27 03 0000 05000000', 'r3 *= 5', (p) => p.mul(R3, 5)),
  row('3f 65 0000 00000000', 'r5 /= r6', (p) => p.div(R5, R6)),
  row('37 05 0000 06000000', 'r5 /= 6', (p) => p.div(R5, 6)),
  row('9f 87 0000 00000000', 'r7 %= r8', (p) => p.mod(R7, R8)),
  row('97 07 0000 09000000', 'r7 %= 9', (p) => p.mod(R7, 9)),
  row('5f 09 0000 00000000', 'r9 &= r0', (p) => p.and(R9, R0)),
  row('57 00 0000 03000000', 'r0 &= 3', (p) => p.and(R0, 3)),
  row('4f 21 0000 00000000', 'r1 |= r2', (p) => p.or(R1, R2)),
  row('47 01 0000 10000000', 'r1 |= 16', (p) => p.or(R1, 16)),
  row('af 21 0000 00000000', 'r1 ^= r2', (p) => p.xor(R1, R2)),
  row('a7 01 0000 ffffffff', 'r1 ^= -1', (p) => p.xor(R1, -1)),
  row('6f 21 0000 00000000', 'r1 <<= r2', (p) => p.lsh(R1, R2)),
  row('67 01 0000 20000000', 'r1 <<= 32', (p) => p.lsh(R1, 32)),
  row('7f 21 0000 00000000', 'r1 >>= r2', (p) => p.rsh(R1, R2)),
  row('77 01 0000 20000000', 'r1 >>= 32', (p) => p.rsh(R1, 32)),
  row('cf 21 0000 00000000', 'r1 s>>= r2', (p) => p.arsh(R1, R2)),
  row('c7 01 0000 3f000000', 'r1 s>>= 63', (p) => p.arsh(R1, 63)),
  row('87 01 0000 00000000', 'r1 = -r1', (p) => p.neg(R1)),
];

const ALU32: readonly Row[] = [
  row('bc 12 0000 00000000', 'w2 = w1', (p) => p.mov32(R2, R1)),
  row('b4 02 0000 ffffffff', 'w2 = -1', (p) => p.mov32(R2, 2 ** 32 - 1)),
  row('b4 02 0000 00000080', 'w2 = -2147483648', (p) => p.mov32(R2, -(2 ** 31))),
  row('0c a6 0000 00000000', 'w6 += w10', (p) => p.add32(R6, R10)),
  row('04 06 0000 f8ffffff', 'w6 += -8', (p) => p.add32(R6, -8)),
  row('1c 21 0000 00000000', 'w1 -= w2', (p) => p.sub32(R1, R2)),
  row('14 01 0000 03000000', 'w1 -= 3', (p) => p.sub32(R1, 3)),
  row('2c 43 0000 00000000', 'w3 *= w4', (p) => p.mul32(R3, R4)),
  row('24 03 0000 05000000', 'w3 *= 5', (p) => p.mul32(R3, 5)),
  row('3c 65 0000 00000000', 'w5 /= w6', (p) => p.div32(R5, R6)),
  row('34 05 0000 06000000', 'w5 /= 6', (p) => p.div32(R5, 6)),
  row('9c 87 0000 00000000', 'w7 %= w8', (p) => p.mod32(R7, R8)),
  row('94 07 0000 09000000', 'w7 %= 9', (p) => p.mod32(R7, 9)),
  row('5c 09 0000 00000000', 'w9 &= w0', (p) => p.and32(R9, R0)),
  row('54 00 0000 03000000', 'w0 &= 3', (p) => p.and32(R0, 3)),
  row('4c 21 0000 00000000', 'w1 |= w2', (p) => p.or32(R1, R2)),
  row('44 01 0000 10000000', 'w1 |= 16', (p) => p.or32(R1, 16)),
  row('ac 21 0000 00000000', 'w1 ^= w2', (p) => p.xor32(R1, R2)),
  row('a4 01 0000 01000000', 'w1 ^= 1', (p) => p.xor32(R1, 1)),
  row('6c 21 0000 00000000', 'w1 <<= w2', (p) => p.lsh32(R1, R2)),
  row('64 01 0000 1f000000', 'w1 <<= 31', (p) => p.lsh32(R1, 31)),
  row('7c 21 0000 00000000', 'w1 >>= w2', (p) => p.rsh32(R1, R2)),
  row('74 01 0000 1f000000', 'w1 >>= 31', (p) => p.rsh32(R1, 31)),
  row('cc 21 0000 00000000', 'w1 s>>= w2', (p) => p.arsh32(R1, R2)),
  row('c4 01 0000 1f000000', 'w1 s>>= 31', (p) => p.arsh32(R1, 31)),
  row('84 01 0000 00000000', 'w1 = -w1', (p) => p.neg32(R1)),
];

const ORDERS: readonly Row[] = [
  row('dc 01 0000 10000000', 'r1 = be16 r1', (p) => p.swap('be16', R1)),
  row('dc 01 0000 20000000', 'r1 = be32 r1', (p) => p.swap('be32', R1)),
  row('dc 01 0000 40000000', 'r1 = be64 r1', (p) => p.swap('be64', R1)),
  row('d4 01 0000 10000000', 'r1 = le16 r1', (p) => p.swap('le16', R1)),
  row('d4 01 0000 20000000', 'r1 = le32 r1', (p) => p.swap('le32', R1)),
  row('d4 01 0000 40000000', 'r1 = le64 r1', (p) => p.swap('le64', R1)),
];

const WIDE: readonly Row[] = [
  row('18 01 0000 08070605 00000000 04030201', 'r1 = 0x102030405060708', (p) =>
    p.loadImmediate(R1, 0x0102030405060708n),
  ),
  row('18 01 0000 ffffffff 00000000 00000000', 'r1 = 0xffffffff', (p) => p.loadImmediate(R1, 0xffffffffn)),
  row('18 01 0000 feffffff 00000000 ffffffff', 'r1 = 0xfffffffffffffffe', (p) => p.loadImmediate(R1, -2n)),
  row('18 11 0000 21030000 00000000 00000000', 'r1 = map[ports]', (p) => p.loadMap(R1, 'ports')),
  row('18 21 0000 21030000 00000000 10000000', 'r1 = map[ports][0]+16', (p) =>
    p.loadMapValue(R1, 'ports', 16),
  ),
];

const MEMORY: readonly Row[] = [
  row('71 67 1800 00000000', 'r7 = *(u8 *)(r6 +24)', (p) => p.load('u8', R7, R6, 24)),
  row('69 67 1800 00000000', 'r7 = *(u16 *)(r6 +24)', (p) => p.load('u16', R7, R6, 24)),
  row('61 67 0000 00000000', 'r7 = *(u32 *)(r6 +0)', (p) => p.load('u32', R7, R6, 0)),
  row('79 a7 f8ff 00000000', 'r7 = *(u64 *)(r10 -8)', (p) => p.load('u64', R7, R10, -8)),
  row('79 a7 ff7f 00000000', 'r7 = *(u64 *)(r10 +32767)', (p) => p.load('u64', R7, R10, 32767)),
  row('79 a7 0080 00000000', 'r7 = *(u64 *)(r10 -32768)', (p) => p.load('u64', R7, R10, -32768)),
  row('73 1a ffff 00000000', '*(u8 *)(r10 -1) = r1', (p) => p.store('u8', R10, -1, R1)),
  row('6b 1a feff 00000000', '*(u16 *)(r10 -2) = r1', (p) => p.store('u16', R10, -2, R1)),
  row('63 1a fcff 00000000', '*(u32 *)(r10 -4) = r1', (p) => p.store('u32', R10, -4, R1)),
  row('7b 1a f8ff 00000000', '*(u64 *)(r10 -8) = r1', (p) => p.store('u64', R10, -8, R1)),
  row('72 0a ffff ff000000', '*(u8 *)(r10 -1) = 255', (p) => p.store('u8', R10, -1, 255)),
  row('6a 0a feff ffff0000', '*(u16 *)(r10 -2) = 65535', (p) => p.store('u16', R10, -2, 65535)),
  row('62 0a fcff ffffffff', '*(u32 *)(r10 -4) = -1', (p) => p.store('u32', R10, -4, 2 ** 32 - 1)),
  row('7a 0a f8ff feffffff', '*(u64 *)(r10 -8) = -2', (p) => p.store('u64', R10, -8, -2)),
  row('c3 21 0400 00000000', 'lock *(u32 *)(r1 +4) += r2', (p) => p.atomicAdd('u32', R1, 4, R2)),
  row('db 21 0800 00000000', 'lock *(u64 *)(r1 +8) += r2', (p) => p.atomicAdd('u64', R1, 8, R2)),
  row('db 21 0800 40000000', 'lock *(u64 *)(r1 +8) |= r2', (p) => p.atomicOr(R1, 8, R2)),
];

/** The label `out` follows the instruction, so that each offset is 0. */
const JUMPS: readonly Row[] = [
  row('05 00 0000 00000000', 'goto pc+0', (p) => p.goto('out')),
  row('1d 21 0000 00000000', 'if r1 == r2 goto pc+0', (p) => p.jump('eq', R1, R2, 'out')),
  row('15 01 0000 00000000', 'if r1 == 0x0 goto pc+0', (p) => p.jump('eq', R1, 0, 'out')),
  row('5d 21 0000 00000000', 'if r1 != r2 goto pc+0', (p) => p.jump('ne', R1, R2, 'out')),
  row('55 01 0000 ffffffff', 'if r1 != 0xffffffff goto pc+0', (p) => p.jump('ne', R1, -1, 'out')),
  row('2d 21 0000 00000000', 'if r1 > r2 goto pc+0', (p) => p.jump('gt', R1, R2, 'out')),
  row('25 01 0000 ff030000', 'if r1 > 0x3ff goto pc+0', (p) => p.jump('gt', R1, 1023, 'out')),
  row('3d 21 0000 00000000', 'if r1 >= r2 goto pc+0', (p) => p.jump('ge', R1, R2, 'out')),
  row('35 01 0000 00040000', 'if r1 >= 0x400 goto pc+0', (p) => p.jump('ge', R1, 1024, 'out')),
  row('ad 21 0000 00000000', 'if r1 < r2 goto pc+0', (p) => p.jump('lt', R1, R2, 'out')),
  row('a5 01 0000 00040000', 'if r1 < 0x400 goto pc+0', (p) => p.jump('lt', R1, 1024, 'out')),
  row('bd 21 0000 00000000', 'if r1 <= r2 goto pc+0', (p) => p.jump('le', R1, R2, 'out')),
  row('b5 01 0000 ff030000', 'if r1 <= 0x3ff goto pc+0', (p) => p.jump('le', R1, 1023, 'out')),
  row('4d 21 0000 00000000', 'if r1 & r2 goto pc+0', (p) => p.jump('set', R1, R2, 'out')),
  row('45 01 0000 04000000', 'if r1 & 0x4 goto pc+0', (p) => p.jump('set', R1, 4, 'out')),
  row('6d 21 0000 00000000', 'if r1 s> r2 goto pc+0', (p) => p.jump('sgt', R1, R2, 'out')),
  row('65 01 0000 ffffffff', 'if r1 s> 0xffffffff goto pc+0', (p) => p.jump('sgt', R1, -1, 'out')),
  row('7d 21 0000 00000000', 'if r1 s>= r2 goto pc+0', (p) => p.jump('sge', R1, R2, 'out')),
  row('75 01 0000 00000000', 'if r1 s>= 0x0 goto pc+0', (p) => p.jump('sge', R1, 0, 'out')),
  row('cd 21 0000 00000000', 'if r1 s< r2 goto pc+0', (p) => p.jump('slt', R1, R2, 'out')),
  row('c5 01 0000 00000000', 'if r1 s< 0x0 goto pc+0', (p) => p.jump('slt', R1, 0, 'out')),
  row('dd 21 0000 00000000', 'if r1 s<= r2 goto pc+0', (p) => p.jump('sle', R1, R2, 'out')),
  row('d5 01 0000 00000000', 'if r1 s<= 0x0 goto pc+0', (p) => p.jump('sle', R1, 0, 'out')),
  row('1e 21 0000 00000000', 'if w1 == w2 goto pc+0', (p) => p.jump32('eq', R1, R2, 'out')),
  row('16 01 0000 ffffffff', 'if w1 == 0xffffffff goto pc+0', (p) => p.jump32('eq', R1, 2 ** 32 - 1, 'out')),
  row('5e 21 0000 00000000', 'if w1 != w2 goto pc+0', (p) => p.jump32('ne', R1, R2, 'out')),
  row('26 01 0000 ff030000', 'if w1 > 0x3ff goto pc+0', (p) => p.jump32('gt', R1, 1023, 'out')),
  row('3e 21 0000 00000000', 'if w1 >= w2 goto pc+0', (p) => p.jump32('ge', R1, R2, 'out')),
  row('a6 01 0000 00040000', 'if w1 < 0x400 goto pc+0', (p) => p.jump32('lt', R1, 1024, 'out')),
  row('be 21 0000 00000000', 'if w1 <= w2 goto pc+0', (p) => p.jump32('le', R1, R2, 'out')),
  row('46 01 0000 00000080', 'if w1 & 0x80000000 goto pc+0', (p) => p.jump32('set', R1, 2 ** 31, 'out')),
  row('66 01 0000 ffffffff', 'if w1 s> 0xffffffff goto pc+0', (p) => p.jump32('sgt', R1, -1, 'out')),
  row('7e 21 0000 00000000', 'if w1 s>= w2 goto pc+0', (p) => p.jump32('sge', R1, R2, 'out')),
  row('c6 01 0000 00000000', 'if w1 s< 0x0 goto pc+0', (p) => p.jump32('slt', R1, 0, 'out')),
  row('de 21 0000 00000000', 'if w1 s<= w2 goto pc+0', (p) => p.jump32('sle', R1, R2, 'out')),
  row('85 00 0000 01000000', 'call bpf_map_lookup_elem#1', (p) => p.call('map_lookup_elem')),
  row('85 00 0000 bb000000', 'call bpf_set_retval#187', (p) => p.call('set_retval')),
  row('95 00 0000 00000000', 'exit', (p) => p.exit()),
];

/** The descriptor of every map in the bytes: 0x321. */
export const ROW_MAP_FD = 0x321;

export const ROWS: readonly Row[] = [...ALU64, ...ALU32, ...ORDERS, ...WIDE, ...MEMORY, ...JUMPS];
