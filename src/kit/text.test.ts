// Tables and wrapped lines on terminals of various widths, and the escaping of control characters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { printable } from '../base/printable.ts';
import type { Column } from '../base/table.ts';
import { counted, emphasize, firstOf, formatTable, hangingLine, labeledLines } from './text.ts';

interface Row {
  readonly count: number;
  readonly path: string;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'COUNT', text: ({ count }) => `${count}`, isNumber: true },
  { title: 'PATH', text: ({ path }) => path },
  { title: 'NOTE', text: ({ note }) => note },
];

const ROWS: readonly Row[] = [
  { count: 7, path: '/a/rather/long/path', note: 'x' },
  { count: 1234567, path: '/b', note: '' },
];

test('columns are as wide as their contents, with numbers right-aligned', () => {
  assert.equal(
    formatTable(capturedIo(), COLUMNS, ROWS),
    [
      '  COUNT  PATH                 NOTE', //
      '      7  /a/rather/long/path  x',
      '1234567  /b',
      '',
    ].join('\n'),
  );
});

test('a terminal that is too narrow cuts the widest column', () => {
  const plain = { NO_COLOR: '1' };
  assert.equal(
    formatTable(capturedIo({ columns: 27, env: plain }), COLUMNS, ROWS),
    [
      '  COUNT  PATH          NOTE', //
      '      7  /a/rather/l…  x',
      '1234567  /b',
      '',
    ].join('\n'),
  );
  const wide = formatTable(capturedIo({ columns: 34, env: plain }), COLUMNS, ROWS);
  assert.equal(wide, formatTable(capturedIo(), COLUMNS, ROWS));
});

test('shows a part of every column even on the narrowest terminal', () => {
  const lines = formatTable(capturedIo({ columns: 1, env: { NO_COLOR: '1' } }), COLUMNS, ROWS).split('\n');
  assert.equal(lines[1], '      7  /a/rath…  x');
});

test('a column that is truncated last stays whole while another can be cut', () => {
  const note = 'a note of 20 letters';
  const rows = [{ count: 7, path: '/a/rather/long/path', note }];
  const columns = COLUMNS.map((column) => ({ ...column, isTruncatedLast: column.title === 'PATH' }));
  const lineAt = (width: number) =>
    formatTable(capturedIo({ columns: width, env: { NO_COLOR: '1' } }), columns, rows).split('\n')[1];
  assert.equal(lineAt(40), '    7  /a/rather/long/path  a note of 2…');
  assert.equal(lineAt(30), '    7  /a/rather/lo…  a note …');
});

test('the heading is bold only on a terminal, and not with NO_COLOR or on a dumb terminal', () => {
  const heading = (env: Record<string, string>, columns?: number) =>
    formatTable(capturedIo(columns === undefined ? { env } : { env, columns }), COLUMNS, []).includes(
      '\x1b[1m',
    );
  assert.equal(heading({ TERM: 'xterm' }, 80), true);
  assert.equal(heading({ TERM: 'xterm', NO_COLOR: '' }, 80), true);
  assert.equal(heading({ TERM: 'xterm', NO_COLOR: '1' }, 80), false);
  assert.equal(heading({ TERM: 'dumb' }, 80), false);
  assert.equal(heading({ TERM: 'xterm' }), false);
});

test('escapes control characters', () => {
  assert.equal(printable('a\x1b]0;b\x07\n\x9bc\x7f'), 'a\\x1b]0;b\\x07\\x0a\\x9bc\\x7f');
  assert.equal(printable('superuser é'), 'superuser é');
});

test('wraps a line between words on a terminal, with its continuation indented', () => {
  const text = 'one two three-and-a-very-long-word-behind-it-that-is-not-broken four';
  const io = capturedIo({ columns: 40, env: {} });
  const head = `${emphasize(io, 'held')}  `;
  assert.equal(
    hangingLine(io, head, text, 6),
    `${head}one two\n      three-and-a-very-long-word-behind-it-that-is-not-broken\n      four\n`,
  );
  assert.equal(
    hangingLine(io, '  ', 'then as root', 4, 'a long command -with its words'),
    '  then as root\n    a long command -with its words\n',
  );
  for (const columns of [39, undefined]) {
    assert.equal(hangingLine(capturedIo({ columns }), '- ', text), `- ${text}\n`);
  }
  assert.equal(hangingLine(io, '- ', '\x1b[2J'), '- \\x1b[2J\n');
});

test('labeled lines are wrapped on a terminal, below their text', () => {
  const io = capturedIo({ columns: 40, env: { NO_COLOR: '1' } });
  assert.equal(
    labeledLines(io, [['limit', 'Linux has one ephemeral range for TCP and UDP']]),
    'limit     Linux has one ephemeral range\n          for TCP and UDP\n',
  );
});

test('labeled lines are aligned, with control characters escaped', () => {
  const lines = labeledLines(capturedIo(), [
    ['guard', 'a\u001b[2J'],
    ['', 'b'],
  ]);
  assert.equal(lines, `guard     ${printable('a\u001b[2J')}\n          b\n`);
});

test('shows the first words and the number of the rest', () => {
  assert.deepEqual(
    [[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map((words) => firstOf(words, 2)),
    ['', 'a', 'a, b', 'a, b, and 1 more'],
  );
});

test('a count agrees with its noun', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'note')),
    ['0 notes', '1 note', '2 notes'],
  );
});
