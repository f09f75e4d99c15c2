/** Every instruction of the assembler, run by the kernel during a bind(2), computes the arithmetic result. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler, type ByteOrder } from '../../src/bpf/assembler.ts';
import { type Condition, R0, R1, R2, R6, R7, R8, R9, R10 } from '../../src/bpf/instruction.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

/** One case: the values in R6 and R7, the operation, and the value in R6 afterwards. */
interface Case {
  readonly name: string;
  readonly a: bigint;
  readonly b: bigint;
  readonly write: (p: Assembler) => void;
  readonly expected: bigint;
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const s32 = (value: bigint): bigint => BigInt.asIntN(32, value);

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' | 'lsh' | 'rsh' | 'arsh' | 'mov';

/** RFC 9669 section 4.1; `bits` is 64 or 32. The operands are unsigned. */
const MODEL: Readonly<Record<Binary, (a: bigint, b: bigint, bits: number) => bigint>> = {
  mov: (_, b) => b,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, bits) => a << (b % BigInt(bits)),
  rsh: (a, b, bits) => a >> (b % BigInt(bits)),
  arsh: (a, b, bits) => BigInt.asIntN(bits, a) >> (b % BigInt(bits)),
};

const PAIRS: readonly (readonly [bigint, bigint])[] = [
  [0xfedcba9876543210n, 0xffffffff80000001n],
  [0x00000001fffffff3n, 7n],
  [0x8000000000000000n, 0n],
  [41n, 31n],
];
/** The second operand as it is in an instruction; the last one is also a shift. */
const IMMEDIATES = [-2, 7, 2 ** 31 - 1, 13];

const isShift = (operation: Binary): boolean => operation.endsWith('sh');

function arithmetic(): Case[] {
  return (Object.keys(MODEL) as Binary[]).flatMap((operation) => {
    const wide = (a: bigint, b: bigint): bigint => u64(MODEL[operation](a, b, 64));
    const low = (a: bigint, b: bigint): bigint => u32(MODEL[operation](u32(a), u32(b), 32));
    const registers = PAIRS.flatMap(([a, b]): Case[] => [
      { name: `r6 ${operation} r7`, a, b, write: (p) => p[operation](R6, R7), expected: wide(a, b) },
      { name: `w6 ${operation} w7`, a, b, write: (p) => p[`${operation}32`](R6, R7), expected: low(a, b) },
    ]);
    const immediates = IMMEDIATES.filter((k) => !isShift(operation) || k === 13 || k === 7).flatMap((k) => {
      const a = 0xfedcba9876543210n;
      const b = u64(BigInt(k));
      return [
        { name: `r6 ${operation} ${k}`, a, b, write: (p) => p[operation](R6, k), expected: wide(a, b) },
        { name: `w6 ${operation} ${k}`, a, b, write: (p) => p[`${operation}32`](R6, k), expected: low(a, b) },
      ] satisfies Case[];
    });
    return [...registers, ...immediates];
  });
}

const CONDITIONS: Readonly<Record<Condition, (a: bigint, b: bigint, sa: bigint, sb: bigint) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  set: (a, b) => (a & b) !== 0n,
  sgt: (_a, _b, sa, sb) => sa > sb,
  sge: (_a, _b, sa, sb) => sa >= sb,
  slt: (_a, _b, sa, sb) => sa < sb,
  sle: (_a, _b, sa, sb) => sa <= sb,
};

let labels = 0;

