/** Checks the project by the rules of test/support/tidy.ts, and each rule with a good text and a bad one. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { projectFiles, ROOT } from './support/files.ts';
import { functionsOf } from './support/functions.ts';
import { PRIVATE_WORD_RULES, RULES, untidy } from './support/tidy.ts';
import { unusedFiles } from './support/unused-files.ts';

test('the project follows every rule', async () => {
  const files = new Map<string, string>();
  for (const file of await projectFiles()) {
    files.set(file, await readFile(new URL(file, ROOT), 'utf8'));
  }
  assert.ok(files.has('test/tidy.test.ts'));
  assert.deepEqual(untidy(files), []);
  assert.deepEqual(unusedFiles(files), []);
});

/** Keeps what a rule searches for out of this file, which is checked too. */
const bad = (text: string): string => text.replaceAll('~', '');
const lines = (count: number): string => '\n'.repeat(count);

const twins: Record<string, [file: string, good: string, ...bad: string[]][]> = {
  'first sentence': [
    ['src/a.ts', '// What it is.\n', '', 'const a = 1;\n', '// no end\n', '/** @type {A} */\n'],
    ['src/a.ts', '/** What it is,\n * on two lines. And more.\n */\n', '/*  */ // Late.\n'],
    ['bin/a', '#!/bin/sh\n# What it is.\n', '#!/bin/sh\nset -e\n'],
  ],
  'long function': [['src/a.ts', `function f() {${lines(69)}}`, `function f() {${lines(70)}}`]],
  'long file': [['src/a.ts', `a${lines(499)}b`, `a${lines(500)}b`]],
  'long line': [['src/a.ts', 'a'.repeat(120), 'a'.repeat(121)]],
  any: [
    [
      'src/a.ts',
      "a.any(1); Promise.any([]); x = { any: 1 }; 'any'; // any",
      'a: any;',
      'a<any>()',
      'b as any',
      'a: any[]',
    ],
  ],
  'cast through unknown': [['src/a.ts', 'a as unknown', 'a as unknown as B']],
  'number from text': [
    ['src/a.ts', 'Number.isInteger(a); x.Numbers(1)', 'Number(a)', 'a.map(Number)'],
    ['src/a.ts', '// parseInt(a)', 'parseInt(a)', 'Number.parseInt(a)', 'parseFloat(a)'],
  ],
  leftover: [['docs/a.md', 'to do', bad('TO~DO: x'), bad('FIX~ME'), bad('// X~XX'), bad('HA~CK')]],
  suppression: [['src/a.ts', '// ts ignore', bad('// @ts-~ignore'), bad('// biome-~ignore lint: x')]],
  'large file': [
    ['bench/a.json', 'a'.repeat(262_144), 'a'.repeat(262_145), 'é'.repeat(131_073)],
    ['package-lock.json', 'a'.repeat(262_145)],
  ],
};

for (const { name, forms } of PRIVATE_WORD_RULES) {
  twins[name] = forms.map((form) => [
    'docs/a.md',
    `un${form}ed, there ${form}, a_${form}`,
    `It ${form}.`,
    `${form.slice(0, 1).toUpperCase()}${form.slice(1)}: a`,
    `a ${form}, b`,
  ]);
}

describe('each rule has permitted and forbidden examples', () => {
  for (const rule of RULES) {
    if (rule.name === 'unknown kind of file') continue;
    test(rule.name, () => {
      const cases = twins[rule.name] ?? [];
      assert.notEqual(cases.length, 0);
      for (const [file, good, ...forbidden] of cases) {
        assert.deepEqual(untidy(new Map([[file, good]]), [rule]), [], good);
        for (const source of forbidden) {
          const [found = ''] = untidy(new Map([[file, source]]), [rule]);
          assert.ok(found.endsWith(`${rule.name}: ${rule.instead}`), source);
        }
      }
    });
  }

  test('the conversion helper may use Number()', () => {
    const rules = RULES.filter(({ name }) => name === 'number from text');
    assert.deepEqual(untidy(new Map([['src/base/numbers.ts', 'Number(a)']]), rules), []);
  });
});

