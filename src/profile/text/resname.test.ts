/** Resnames: what is one, and why something else is none. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resnameProblem } from './resname.ts';

// PORTRANGE: "resname is a 1-8 character value following the SAF keyword".
describe('a resname', () => {
  for (const word of [
    'A',
    'WEB',
    'FTPDATA',
    'ABCDEFGH',
    'A0',
    'A-B',
    'A-',
    '$',
    '@',
    '#',
    '$0',
    '@#$-0129',
  ]) {
    test(`${word} is one`, () => assert.equal(resnameProblem(word), undefined));
  }
});

describe('no resname', () => {
  // PORTRANGE: "You can not specify a 1-character value of 0 (zero) for resname."
  test('is a 0, whose twin with a letter in front is one', () => {
    assert.match(resnameProblem('0') ?? '', /single 0/);
    assert.equal(resnameProblem('A0'), undefined);
  });

  const others: readonly (readonly [word: string, why: RegExp])[] = [
    ['', /it has 0 characters/],
    ['ABCDEFGHI', /it has 9 characters, and a resname has 1 to 8/],
    ['1', /begins with/],
    ['0A', /begins with/],
    ['-A', /begins with/],
    ['00', /begins with/],
    ['A.B', /only the characters/],
    ['A_B', /only the characters/],
    ['A*', /only the characters/],
    ['web', /only the characters/],
    ['A ', /only the characters/],
    ['A\n', /only the characters/],
    ['Ä', /only the characters/],
  ];
  for (const [word, why] of others) {
    test(JSON.stringify(word), () => assert.match(resnameProblem(word) ?? '', why));
  }
});