/** Leaves 1 in R6 if the jump is taken, otherwise 0. */
function jumps(): Case[] {
  const taken = (write: (p: Assembler, label: string) => void) => (p: Assembler) => {
    const label = `taken${labels++}`;
    p.mov(R8, 1);
    write(p, label);
    p.mov(R8, 0);
    p.label(label);
    p.mov(R6, R8);
  };
  const pairs = [...PAIRS, [5n, 5n], [0xffffffff00000005n, 5n], [u64(-2n), 1n]] as const;
  return (Object.keys(CONDITIONS) as Condition[]).flatMap((condition) => {
    const holds = CONDITIONS[condition];
    const wide = (a: bigint, b: bigint): bigint => (holds(a, b, s64(a), s64(b)) ? 1n : 0n);
    const low = (a: bigint, b: bigint): bigint => (holds(u32(a), u32(b), s32(a), s32(b)) ? 1n : 0n);
    const by = (a: bigint, b: bigint): Case[] => [
      {
        name: `jump ${condition} r7`,
        ...{ a, b, expected: wide(a, b) },
        write: taken((p, label) => p.jump(condition, R6, R7, label)),
      },
      {
        name: `jump32 ${condition} w7`,
        ...{ a, b, expected: low(a, b) },
        write: taken((p, label) => p.jump32(condition, R6, R7, label)),
      },
    ];
    const immediates = [-2, 5].flatMap((k): Case[] => {
      const b = u64(BigInt(k));
      return [5n, u64(-2n), 0xfffffffen].flatMap((a) => [
        {
          name: `jump ${condition} ${k}`,
          ...{ a, b, expected: wide(a, b) },
          write: taken((p, label) => p.jump(condition, R6, k, label)),
        },
        {
          name: `jump32 ${condition} ${k}`,
          ...{ a, b, expected: low(a, b) },
          write: taken((p, label) => p.jump32(condition, R6, k, label)),
        },
      ]);
    });
    return [...pairs.flatMap(([a, b]) => by(a, b)), ...immediates];
  });
}

const a = 0x0102030405060708n;

/** A case with fixed operands. */
function one(name: string, expected: bigint, write: Case['write']): Case {
  return { name, a, b: 0x10n, write, expected };
}

/** One operand is enough. */
function others(): Case[] {
  const orders: Readonly<Record<ByteOrder, bigint>> = {
    be16: 0x0807n,
    be32: 0x08070605n,
    be64: 0x0807060504030201n,
    le16: 0x0708n,
    le32: 0x05060708n,
    le64: a,
  };
  const stored = (p: Assembler, write: () => void): void => {
    p.store('u64', R10, -8, -1);
    write();
    p.load('u64', R6, R10, -8);
  };
  return [
    one('neg', u64(-a), (p) => p.neg(R6)),
    one('neg32', u32(-a), (p) => p.neg32(R6)),
    ...Object.entries(orders).map(([order, expected]) =>
      one(order, expected, (p) => p.swap(order as ByteOrder, R6)),
    ),
    one('64-bit immediate', 0xfffffffffffffffen, (p) => p.loadImmediate(R6, -2n)),
    one('64-bit immediate, unsigned', 0xdeadbeef00000001n, (p) => p.loadImmediate(R6, 0xdeadbeef00000001n)),
    one('store and load u8', 0xffffffffffffff08n, (p) => stored(p, () => p.store('u8', R10, -8, R6))),
    one('store and load u16', 0xffffffffffff0708n, (p) => stored(p, () => p.store('u16', R10, -8, R6))),
    one('store and load u32', 0xffffffff05060708n, (p) => stored(p, () => p.store('u32', R10, -8, R6))),
    one('store and load u64', a, (p) => stored(p, () => p.store('u64', R10, -8, R6))),
    one('store 255 in a byte', 0xffffffffffff00ffn, (p) => {
      stored(p, () => {
        p.store('u16', R10, -8, 0);
        p.store('u8', R10, -8, 255);
      });
    }),
    one('store -2 in 32 bits', 0xfffffffffffffffen, (p) => stored(p, () => p.store('u32', R10, -8, -2))),
    one('store 2 in 64 bits', 2n, (p) => stored(p, () => p.store('u64', R10, -8, 2))),
    ...(['u8', 'u16', 'u32'] as const).map((size, i) =>
      one(`load ${size}`, [0xffn, 0xffffn, 0xffffffffn][i] ?? 0n, (p) => {
        stored(p, () => {});
        p.load(size, R6, R10, -8);
      }),
    ),
    one('atomic add of 64 bits', 0xfn, (p) => stored(p, () => p.atomicAdd('u64', R10, -8, R7))),
    one('atomic or of 64 bits', 0xfn, (p) => {
      p.store('u64', R10, -8, 3);
      p.mov(R7, 12);
      p.atomicOr(R10, -8, R7);
      p.load('u64', R6, R10, -8);
    }),
    one('atomic add of 32 bits', 0xffffffff0000000fn, (p) =>
      stored(p, () => p.atomicAdd('u32', R10, -8, R7)),
    ),
  ];
}

