// Tests of the output of findings, as text and for GitHub.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { PROFILE_ERRORS_MAX } from '../../base/limits.ts';
import type { Finding } from '../../text/source.ts';
import { EMPTY_REPORT, type Report, reportOf, STATEMENT_SKIPPED } from '../app/report.ts';
import { diagnosticsText, githubText, summaryText } from './diagnostics.ts';

const FINDING: Finding = {
  severity: 'error',
  code: 'PORT_CONFLICT',
  zos: 'EZZ0326I',
  message: 'it conflicts',
  hint: '',
  place: { file: 'p', line: 1, column: 3, length: 4 },
};

function report(line: string, ...changes: Partial<Finding>[]): Report {
  return reportOf(
    changes.map((change) => ({ ...FINDING, ...change })),
    new Map([['p', line]]),
  );
}

const text = (line: string, change: Partial<Finding> = {}) =>
  diagnosticsText(capturedIo(), report(line, change)).split('\n').slice(0, -1);

describe('as text', () => {
  test('a finding has place, message, source line and carets', () => {
    assert.deepEqual(text('  PORT 80'), ['p:1:3: error EZZ0326I: it conflicts', '  PORT 80', '  ^^^^']);
  });

  test('a finding may have no z/OS number, a related place and a hint', () => {
    const { zos: _zos, ...finding } = FINDING;
    const related = { place: { file: 'q', line: 7, column: 1, length: 0 }, text: 'related text' };
    const found = reportOf(
      [{ ...finding, severity: 'warning', related, hint: 'Do that.' }],
      new Map([['p', '  PORT']]),
    );
    assert.equal(
      diagnosticsText(capturedIo(), found),
      'p:1:3: warning: it conflicts\n  PORT\n  ^^^^\nq:7:1: related text\nDo that.\n',
    );
  });

  const carets: Record<string, [line: string, place: Partial<Finding['place']>, ...shown: string[]]> = {
    'after tabs': ['\t\tPORT', { column: 3 }, '  PORT', '  ^^^^'],
    'after escaped characters': ['\x1b\x07PORT', {}, '\\x1b\\x07PORT', '        ^^^^'],
    'at the end of the line': ['PORT', { column: 5, length: 1 }, 'PORT', '    ^'],
    'clipped to the line': ['  PO', { length: 40 }, '  PO', '  ^^'],
    'omitted for a whole line': ['  PORT ', { column: 1, length: 0 }, '  PORT'],
    'omitted for an empty line': ['', { column: 1 }],
  };
  for (const [name, [line, place, ...shown]] of Object.entries(carets)) {
    test(`carets are aligned: ${name}`, () => {
      const [, ...lines] = text(line, { place: { ...FINDING.place, ...place } });
      assert.deepEqual(lines, shown);
    });
  }

  test('only a part of a very long line is shown', () => {
    const line = `${'x'.repeat(500)}PORT${'y'.repeat(500)}`;
    const [, shown = '', caret = ''] = text(line, { place: { ...FINDING.place, column: 501 } });
    assert.ok(shown.length <= 120);
    assert.equal(shown.slice(caret.indexOf('^'), caret.length), 'PORT');
  });

  test('control characters are escaped', () => {
    const place = { ...FINDING.place, file: 'p\x1b[2J\n' };
    const output = diagnosticsText(
      capturedIo(),
      reportOf([{ ...FINDING, message: '\x1b[31m\nx', hint: '\x9b', place }], new Map()),
    );
    assert.doesNotMatch(output.replaceAll('\n', ''), /\p{Cc}/u);
    assert.equal(output.split('\n').length, 3);
  });

  test('skipped statements are listed only with verbose', () => {
    const skipped = report('HOME', { severity: 'notice', code: STATEMENT_SKIPPED });
    assert.equal(diagnosticsText(capturedIo(), skipped), '');
    assert.match(diagnosticsText(capturedIo(), skipped, { verbose: true }), /^p:1:3: notice/);
    assert.match(diagnosticsText(capturedIo(), report('HOME', { severity: 'notice' })), /^p:1:3: notice/);
  });
});

test('the summary has the counts', () => {
  const skipped = { severity: 'notice', code: STATEMENT_SKIPPED } as const;
  assert.equal(summaryText(EMPTY_REPORT), 'no errors');
  assert.equal(summaryText(report('', {}, {}, { severity: 'warning' })), '2 errors, 1 warning');
  assert.equal(
    summaryText(report('', {}, skipped)),
    '1 error; 1 statement that does not concern ports was skipped',
  );
  assert.equal(
    summaryText(report('', ...Array.from({ length: 14 }, () => skipped))),
    'no errors; 14 statements that do not concern ports were skipped',
  );
  assert.equal(
    summaryText(report('', ...Array.from({ length: PROFILE_ERRORS_MAX + 3 }, () => ({})))),
    `${PROFILE_ERRORS_MAX + 3} errors; 3 more are not shown`,
  );
});

describe('for GitHub', () => {
  test('each finding is a workflow command', () => {
    assert.equal(
      githubText(report('', { hint: 'Do that.' }, { severity: 'warning' })),
      '::error file=p,line=1,col=3,title=EZZ0326I::it conflicts. Do that.\n' +
        '::warning file=p,line=1,col=3,title=EZZ0326I::it conflicts\n',
    );
  });

  test('characters that would end a command are escaped', () => {
    const place = { ...FINDING.place, file: 'a,b:c%d\ne' };
    const { zos: _zos, ...finding } = FINDING;
    assert.equal(
      githubText(reportOf([{ ...finding, message: '50%\n::error::x', place }], new Map())),
      '::error file=a%2Cb%3Ac%25d\\x0ae,line=1,col=3,title=PORT_CONFLICT::50%25\\x0a::error::x\n',
    );
  });
});
