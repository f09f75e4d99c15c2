// Every export of src is imported by a program; the parser of exports.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { exportsOf, uselessExports } from './support/exports.ts';
import { ROOT, sourceFiles } from './support/files.ts';

test('every export of src is imported by a program', async () => {
  const files = new Map<string, string>();
  for (const file of await sourceFiles(['src', 'test', 'bench', 'scripts', 'examples'])) {
    if (file.endsWith('.ts')) files.set(file, await readFile(new URL(file, ROOT), 'utf8'));
  }
  assert.ok(files.has('src/main/library.ts'));
  assert.deepEqual(uselessExports(files), []);
});

test('parses every kind of export with its line', () => {
  const source = `export const a = 1;
export async function b() {} export function* c() {}
export abstract class D {} export interface E { export: 1 }
export type F = 'export const x';
export { g, type H as I };
export type { J } from './j.ts';`;
  assert.deepEqual(
    exportsOf(source).map(({ name, line }) => `${line} ${name}`),
    ['1 a', '2 b', '2 c', '3 D', '3 E', '4 F', '5 g', '5 I', '6 J'],
  );
});

describe('an export of src/x.ts', () => {
  const judge = (others: Readonly<Record<string, string>>, source = 'export const a = 1;\n') =>
    uselessExports(new Map(Object.entries({ 'src/x.ts': source, ...others })));
  const nothing = 'src/x.ts:1 exports a, which nothing imports';
  const onlyTests = 'src/x.ts:1 exports a, which only tests use: move it to test/support';

  const useful: Record<string, Record<string, string>> = {
    'by name': { 'src/b/b.ts': "import { a } from '../x.ts';" },
    'under another name': { 'src/b.ts': "import { type c, a as b } from './x.ts';" },
    'in an export': { 'src/main/library.ts': "export { a as b } from '../x.ts';" },
    'with the whole module': { 'src/b.ts': "import * as all from './x.ts'; all.a;" },
    dynamically: { 'src/b.ts': "const { a } = await import('./x.ts');" },
    'in the source text of another program': {
      'src/b.ts': "run(`const { a } = await import('${new URL('./x.ts', import.meta.url)}')`)",
    },
    'in a benchmark': { 'bench/b.ts': "import { a } from '../src/x.ts';" },
  };
  for (const [name, others] of Object.entries(useful)) {
    test(`is used if it is imported ${name}`, () => assert.deepEqual(judge(others), []));
  }

  const useless: Record<string, Record<string, string>> = {
    'nothing imports the file': {},
    'another name of the file is imported': { 'src/b.ts': "import { b as a } from './x.ts';" },
    'a file of the same name is imported': { 'src/b/b.ts': "import { a } from './x.ts';" },
    'the whole module is imported for another name': { 'src/b.ts': "(await import('./x.ts')).b;" },
  };
  for (const [name, others] of Object.entries(useless)) {
    test(`is unused if ${name}`, () => assert.deepEqual(judge(others), [nothing]));
  }

  test('is reported if only tests use it', () => {
    const unit = { 'src/x.test.ts': "import { a } from './x.ts';" };
    const support = { 'test/support/b.ts': "import { a } from '../../src/x.ts';" };
    assert.deepEqual(judge({ ...unit, ...support }), [onlyTests]);
    assert.deepEqual(judge(unit, 'export const a = 1; x.a;'), [onlyTests]);
    assert.deepEqual(judge(unit, 'export const a = 1;\nuse(a);\n'), []);
    assert.deepEqual(judge(unit, 'export const a = [];\nuse([...a]);\n'), []);
    assert.deepEqual(judge({ ...unit, 'src/b.ts': "import { a } from './x.ts';" }), []);
  });
});