test('a kind of file is known by its extension, a script by its folder', () => {
  const rules = RULES.filter(({ name }) => name === 'unknown kind of file');
  const isKnown = (file: string) => untidy(new Map([[file, '']]), rules).length === 0;
  for (const file of ['src/a.ts', 'LICENSE', 'scripts/build', '.github/workflows/a.yml', 'examples/a.tcpip'])
    assert.ok(isKnown(file), file);
  for (const file of ['a.js', 'a.tgz', 'src/a', 'src/LICENSE', 'scripts/a.sh', 'core', 'a.ts~', '.env'])
    assert.ok(!isKnown(file), file);
});

describe('a file is in use', () => {
  const unused = (file: string, others: Readonly<Record<string, string>>) =>
    unusedFiles(new Map(Object.entries({ [file]: '', 'a.test.ts': '', ...others })), {}).includes(
      `${file} unused file: remove it, or import, run or read it where it is needed`,
    );
  const cases: Record<string, [file: string, good: Record<string, string>, bad: Record<string, string>]> = {
    'when a module imports it': [
      'src/b/c.ts',
      { 'src/a.test.ts': "import './b/c.ts'" },
      { 'src/a.test.ts': "// import './b/c.ts'" },
    ],
    'when a module of the same name does not take its place': [
      'src/c.ts',
      { 'src/b/a.test.ts': "import '../c.ts'", 'src/b/c.ts': '' },
      { 'src/b/a.test.ts': "import './c.ts'", 'src/b/c.ts': '' },
    ],
    'when a program joins its name with a folder': [
      'test/support/b.py',
      { 'test/a.test.ts': "join(SUPPORT, 'b.py')" },
      { 'test/a.test.ts': "join(SUPPORT, 'c.py')" },
    ],
    'when its program is named': [
      'test/support/b.c',
      { 'test/a.test.ts': "compile('b')" },
      { 'test/a.test.ts': "compile('bb')" },
    ],
    'when a script runs what is built from it': [
      'src/b.ts',
      { 'bin/README.md': '', 'package.json': '"dist/b.js"', 'README.md': 'package.json' },
      { 'README.md': 'dist/b.js' },
    ],
    'when a page links to it': ['docs/b.md', { 'README.md': '[b](docs/b.md)' }, { 'README.md': 'b' }],
  };
  for (const [name, [file, good, bad]] of Object.entries(cases)) {
    test(name, () => {
      assert.ok(!unused(file, good));
      assert.ok(unused(file, bad));
    });
  }

  test('if the table names its reader, while it exists', () => {
    const files = new Map([['docs/b.md', '']]);
    assert.deepEqual(unusedFiles(files, { 'docs/': 'a test reads it' }), []);
    assert.match(unusedFiles(files, { 'docs/': '', 'doc/': '' }).join('\n'), /^doc\/ unused exception/);
  });
});

describe('finding functions', () => {
  const cases: Record<string, [source: string, lengths: number[]]> = {
    declared: ['function f(a: { b: number }): void {\n}', [2]],
    'with a return type in braces': ['function f(): { a: number } {\n\n}', [3]],
    'with a generic return type': ['class A { async f(a = g()): Promise<Map<string, { a: 1 }>> {\n} }', [2]],
    arrows: ['const f = (a: number): string => {\n}; a.map((b) => { return b; })', [2, 1]],
    'not control statements and classes': [
      'if (a) {\n} else {\n} for await (const a of b) {\n} class A extends B {\n}',
      [],
    ],
    'not objects, interfaces and templates': ['x = { a: 1 }; interface I { f(): void }; `{${{ a: 1 }}`;', []],
    'describe groups': ["describe('a', () => {\n test('b', () => {\n }); });", [2]],
  };
  for (const [name, [source, lengths]] of Object.entries(cases)) {
    test(name, () =>
      assert.deepEqual(
        functionsOf(source).map((span) => span.lines),
        lengths,
      ),
    );
  }
});
