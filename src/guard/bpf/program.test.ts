// The programs of the guard, instruction by instruction: their listings show what a change does.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { listing } from '../../../test/support/bpf-listing.ts';
import { bindProgram } from './program.ts';
import { mkdirProgram, rmdirProgram } from './units.ts';

const FOLDER = new URL('../../../test/vectors/guard/', import.meta.url);

const PROGRAMS = [bindProgram(4), bindProgram(6), mkdirProgram(), rmdirProgram()];

for (const program of PROGRAMS) {
  const name = program.name.replace('portreeve_', '');
  test(`${name} equals its listing; GOLDEN=write writes it`, () => {
    const file = new URL(`${name}.listing`, FOLDER);
    const now = listing(program);
    if (process.env['GOLDEN'] === 'write') writeFileSync(file, now);
    const golden = readFileSync(file, 'utf8').split('\n');
    const lines = now.split('\n');
    const at = lines.findIndex((line, i) => line !== golden[i]);
    assert.deepEqual({ at, line: lines[at] }, { at: -1, line: golden[at] });
    assert.equal(lines.length, golden.length);
  });
}
