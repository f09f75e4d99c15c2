// Tests that LLVM disassembles the output of our BPF assembler to the same instructions.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { encodeInstructions } from '../../src/bpf/instruction.ts';
import { ROW_MAP_FD, ROWS } from '../support/bpf-rows.ts';
import { needs, probe } from '../support/probe.ts';

/** Instructions that only LLVM 18 and newer disassemble. */
const NEWER = / = -?\d+$|%=| & .* goto|be64|le\d\d/;
/** The instruction after each row, so that a row unknown to LLVM is not confused with the next. */
const mark = (row: number): string => `r9 = ${row}`;

/** LLVM's text of each row. Undefined if unknown to LLVM. */
function disassembledByLlvm(): (string | undefined)[] {
  const input = ROWS.map(({ hex }, row) => {
    const marker = new Assembler('marker');
    marker.mov('r9', row);
    const bytes = encodeInstructions(marker.assemble().lines.map(({ instruction }) => instruction));
    const markerHex = Buffer.from(bytes).toString('hex');
    return [hex, markerHex]
      .map((text) => (text.match(/../g) ?? []).map((byte) => `0x${byte}`).join(' '))
      .join('\n');
  });
  const argv = ['--disassemble', '--triple=bpfel', '--mattr=+alu32'];
  const { stdout, error } = spawnSync('llvm-mc', argv, { input: input.join('\n'), encoding: 'utf8' });
  assert.equal(error, undefined);
  const lines = stdout.split('\n').map((line) => line.trim());
  return ROWS.map((_, row) => {
    const at = lines.indexOf(mark(row));
    const before = lines[at - 1];
    return at < 0 || before === undefined || before === mark(row - 1) || before === '.text'
      ? undefined
      : before;
  });
}

/** Our text in LLVM's notation. */
function toLlvmNotation(text: string): string {
  return (
    text
      .replace('goto pc+', 'goto +')
      .replace(/ ([+-])(\d+)\)/, ' $1 $2)')
      .replace(
        /0x([0-9a-f]+) goto/,
        (_, hex: string) => `${Buffer.from(hex.padStart(8, '0'), 'hex').readInt32BE()} goto`,
      )
      .replace(/call bpf_\w+#/, 'call ')
      .replace(/^r1 = 0x([0-9a-f]+)$/, (_, hex: string) => `r1 = ${BigInt.asIntN(64, BigInt(`0x${hex}`))} ll`)
      // LLVM does not print the high half, which is the offset in the map.
      .replace('r1 = map[ports][0]+16', `ld_pseudo r1, 2, ${ROW_MAP_FD}`)
      .replace('r1 = map[ports]', `ld_pseudo r1, 1, ${ROW_MAP_FD}`)
  );
}

/** With 32-bit arithmetic, LLVM names the low half of a register in loads and stores of up to 32 bits. */
const withFullRegisters = (text: string): string =>
  text.replace(/\bw(\d+)(?= = \*\()/, 'r$1').replace(/(\*\(.*\) \+?= )w/, '$1r');

test('LLVM disassembles every instruction to the same text', (t) => {
  if (!needs(t, probe.command('llvm-mc'))) return;
  const differences = disassembledByLlvm().flatMap((llvmText, row) => {
    const text = ROWS[row]?.text ?? '';
    if (llvmText === undefined) return NEWER.test(text) ? [] : [`${text}: unknown to LLVM`];
    const same = toLlvmNotation(text) === withFullRegisters(llvmText.replaceAll('\t', ' '));
    return same ? [] : [`${toLlvmNotation(text)} | ${withFullRegisters(llvmText)}`];
  });
  assert.deepEqual(differences, []);
});
