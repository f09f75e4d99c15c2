/** TSO commands: lines, continuations, comments, quotes and parentheses. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../../test/support/processor.ts';
import { Findings } from '../../text/findings.ts';
import { type TsoItem, tsoCommands } from './tso.ts';

interface Read {
  readonly commands: string[];
  readonly problems: string[];
}

/** Each command as a line, with quoted words in quotes; each problem as "line:column message". */
function read(text: string): Read {
  const findings = new Findings({ file: 'x', text });
  const show = (item: TsoItem): string => {
    if (item.kind === 'list') return `(${item.items.map(show).join(' ')})`;
    return item.isQuoted ? `'${item.text}'` : item.text;
  };
  const commands = [...tsoCommands(text, findings)].map(({ name, items }) =>
    [name, ...items].map(show).join(' '),
  );
  const problems = findings
    .diagnostics()
    .map(({ place, message }) => `${place.line}:${place.column} ${message}`);
  return { commands, problems };
}

describe('commands', () => {
  const cases: Readonly<Record<string, readonly [text: string, ...commands: string[]]>> = {
    'are one per line': ['A b\nC d\n', 'A b', 'C d'],
    'may have DOS line ends': ['A b\r\nC -\r\n d\r\n', 'A b', 'C d'],
    'have blanks, tabs and commas between words': ['A b,c\t d , e\n', 'A b c d e'],
    'may begin anywhere in a line': ['\n\n   A b\n\n', 'A b'],
    'need no line end after the last': ['A b', 'A b'],
    'have lists, which may be nested': ['A B(c d) E(F(g),h) ()', 'A B (c d) E (F (g) h) ()'],
    'have lists over several lines': ['A B(c -\n  d)', 'A B (c d)'],
    'have quoted words, with doubled quotes': ["A B('c (d', 'it''s') ''", "A B ('c (d' 'it's') ''"],
    'may have signs within words': ['A b-c d+ e - f', 'A b-c d+ e - f'],
    'are continued by -': ['A b -\nc', 'A b c'],
    'are continued by +': ['A b +\n   c', 'A b c'],
    'continue a word with -': ['A b-\nc d', 'A bc d'],
    'end a word after - if the next line begins with a blank': ['A b-\n c', 'A b c'],
    // "The plus sign causes TSO/E to delete leading delimiters".
    'continue a word with +': ['A b+\n  , c', 'A bc'],
    'are continued within quotes': ["A 'b -\n c'", "A 'b  c'"],
    'may have blanks after the sign': ['A b - \t\nc', 'A b c'],
    'may have many lines': ['A -\nb -\nc', 'A b c'],
    'end at an empty line': ['A -\n\nB', 'A', 'B'],
    'keep all signs except the last': ['A b---\nc', 'A b--c'],
  };
  for (const [name, [text, ...commands]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(read(text), { commands, problems: [] }));
  }
});

describe('comments', () => {
  const cases: Readonly<Record<string, readonly [text: string, ...commands: string[]]>> = {
    'may stand between commands': ['/* a */\nA b\n/* c\n d */ B', 'A b', 'B'],
    'count as a blank': ['A b/* c */d(/* e */f)', 'A b d (f)'],
    'may precede a continuation': ['A b /* c */ -\nd\n/* e */ -\nB', 'A b d', 'B'],
    'continue a command to their last line': ['A b /* c\nd */ e', 'A b e'],
    'are text within quotes': ["A '/* b */'", "A '/* b */'"],
    // RACF parameter library: "A whole-line-comment is any line that starts with //, in any column."
    'are lines beginning with //': ['// A b -\n  //SYSTSIN DD *\nA b', 'A b'],
    'do not begin with // within a command': ['A //b', 'A //b'],
  };
  for (const [name, [text, ...commands]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(read(text), { commands, problems: [] }));
  }
});

describe('an incomplete command is reported, and the next one is read', () => {
  const cases: readonly (readonly [text: string, problem: string, next?: string])[] = [
    ['A (b\nB', '1:3 this ( is not closed'],
    ['A (b (c) -\nd\nB', '1:3 this ( is not closed'],
    ['A b)\nB', '1:4 this ) has no matching ('],
    ['A b) c) (\nB', '1:4 this ) has no matching ('],
    ["A 'b\nB", '1:3 this quote is not closed'],
    ["A 'b -\nc\nB", '1:3 this quote is not closed'],
    ['(A) b\nB', '1:1 a command begins with its name'],
    ["'A' b\nB", '1:1 a command begins with its name'],
    ['A /* b\nB', '1:3 this comment is not closed'],
    ['/* b\nB', '1:1 this comment is not closed'],
    ['/* b\nB /* c */', '1:1 another comment begins before this one is closed'],
    ['A ((((((((((b))))))))))\nB', '1:11 lists are nested more than 8 deep'],
  ];
  for (const [text, problem] of cases) {
    test(JSON.stringify(text), () => assert.deepEqual(read(text), { commands: ['B'], problems: [problem] }));
  }

  test('also at the end of the file', () => {
    assert.deepEqual(read('B\nA b -\n'), {
      commands: ['B'],
      problems: ['2:5 this - continues the line, but the file ends here'],
    });
    assert.deepEqual(read('A b +'), {
      commands: [],
      problems: ['1:5 this + continues the line, but the file ends here'],
    });
  });

  test('each of several', () => {
    assert.deepEqual(read('A (\nB )\nC\n/* d\nD e /* f */ g').problems.length, 3);
  });

  test('lists may be nested 8 deep', () => {
    assert.deepEqual(read('A ((((((((b))))))))'), { commands: ['A ((((((((b))))))))'], problems: [] });
  });
});

test('a word has its offset; a continued word that of its first part', () => {
  const text = 'A one two-\nthree';
  const [command] = [...tsoCommands(text, new Findings({ file: 'x', text }))];
  assert.deepEqual(
    command?.items.map(({ start }) => start),
    [2, 6],
  );
});

test('any text is read', () => {
  const unit = fc.constantFrom(
    'A',
    'b',
    ' ',
    '\n',
    '-',
    '+',
    '(',
    ')',
    "'",
    '/*',
    '*/',
    '//',
    ',',
    '\r',
    '\t',
    '*',
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit, maxLength: 60 })), (text) => {
      const { commands, problems } = read(text);
      const lines = text.split('\n').length;
      assert.ok(commands.length + problems.length <= 2 * lines + 1);
    }),
  );
});

describe('a long text is read in bounded time', () => {
  const units = [
    '(',
    ')',
    '-\n',
    '+\n',
    '/*',
    '/*\n',
    '/* */',
    '/**/\n',
    '/* \n*/',
    "'",
    "''",
    '- ',
    '- \n',
    'A (\n',
    ',',
  ];
  for (const unit of [...units, 'A', 'A\n', '\n', '//\n', "A '\n", '-', '/']) {
    test(JSON.stringify(unit), () => {
      const assertBounded = processorBound();
      read(unit.repeat(100_000));
      assertBounded();
    });
  }
});
