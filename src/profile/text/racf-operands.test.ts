/** Abbreviated keywords, and the tables of operands. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keywordsFor, OPERANDS } from './racf-operands.ts';

describe('a word is an abbreviation of', () => {
  const known = ['AT', 'ACCESS', 'ATTACH'];
  const cases: readonly (readonly [word: string, ...keywords: string[]])[] = [
    ['ACCESS', 'ACCESS'],
    ['acc', 'ACCESS'],
    ['A', 'AT', 'ACCESS', 'ATTACH'],
    ['ATT', 'ATTACH'],
    // A keyword in full is never ambiguous.
    ['AT', 'AT'],
    ['ACCESSES'],
    ['X'],
  ];
  for (const [word, ...keywords] of cases) {
    test(`${word}: ${keywords.join(', ') || 'nothing'}`, () =>
      assert.deepEqual(keywordsFor(word, known), keywords));
  }
});

describe('the operands of a command', () => {
  for (const [command, table] of Object.entries(OPERANDS)) {
    test(`of ${command} are each unique in full`, () => {
      for (const name of table.keys()) assert.deepEqual(keywordsFor(name, table.keys()), [name]);
    });
  }

  // Common abbreviations.
  const short: readonly (readonly [command: keyof typeof OPERANDS, word: string, keyword: string])[] = [
    ['PERMIT', 'CL', 'CLASS'],
    ['PERMIT', 'ACC', 'ACCESS'],
    ['PERMIT', 'AC', 'ACCESS'],
    ['PERMIT', 'DEL', 'DELETE'],
    ['RDEFINE', 'UA', 'UACC'],
    ['RDEFINE', 'OW', 'OWNER'],
  ];
  for (const [command, word, keyword] of short) {
    test(`${command} ${word} is ${keyword}`, () => {
      assert.deepEqual(keywordsFor(word, OPERANDS[command].keys()), [keyword]);
    });
  }
});
