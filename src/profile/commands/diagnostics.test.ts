// What is found in a profile, as people, GitHub and terminals see it.
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

describe('for people', () => {
  test('where, what, the line and a caret under what is meant', () => {
    assert.deepEqual(text('  PORT 80'), ['p:1:3: error EZZ0326I: it conflicts', '  PORT 80', '  ^^^^']);
  });

  test('without a number of z/OS, with what it has to do with, and what to do', () => {
    const { zos: _zos, ...finding } = FINDING;
    const related = { place: { file: 'q', line: 7, column: 1, length: 0 }, text: 'here it is' };
    const found = reportOf(
      [{ ...finding, severity: 'warning', related, hint: 'Do that.' }],
      new Map([['p', '  PORT']]),
    );
    assert.equal(
      diagnosticsText(capturedIo(), found),
      'p:1:3: warning: it conflicts\n  PORT\n  ^^^^\nq:7:1: here it is\nDo that.\n',
    );
  });

  const carets: Record<string, [line: string, place: Partial<Finding['place']>, ...shown: string[]]> = {
    'behind tabs': ['\t\tPORT', { column: 3 }, '  PORT', '  ^^^^'],
    'behind characters that are shown as escapes': ['\x1b\x07PORT', {}, '\\x1b\\x07PORT', '        ^^^^'],
    'at the end of the line': ['PORT', { column: 5, length: 1 }, 'PORT', '    ^'],
    'no longer than the line': ['  PO', { length: 40 }, '  PO', '  ^^'],
    'not for a whole line': ['  PORT ', { column: 1, length: 0 }, '  PORT'],
    'not for an empty line': ['', { column: 1 }],
  };
  for (const [name, [line, place, ...shown]] of Object.entries(carets)) {
    test(`the caret stands right ${name}`, () => {
      const [, ...lines] = text(line, { place: { ...FINDING.place, ...place } });
      assert.deepEqual(lines, shown);
    });
  }

  test('of a very long line the part around it', () => {
    const line = `${'x'.repeat(500)}PORT${'y'.repeat(500)}`;
    const [, shown = '', caret = ''] = text(line, { place: { ...FINDING.place, column: 501 } });
    assert.ok(shown.length <= 120);
    assert.equal(shown.slice(caret.indexOf('^'), caret.length), 'PORT');
  });

  test('nothing of a file can steer a terminal', () => {
    const place = { ...FINDING.place, file: 'p\x1b[2J\n' };
    const said = diagnosticsText(
      capturedIo(),
      reportOf([{ ...FINDING, message: '\x1b[31m\nx', hint: '\x9b', place }], new Map()),
    );
    assert.doesNotMatch(said.replaceAll('\n', ''), /\p{Cc}/u);
    assert.equal(said.split('\n').length, 3);
  });

  test('statements that are skipped are told one by one only if that is wanted', () => {
    const skipped = report('HOME', { severity: 'notice', code: STATEMENT_SKIPPED });
    assert.equal(diagnosticsText(capturedIo(), skipped), '');
    assert.match(diagnosticsText(capturedIo(), skipped, { verbose: true }), /^p:1:3: notice/);
    assert.match(diagnosticsText(capturedIo(), report('HOME', { severity: 'notice' })), /^p:1:3: notice/);
  });
});

test('the summary counts', () => {
  const skipped = { severity: 'notice', code: STATEMENT_SKIPPED } as const;
  assert.equal(summaryText(EMPTY_REPORT), 'no errors');
  assert.equal(summaryText(report('', {}, {}, { severity: 'warning' })), '2 errors, 1 warning');
  assert.equal(
    summaryText(report('', {}, skipped)),
    '1 error; 1 statement that has nothing to do with ports was skipped',
  );
  assert.equal(
    summaryText(report('', ...Array.from({ length: 14 }, () => skipped))),
    'no errors; 14 statements that have nothing to do with ports were skipped',
  );
  assert.equal(
    summaryText(report('', ...Array.from({ length: PROFILE_ERRORS_MAX + 3 }, () => ({})))),
    `${PROFILE_ERRORS_MAX + 3} errors; 3 more are not shown`,
  );
});

describe('for GitHub', () => {
  test('a workflow command for each', () => {
    assert.equal(
      githubText(report('', { hint: 'Do that.' }, { severity: 'warning' })),
      '::error file=p,line=1,col=3,title=EZZ0326I::it conflicts. Do that.\n' +
        '::warning file=p,line=1,col=3,title=EZZ0326I::it conflicts\n',
    );
  });

  test('what would end it is escaped', () => {
    const place = { ...FINDING.place, file: 'a,b:c%d\ne' };
    const { zos: _zos, ...finding } = FINDING;
    assert.equal(
      githubText(reportOf([{ ...finding, message: '50%\n::error::x', place }], new Map())),
      '::error file=a%2Cb%3Ac%25d\\x0ae,line=1,col=3,title=PORT_CONFLICT::50%25\\x0a::error::x\n',
    );
  });
});
