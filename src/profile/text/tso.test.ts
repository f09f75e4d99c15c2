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

/** Each command on a line, words apart by blanks, quoted ones in quotes; each problem as line:column message. */
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
    'stand on a line each': ['A b\nC d\n', 'A b', 'C d'],
    'may end their lines as DOS does': ['A b\r\nC -\r\n d\r\n', 'A b', 'C d'],
    'have blanks, tabs and commas between words': ['A b,c\t d , e\n', 'A b c d e'],
    'may begin anywhere in a line': ['\n\n   A b\n\n', 'A b'],
    'need no line end behind the last': ['A b', 'A b'],
    'have lists, in lists too': ['A B(c d) E(F(g),h) ()', 'A B (c d) E (F (g) h) ()'],
    'have lists over several lines': ['A B(c -\n  d)', 'A B (c d)'],
    'have quotes, and quotes in quotes': ["A B('c (d', 'it''s') ''", "A B ('c (d' 'it's') ''"],
    'have signs within words': ['A b-c d+ e - f', 'A b-c d+ e - f'],
    'go on behind -': ['A b -\nc', 'A b c'],
    'go on behind +': ['A b +\n   c', 'A b c'],
    'go on within a word behind -': ['A b-\nc d', 'A bc d'],
    'end a word behind - where the next line begins with a blank': ['A b-\n c', 'A b c'],
    // "The plus sign causes TSO/E to delete leading delimiters".
    'go on within a word behind +': ['A b+\n  , c', 'A bc'],
    'go on in quotes': ["A 'b -\n c'", "A 'b  c'"],
    'go on behind blanks after the sign': ['A b - \t\nc', 'A b c'],
    'go on over several lines': ['A -\nb -\nc', 'A b c'],
    'end at an empty line': ['A -\n\nB', 'A', 'B'],
    'keep all but the last of several signs': ['A b---\nc', 'A b--c'],
  };
  for (const [name, [text, ...commands]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(read(text), { commands, problems: [] }));
  }
});

describe('comments', () => {
  const cases: Readonly<Record<string, readonly [text: string, ...commands: string[]]>> = {
    'stand between commands': ['/* a */\nA b\n/* c\n d */ B', 'A b', 'B'],
    'act as a blank': ['A b/* c */d(/* e */f)', 'A b d (f)'],
    'stand in front of a continuation': ['A b /* c */ -\nd\n/* e */ -\nB', 'A b d', 'B'],
    'hold a command together that they break': ['A b /* c\nd */ e', 'A b e'],
    'are none in quotes': ["A '/* b */'", "A '/* b */'"],
    // RACF parameter library: "A whole-line-comment is any line that starts with //, in any column."
    'are lines that begin with //': ['// A b -\n  //SYSTSIN DD *\nA b', 'A b'],
    'are not // within a command': ['A //b', 'A //b'],
  };
  for (const [name, [text, ...commands]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(read(text), { commands, problems: [] }));
  }
});

describe('a command that is not whole is told, and the next one is read', () => {
  const cases: readonly (readonly [text: string, problem: string, next?: string])[] = [
    ['A (b\nB', '1:3 this ( is not closed'],
    ['A (b (c) -\nd\nB', '1:3 this ( is not closed'],
    ['A b)\nB', '1:4 this ) closes nothing'],
    ['A b) c) (\nB', '1:4 this ) closes nothing'],
    ["A 'b\nB", '1:3 this quote is not closed'],
    ["A 'b -\nc\nB", '1:3 this quote is not closed'],
    ['(A) b\nB', '1:1 a command begins with its name'],
    ["'A' b\nB", '1:1 a command begins with its name'],
    ['A /* b\nB', '1:3 this comment is not closed'],
    ['/* b\nB', '1:1 this comment is not closed'],
    ['/* b\nB /* c */', '1:1 another comment begins before this one is closed'],
    ['A ((((((((((b))))))))))\nB', '1:11 lists stand in lists, more than 8 deep'],
  ];
  for (const [text, problem] of cases) {
    test(JSON.stringify(text), () => assert.deepEqual(read(text), { commands: ['B'], problems: [problem] }));
  }

  test('the last one too', () => {
    assert.deepEqual(read('B\nA b -\n'), {
      commands: ['B'],
      problems: ['2:5 this - continues the line, and the file ends'],
    });
    assert.deepEqual(read('A b +'), {
      commands: [],
      problems: ['1:5 this + continues the line, and the file ends'],
    });
  });

  test('each of them', () => {
    assert.deepEqual(read('A (\nB )\nC\n/* d\nD e /* f */ g').problems.length, 3);
  });

  test('a list may be 8 deep', () => {
    assert.deepEqual(read('A ((((((((b))))))))'), { commands: ['A ((((((((b))))))))'], problems: [] });
  });
});

test('a word has its place, and one that is continued the part on its first line', () => {
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

describe('a long text is read once', () => {
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
