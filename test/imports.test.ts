// src follows the import table; the parser of imports.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT, sourceFiles } from './support/files.ts';
import { FEATURES, forbiddenImports, importsOf, importTable, TABLE } from './support/imports.ts';

/** The foundation and the features; each imports only what is to its left. */
const ORDER = ['base', 'wire, text, bpf', 'host', 'kit', ...FEATURES, 'main'].join(' -> ');

// Unit tests are excluded: they may also use test/support and the simulated host.
test('src follows the import table', async () => {
  const files = new Map<string, string>();
  for (const file of await sourceFiles(['src'])) {
    if (file.endsWith('.ts') && !file.endsWith('.test.ts')) {
      files.set(relative('src', file), await readFile(new URL(file, ROOT), 'utf8'));
    }
  }
  assert.ok(files.size > 0);
  assert.deepEqual(forbiddenImports(files), []);
});

test('ARCHITECTURE.md contains the table', async () => {
  const text = await readFile(new URL('ARCHITECTURE.md', ROOT), 'utf8');
  assert.ok(
    text.includes(`\n${importTable()}\n`),
    `ARCHITECTURE.md must contain this table:\n${importTable()}`,
  );
  assert.ok(text.includes(`\n    ${ORDER}\n`), `ARCHITECTURE.md must contain the order: ${ORDER}`);
});

describe('parsing imports', () => {
  const read = (source: string) => importsOf(source).map(({ target, kind }) => [kind, target]);

  const cases: Record<string, [source: string, ...expected: [string, string | undefined][]]> = {
    'named, over several lines': ["import {\n  a,\n  type B,\n} from './a.ts';", ['value', './a.ts']],
    'default, default and named, star': [
      "import a from 'a'; import b, { c } from 'b'; import * as d from 'd'",
      ['value', 'a'],
      ['value', 'b'],
      ['value', 'd'],
    ],
    'side effect': ["import './a.ts';", ['value', './a.ts']],
    'types only': [
      "import type { A } from 'a'; import type B from 'b'; export type { C } from 'c'; export type * from 'd';",
      ['type', 'a'],
      ['type', 'b'],
      ['type', 'c'],
      ['type', 'd'],
    ],
    'values named type': [
      "import type from 'a'; import type, { b } from 'b'; import { type C } from 'c';",
      ['value', 'a'],
      ['value', 'b'],
      ['value', 'c'],
    ],
    'exports from': [
      "export * from 'a'; export * as b from 'b'; export { c } from 'c'; export {\n} from \"d\"",
      ['value', 'a'],
      ['value', 'b'],
      ['value', 'c'],
      ['value', 'd'],
    ],
    'local exports': ["export { a };\nexport const from = 'b';\nexport type C = 'c';\nconst x = 'from';"],
    'dynamic, also inside a template': [
      "await import('a'); `${await import('b')} import('c')`; import.meta.dirname; import(name);",
      ['dynamic', 'a'],
      ['dynamic', 'b'],
      ['dynamic', undefined],
    ],
    'a computed name': ["import('a' + b)", ['dynamic', undefined]],
    'other loaders': ["require('a'); process.getBuiltinModule('fs')", ['dynamic', 'a'], ['dynamic', 'fs']],
    'comments, strings, and regular expressions': [
      "// import 'a'\n/* import 'b' */ const s = \"import 'c'\"; const r = /import 'd'/; x = { import: 'e' };",
    ],
  };
  for (const [name, [source, ...expected]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(read(source), expected));
  }

  test('returns the line', () => {
    assert.equal(importsOf("/*\n*/\nconst a = `\n`;\nimport 'a';")[0]?.line, 5);
  });
});

describe('the import table', () => {
  const judge = (file: string, source: string) => forbiddenImports(new Map([[file, source]]));

  const twins: Record<string, [file: string, permitted: string, forbidden: string]> = {
    'base imports nothing': ['base/port.ts', "import './errors.ts'", "import 'node:fs'"],
    'wire imports base': ['wire/a.ts', "import '../base/port.ts'", "import '../text/a.ts'"],
    'only sys calls koffi': ['host/linux/sys/a.ts', "import 'koffi'", "import '../../../kit/a.ts'"],
    'host/linux calls sys': ['host/linux/a.ts', "import './sys/a.ts'", "import 'koffi'"],
    'kit imports no feature': ['kit/a.ts', "import 'zod'", "import '../portmap/core/a.ts'"],
    'a feature imports what is to its left': [
      'guard/core/a.ts',
      "import '../../profile/core/a.ts'",
      "import '../../lease/core/a.ts'",
    ],
    'app does not import commands of a feature to its left': [
      'guard/app/a.ts',
      "import '../../profile/app/a.ts'",
      "import '../../profile/commands/a.ts'",
    ],
    'codecs are pure': ['profile/text/a.ts', "import '../../base/port.ts'", "import '../../host/host.ts'"],
    'core has no clock': ['portmap/core/a.ts', "import './b.ts'", "import 'node:timers'"],
    'core does not import the host': [
      'profile/core/a.ts',
      "import type { A } from '../text/a.ts'",
      "import type { A } from '../../host/host.ts'",
    ],
    'app receives the host': [
      'guard/app/a.ts',
      "import '../../host/host.ts'",
      "import '../../host/linux/a.ts'",
    ],
    'daemon does not import commands': [
      'guard/daemon/a.ts',
      "import '../app/a.ts'",
      "import '../commands/a.ts'",
    ],
    'a command receives the host': [
      'guard/commands/deps.ts',
      "import '../../host/linux/a.ts'",
      "import '../../main/a.ts'",
    ],
    'only files named deps or here create the host': [
      'guard/commands/guard.ts',
      "import './guard-deps.ts'",
      "import '../../host/linux/a.ts'",
    ],
    'commands do not import the daemon': [
      'portmap/commands/a.ts',
      "import '../../kit/command.ts'",
      "import('../daemon/a.ts')",
    ],
    'the library stays small': ['portmap/client/a.ts', "import 'node:net'", "import 'node:fs'"],
    'main imports every feature': ['main/a.ts', "import('../doctor/app/a.ts')", "import 'zod'"],
    'src imports nothing outside of it': [
      'guard/app/a.ts',
      "import '../../base/port.ts'",
      "import '../../../test/support/probe.ts'",
    ],
  };
  for (const [name, [file, permitted, forbidden]] of Object.entries(twins)) {
    test(name, () => {
      assert.deepEqual(judge(file, permitted), []);
      assert.equal(judge(file, forbidden).length, 1);
    });
  }

  test('reports the place, the import, and the reason', () => {
    assert.deepEqual(judge('wire/a.ts', "\nimport 'koffi';"), [
      'src/wire/a.ts:2 imports koffi: wire may not, because codecs are pure: they run in a fuzzer and in a simulation',
    ]);
  });

  test('refuses a file that belongs to no module', () => {
    assert.equal(judge('misc/a.ts', '').length, 1);
    assert.equal(judge('base/a.ts', '').length, 0);
  });

  test('refuses a computed name', () => {
    assert.equal(judge('main/a.ts', 'import(name)').length, 1);
    assert.equal(judge('main/a.ts', "import('./b.ts')").length, 0);
  });

  test('lists each module once', () => {
    assert.equal(new Set(TABLE.map(({ module }) => module)).size, TABLE.length);
  });
});
