// Tests of diagnostics: places, lines, and the limit on their number.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROFILE_ERRORS_MAX } from '../base/limits.ts';
import { Findings, listed, shown } from './findings.ts';

describe('a place', () => {
  const text = 'abc\n\n  de f\r\ng';
  const findings = new Findings({ file: 'x', text });
  const cases: readonly (readonly [
    start: number,
    end: number,
    line: number,
    column: number,
    length: number,
  ])[] = [
    [0, 3, 1, 1, 3],
    [2, 3, 1, 3, 1],
    [3, 4, 1, 4, 0],
    [4, 4, 2, 1, 0],
    [7, 9, 3, 3, 2],
    // Only the part on the first line, without its carriage return.
    [7, 14, 3, 3, 4],
    [13, 14, 4, 1, 1],
    [14, 14, 4, 2, 0],
  ];
  for (const [start, end, line, column, length] of cases) {
    test(`${start} to ${end} is line ${line}, column ${column}`, () => {
      assert.deepEqual(findings.place({ start, end }), { file: 'x', line, column, length });
    });
  }
});

test('a finding has its line', () => {
  const findings = new Findings({ file: 'x', text: 'one\r\ntwo words\n' });
  findings.error({ start: 9, end: 14 }, { code: 'A', message: 'b', hint: 'c', zos: 'D' });
  findings.notice({ start: 0, end: 3 }, { code: 'E', message: 'f' });
  const place = { file: 'x', line: 2, column: 5, length: 5 };
  assert.deepEqual(findings.diagnostics(), [
    {
      severity: 'error',
      code: 'A',
      message: 'b',
      hint: 'c',
      zos: 'D',
      place,
      excerpt: 'two words',
      excerptAt: 1,
    },
    {
      severity: 'notice',
      code: 'E',
      message: 'f',
      hint: '',
      place: { file: 'x', line: 1, column: 1, length: 3 },
      excerpt: 'one',
      excerptAt: 1,
    },
  ]);
});

test('diagnostics above the limit are counted for each severity', () => {
  const findings = new Findings({ file: 'x', text: 'a\nb' });
  const span = { start: 2, end: 3 };
  findings.warning(span, { code: 'W', message: 'w' });
  for (let i = 0; i < PROFILE_ERRORS_MAX; i++) findings.error(span, { code: 'E', message: 'e' });
  assert.equal(findings.diagnostics().length, PROFILE_ERRORS_MAX + 1);
  for (let i = 0; i < 3; i++) findings.error(span, { code: 'E', message: 'e' });
  const all = findings.diagnostics();
  assert.equal(all.length, PROFILE_ERRORS_MAX + 2);
  assert.equal(all.at(-1)?.code, 'MORE');
  assert.equal(all.at(-1)?.severity, 'error');
  assert.equal(all.at(-1)?.message, '3 more errors are not shown');
  assert.equal(all.at(-1)?.place.line, 2);
});

test('a word is quoted on one line and truncated', () => {
  assert.equal(shown('a b'), '"a b"');
  assert.equal(shown('a\nb\x1b'), '"a\\x0ab\\x1b"');
  assert.equal(shown('x'.repeat(40)), `"${'x'.repeat(40)}"`);
  assert.equal(shown('x'.repeat(41)), `"${'x'.repeat(39)}…"`);
});

test('a list names the first items and counts the others', () => {
  assert.equal(listed(['a', 'b']), 'a, b');
  assert.equal(listed(['a', 'b', 'c'], 3), 'a, b, c');
  assert.equal(listed(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more');
});
