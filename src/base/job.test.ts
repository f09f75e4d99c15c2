// Tests of job names and job name patterns.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compareSpecificity, jobPatternProblem, matchesJob, parseJobName } from './job.ts';

describe('a job name', () => {
  test('is converted to upper case', () => {
    assert.equal(parseJobName('nginx'), 'NGINX');
    assert.equal(parseJobName(`a@#$_.-9${'x'.repeat(56)}`).length, 64);
  });

  test('is rejected if it is invalid or a keyword of the profile', () => {
    for (const text of ['', 'a b', 'a*', 'ä', 'x'.repeat(65), 'reserved', 'AUTHPORT']) {
      assert.throws(() => parseJobName(text), { kind: 'usage', code: 'JOB_INVALID' }, text);
    }
  });

  test('is rejected if only its upper-case form is valid', () => {
    for (const text of ['\u017fshd', '\u0131', '\u00dff', '\ufb01']) {
      assert.match(text.toUpperCase(), /^[A-Z]+$/);
      assert.throws(() => parseJobName(text), { kind: 'usage', code: 'JOB_INVALID' }, text);
    }
    assert.deepEqual(['sshd', 'i', 'ssf', 'fi'].map(parseJobName), ['SSHD', 'I', 'SSF', 'FI']);
  });
});

test('a pattern has the characters of names and wildcards, and with z/OS names fewer and at most 8', () => {
  assert.equal(jobPatternProblem('A?B*', false), undefined);
  assert.match(jobPatternProblem('A B', false) ?? '', /has only the characters/);
  assert.match(jobPatternProblem('A_B', true) ?? '', /has only the characters/);
  assert.match(jobPatternProblem('ABCDEFGHI', true) ?? '', /9 characters/);
});

describe('a pattern matches', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['WEB', 'WEB', true],
    ['WEB', 'WEB1', false],
    ['WEB*', 'WEB', true],
    ['WEB*', 'WE', false],
    ['*', '', true],
    ['?', '', false],
    ['A?C', 'ABC', true],
    ['A?C', 'AC', false],
    ['*A*B', 'XAYAB', true],
    ['*A*B', 'XAYAC', false],
    ['A*A', 'A', false],
    ['*?', 'A', true],
    ['UN*', 'UNKNOWN', false],
    ['UNKNOWN', 'UNKNOWN', false],
    ['*', 'UNKNOWN', true],
  ];
  for (const [pattern, job, matches] of rows) {
    test(`"${pattern}" ${matches ? 'matches' : 'does not match'} "${job}"`, () => {
      assert.equal(matchesJob(pattern, job), matches);
    });
  }

  test('like the equivalent regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('A', 'B', '*', '?'), maxLength: 8 });
    const job = fc.string({ unit: fc.constantFrom('A', 'B'), maxLength: 10 });
    fc.assert(
      fc.property(word, job, (pattern, name) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        assert.equal(matchesJob(pattern, name), expression.test(name));
      }),
    );
  });
});

test('the most specific pattern comes first', () => {
  const patterns = ['*', 'A*', 'ABC', 'A?*', '?', 'AB?', 'AB*'];
  assert.deepEqual(patterns.toSorted(compareSpecificity), ['ABC', 'AB?', 'AB*', 'A?*', 'A*', '?', '*']);
});
