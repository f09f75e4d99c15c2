// Tests of reports: order, source lines and limits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILE_ERRORS_MAX } from '../../base/limits.ts';
import type { Finding, Severity } from '../../text/source.ts';
import { EMPTY_REPORT, joinReports, reportOf, STATEMENT_SKIPPED } from './report.ts';

function finding(file: string, line: number, column = 1, severity: Severity = 'error', code = 'X'): Finding {
  const place = { file, line, column, length: 1 };
  return { severity, code, message: `${file} ${line} ${column}`, hint: '', place };
}

const TEXTS = new Map([
  ['root', 'one\ntwo\nthree'],
  ['included', 'alpha\nbeta\n'],
]);

test('findings are sorted by file and line, each with its source line', () => {
  const findings = [
    finding('included', 2),
    finding('root', 3),
    finding('elsewhere', 1),
    finding('root', 1, 2),
    finding('root', 1, 1),
    finding('included', 1),
    finding('root', 9),
  ];
  const { diagnostics } = reportOf(findings, TEXTS);
  assert.deepEqual(
    diagnostics.map(({ message, excerpt }) => [message, excerpt]),
    [
      ['root 1 1', 'one'],
      ['root 1 2', 'one'],
      ['root 3 1', 'three'],
      ['root 9 1', ''],
      ['included 1 1', 'alpha'],
      ['included 2 1', 'beta'],
      ['elsewhere 1 1', ''],
    ],
  );
});

test('the findings of each severity are limited, and all are counted', () => {
  const many = (severity: Severity, count: number) =>
    Array.from({ length: count }, (_, i) => finding('root', 1, i + 1, severity, STATEMENT_SKIPPED));
  const findings = [...many('notice', PROFILE_ERRORS_MAX + 5), ...many('error', PROFILE_ERRORS_MAX + 1)];
  const { diagnostics, counts, skipped } = reportOf([...findings, ...many('warning', 1)], TEXTS);
  assert.deepEqual(counts, { error: PROFILE_ERRORS_MAX + 1, warning: 1, notice: PROFILE_ERRORS_MAX + 5 });
  assert.equal(skipped, findings.length + 1);
  assert.equal(diagnostics.length, 2 * PROFILE_ERRORS_MAX + 1);
  assert.equal(diagnostics.filter(({ severity }) => severity === 'error').length, PROFILE_ERRORS_MAX);
});

test('the finding that there are more is always shown', () => {
  const findings = Array.from({ length: PROFILE_ERRORS_MAX }, (_, i) => finding('root', 1, i + 1));
  const { diagnostics } = reportOf([...findings, finding('root', 2, 1, 'error', 'TOO_MANY')], TEXTS);
  assert.equal(diagnostics.length, PROFILE_ERRORS_MAX + 1);
  assert.equal(diagnostics.at(-1)?.code, 'TOO_MANY');
});

test('reports are concatenated', () => {
  const a = reportOf([finding('root', 1)], TEXTS);
  const b = reportOf([finding('included', 1, 1, 'notice', STATEMENT_SKIPPED)], TEXTS);
  const joined = joinReports(a, EMPTY_REPORT, b);
  assert.deepEqual(joined.counts, { error: 1, warning: 0, notice: 1 });
  assert.equal(joined.skipped, 1);
  assert.deepEqual(joined.diagnostics, [...a.diagnostics, ...b.diagnostics]);
});
