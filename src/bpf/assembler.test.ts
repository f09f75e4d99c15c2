// Tests of the assembler: encoding, labels, maps, listings, and errors.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeInstructions, disassemble, listing } from '../../test/support/bpf-listing.ts';
import { ROW_MAP_FD, ROWS } from '../../test/support/bpf-rows.ts';
import { Layout } from '../base/layout.ts';
import { Assembler } from './assembler.ts';
import { encodeInstructions, INSTRUCTION_BYTES, R0, R1, R2, R6, R7, R10, REGISTERS } from './instruction.ts';
import { encode } from './program.ts';

const fdOf = (): number => ROW_MAP_FD;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A program of one instruction, followed by the target of jumps. */
function programOf(write: (p: Assembler) => void) {
  const p = new Assembler('row');
  write(p);
  p.label('out');
  p.exit();
  return p.assemble();
}

describe('each instruction has its encoding and text', () => {
  for (const { write, hex, text } of ROWS) {
    test(text, () => {
      const program = programOf(write);
      assert.equal(hexOf(encode(program, fdOf)), `${hex}9500000000000000`);
      const [first = ''] = listing(program).split('\n');
      assert.equal(first, `   0: ${text}${text.includes('goto') ? ' <out>' : ''}`);
      const [disassembled] = disassemble(encode(program, fdOf));
      assert.equal(disassembled, `0: ${text.replace('map[ports]', `map[fd:${ROW_MAP_FD}]`)}`);
    });
  }

  test('the table has no duplicate rows', () => {
    assert.equal(new Set(ROWS.map(({ hex }) => hex)).size, ROWS.length);
    assert.equal(new Set(ROWS.map(({ text }) => text)).size, ROWS.length);
  });
});

const sample = () => {
  const p = new Assembler('sample');
  p.mov(R6, R1, 'the context');
  p.label('again');
  p.load('u32', R7, R6, 24, 'the port');
  p.jump('eq', R7, 0, 'out', 'the kernel chooses');
  p.loadMap(R1, 'rules');
  p.loadMap(R2, 'jobs');
  p.loadMapValue(R0, 'rules', 8);
  p.call('ktime_get_ns');
  p.jump('ne', R7, 5, 'again');
  p.label('out');
  p.label('end');
  p.mov(R0, 1);
  p.exit('allowed');
  return p.assemble();
};

test('a listing has labels, instructions and comments', () => {
  assert.equal(
    listing(sample()),
    [
      '   0: r6 = r1                                      ; the context',
      'again:',
      '   1: r7 = *(u32 *)(r6 +24)                        ; the port',
      '   2: if r7 == 0x0 goto pc+8 <out>                 ; the kernel chooses',
      '   3: r1 = map[rules]',
      '   5: r2 = map[jobs]',
      '   7: r0 = map[rules][0]+8',
      '   9: call bpf_ktime_get_ns#5',
      '  10: if r7 != 0x5 goto pc-10 <again>',
      'out:',
      'end:',
      '  11: r0 = 1',
      '  12: exit                                         ; allowed',
      '',
    ].join('\n'),
  );
});

test('maps are listed in order of first use, and their descriptors are inserted by encode()', () => {
  const program = sample();
  assert.deepEqual(program.maps, ['rules', 'jobs']);
  const bytes = encode(program, (map) => (map === 'rules' ? 7 : 9));
  const immediates = decodeInstructions(bytes).map(({ immediate }) => immediate);
  assert.deepEqual(immediates.slice(3, 9), [7, 0, 9, 0, 7, 8]);
});

test('a field is loaded and stored at its offset with its size and name', () => {
  const { fields } = new Layout({ kind: 'u8', port: 'u16', time: 'u64' });
  const p = new Assembler('fields');
  p.loadField(R1, R6, fields.port);
  p.storeField(R10, fields.time, R1, -16);
  p.storeField(R10, fields.kind, 3, -16);
  const lines = listing(p.assemble()).split('\n');
  assert.deepEqual(
    lines.map((line) => line.trim().replace(/ +;/, ' ;')),
    [
      '0: r1 = *(u16 *)(r6 +2) ; port',
      '1: *(u64 *)(r10 -8) = r1 ; time',
      '2: *(u8 *)(r10 -16) = 3 ; kind',
      '',
    ],
  );
});