/** Where a program continues. */
function flows(): Case[] {
  return [
    one('a bounded loop', 55n, (p) => {
      p.mov(R6, 0);
      p.mov(R8, 10);
      p.label('again');
      p.add(R6, R8);
      p.sub(R8, 1);
      p.jump('ne', R8, 0, 'again');
    }),
    one('goto', 3n, (p) => {
      p.mov(R6, 3);
      p.goto('over');
      p.label('never');
      p.mov(R6, 4);
      p.label('over');
      p.jump('eq', R6, 4, 'never');
    }),
  ];
}

/** The operands come from a map, so that the verifier knows nothing about them and the CPU computes the result. */
function programOf(cases: readonly Case[]) {
  const p = new Assembler('instructions');
  for (const [i, { name, write }] of cases.entries()) {
    p.loadMapValue(R9, 'values', i * 24, name);
    p.load('u64', R6, R9, 0);
    p.load('u64', R7, R9, 8);
    write(p);
    p.store('u64', R9, 16, R6);
  }
  p.mov(R0, 1);
  p.exit();
  return p.assemble();
}

test('every instruction computes the arithmetic result', async (t) => {
  if (!kernelReady(t)) return;
  const cases = [...arithmetic(), ...jumps(), ...others(), ...flows()];
  const fixture = KernelFixture.open(t);
  const values = fixture.map({ type: 'array', valueBytes: cases.length * 24 });
  const bytes = new Uint8Array(cases.length * 24);
  const view = new DataView(bytes.buffer);
  for (const [i, { a, b }] of cases.entries()) {
    view.setBigUint64(i * 24, a, true);
    view.setBigUint64(i * 24 + 8, b, true);
    view.setBigUint64(i * 24 + 16, 0x5a5a5a5a5a5a5a5an, true);
  }
  const key = new Uint8Array(4);
  values.update(key, bytes);
  fixture.attach('bind4', programOf(cases), { values });
  const [bound] = await fixture.bind({ socket: 'tcp4', address: '127.0.0.1', port: 4000 });
  assert.equal(bound?.error, null);

  const after = values.lookup(key) ?? assert.fail();
  const results = new DataView(after.buffer);
  const wrong = cases.flatMap(({ name, a, b, expected }, i) => {
    const found = results.getBigUint64(i * 24 + 16, true);
    const hex = (value: bigint): string => `0x${value.toString(16)}`;
    return found === expected
      ? []
      : [`${name} of ${hex(a)}, ${hex(b)}: ${hex(found)} instead of ${hex(expected)}`];
  });
  assert.deepEqual(wrong, []);
});

test('a map can be accessed by its address and by a helper', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const counts = fixture.map({ type: 'array', valueBytes: 16 });
  const p = new Assembler('addresses');
  p.store('u32', R10, -4, 0);
  p.loadMap(R1, 'counts');
  p.mov(R2, R10);
  p.add(R2, -4);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'out');
  p.mov(R1, 5);
  p.atomicAdd('u64', R0, 8, R1, 'the second number, by the helper');
  p.loadMapValue(R1, 'counts', 8);
  p.load('u64', R2, R1, 0, 'the second number, by its address');
  p.add(R2, 2);
  p.loadMapValue(R1, 'counts', 0);
  p.store('u64', R1, 0, R2, 'the first number');
  p.label('out');
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble(), { counts });
  await fixture.bind({ socket: 'udp4', address: '127.0.0.1', port: 4000 });
  const value = counts.lookup(new Uint8Array(4)) ?? assert.fail();
  assert.deepEqual([...new BigUint64Array(value.buffer)], [7n, 5n]);
  // The kernel gives addresses only of arrays with one element.
  const two = fixture.map({ type: 'array', valueBytes: 16, entries: 2 });
  assert.throws(
    () => fixture.load('bind4', p.assemble(), { counts: two }),
    /invalid access to map value pointer/,
  );
});
