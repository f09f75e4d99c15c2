/** Valid resnames, and the reasons why others are not valid. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resnameProblem } from './resname.ts';

// PORTRANGE: "resname is a 1-8 character value following the SAF keyword".
describe('resnames', () => {
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
    test(`${word} is valid`, () => assert.equal(resnameProblem(word), undefined));
  }
});

describe('invalid resnames', () => {
  // PORTRANGE: "You can not specify a 1-character value of 0 (zero) for resname."
  test('a single 0, while A0 is valid', () => {
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
    ['A.B', /consists of the characters/],
    ['A_B', /consists of the characters/],
    ['A*', /consists of the characters/],
    ['web', /consists of the characters/],
    ['A ', /consists of the characters/],
    ['A\n', /consists of the characters/],
    ['Ä', /consists of the characters/],
  ];
  for (const [word, why] of others) {
    test(JSON.stringify(word), () => assert.match(resnameProblem(word) ?? '', why));
  }
});