describe('an operand out of range is a bug', () => {
  const value = { kind: 'bug', code: 'BPF_VALUE' };
  const cases: Record<string, [refused: (p: Assembler) => void, permitted: (p: Assembler) => void]> = {
    'a sign-extended immediate': [(p) => p.mov(R1, 2 ** 31), (p) => p.mov(R1, 2 ** 31 - 1)],
    'a negative immediate': [(p) => p.add(R1, -(2 ** 31) - 1), (p) => p.add(R1, -(2 ** 31))],
    'a 32-bit immediate': [(p) => p.mov32(R1, 2 ** 32), (p) => p.mov32(R1, 2 ** 32 - 1)],
    'the operand of a jump': [
      (p) => p.jump('eq', R1, 2 ** 31, 'out'),
      (p) => p.jump32('eq', R1, 2 ** 31, 'out'),
    ],
    'a byte': [(p) => p.store('u8', R10, -1, 256), (p) => p.store('u8', R10, -1, -128)],
    'two bytes': [(p) => p.store('u16', R10, -2, 65536), (p) => p.store('u16', R10, -2, 65535)],
    'a fraction': [(p) => p.mov(R1, 0.5), (p) => p.mov(R1, 0)],
    'an offset': [(p) => p.load('u8', R1, R2, 32768), (p) => p.load('u8', R1, R2, 32767)],
    'a 64-bit immediate': [(p) => p.loadImmediate(R1, 2n ** 64n), (p) => p.loadImmediate(R1, 2n ** 64n - 1n)],
    'a negative 64-bit immediate': [
      (p) => p.loadImmediate(R1, -(2n ** 63n) - 1n),
      (p) => p.loadImmediate(R1, -(2n ** 63n)),
    ],
    'an offset in a map value': [
      (p) => p.loadMapValue(R1, 'm', 2 ** 31),
      (p) => p.loadMapValue(R1, 'm', 2 ** 31 - 1),
    ],
  };
  for (const [name, [refused, permitted]] of Object.entries(cases)) {
    test(name, () => {
      assert.throws(() => programOf(refused), value);
      programOf(permitted);
    });
  }

  /** A jump over `count` instructions. */
  const over = (count: number) => () => {
    const p = new Assembler('far');
    p.goto('far');
    for (let i = 0; i < count; i++) p.mov(R0, 0);
    p.label('far');
    p.exit();
    return p.assemble();
  };
  test('a jump over more than 32767 instructions', () => {
    assert.throws(over(32768), value);
    assert.equal(over(32767)().lines[0]?.instruction.offset, 32767);
  });
});

test('a label that is missing, duplicate, or without an instruction is a bug', () => {
  const label = { kind: 'bug', code: 'BPF_LABEL' };
  const write = (...steps: ((p: Assembler) => void)[]) => {
    const p = new Assembler('labels');
    for (const step of steps) step(p);
    return p.assemble();
  };
  assert.throws(() => write((p) => p.goto('a')), label);
  assert.throws(
    () =>
      write(
        (p) => p.label('a'),
        (p) => p.exit(),
        (p) => p.label('a'),
        (p) => p.exit(),
      ),
    label,
  );
  assert.throws(
    () =>
      write(
        (p) => p.goto('a'),
        (p) => p.label('a'),
      ),
    label,
  );
  write(
    (p) => p.goto('a'),
    (p) => p.label('a'),
    (p) => p.exit(),
  );
});

const instruction = fc.record({
  code: fc.nat(0xff),
  dst: fc.nat(0xf),
  src: fc.nat(0xf),
  offset: fc.integer({ min: -32768, max: 32767 }),
  immediate: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});

test('any instructions are encoded and decoded unchanged, and each has a text', () => {
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 20 }), (instructions) => {
      const bytes = encodeInstructions(instructions);
      const decoded = decodeInstructions(bytes);
      assert.deepEqual(
        decoded,
        instructions.map((one) => ({ ...one })),
      );
      assert.deepEqual(encodeInstructions(decoded), bytes);
      const text = disassemble(bytes);
      assert.ok(text.length <= instructions.length && text.length * 2 >= instructions.length);
      assert.ok(
        text.every((line) => /^\d+: \S/.test(line) && !line.includes('undefined')),
        text.join('\n'),
      );
    }),
  );
});

test('disassembly gives the assembled instructions in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...ROWS), { maxLength: 30 }), (rows) => {
      const program = programOf((p) => {
        for (const { write } of rows) write(p);
      });
      const listed = listing(program)
        .replaceAll(/^out:\n/gm, '')
        .replaceAll(' <out>', '');
      const named = disassemble(encode(program, fdOf)).map((line) =>
        line.replace(`fd:${ROW_MAP_FD}`, 'ports'),
      );
      assert.deepEqual(
        listed
          .trimEnd()
          .split('\n')
          .map((line) => line.trim()),
        named,
      );
    }),
  );
});

test('bytes that are not whole instructions are rejected', () => {
  assert.throws(() => disassemble(new Uint8Array(INSTRUCTION_BYTES + 1)), RangeError);
  assert.deepEqual(disassemble(new Uint8Array(0)), []);
});

test('registers are listed by number', () => {
  assert.deepEqual(
    REGISTERS.map((name, i) => [name, i]),
    REGISTERS.map((_, i) => [`r${i}`, i]),
  );
});
