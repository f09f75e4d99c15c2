/** Names of profiles, users and groups in RACF commands. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { idProblem, profileNameProblem } from './racf-names.ts';

describe('profile names', () => {
  const names = [
    'A',
    'EZB.PORTACCESS.SYS1.TCPIP.WEB',
    'EZB.PORTACCESS.*.*.WEB',
    'EZB.PORTACCESS.**',
    '**',
    '*',
    '**.WEB',
    'A.**.B',
    'A.B*.C',
    'A.B*',
    'A.%B%.C',
    'A.%*',
    'A-B.1@#$',
    'A.-',
    `A.${'B'.repeat(244)}`,
  ];
  for (const name of names)
    test(`${name.slice(0, 40)} is valid`, () => assert.equal(profileNameProblem(name), undefined));

  const others: readonly (readonly [name: string, why: RegExp])[] = [
    ['', /empty qualifier/],
    ['.A', /empty qualifier/],
    ['A.', /empty qualifier/],
    ['A..B', /empty qualifier/],
    ['A B', /consists of the characters/],
    ['A_B', /consists of the characters/],
    ['a', /consists of the characters/],
    ['A/B', /consists of the characters/],
    ['A.B\n', /consists of the characters/],
    ['A.&X', /RACF variables/],
    // "Specify a double asterisk once in a profile name".
    ['A.**.B.**', /only once/],
    // "ABC.DE** is not allowed".
    ['A.B**', /must be the last character/],
    ['A.***', /must be the last character/],
    ['A.B*C', /must be the last character/],
    ['*A', /must be the last character/],
    [`A.${'B'.repeat(245)}`, /has 247 characters, and the name of a profile has at most 246/],
  ];
  for (const [name, why] of others) {
    test(`${JSON.stringify(name.slice(0, 40))} is not valid`, () =>
      assert.match(profileNameProblem(name) ?? '', why));
  }
});

describe('user and group names', () => {
  for (const id of [
    'A',
    'ALICE',
    '0',
    'WWW-DATA',
    '_RPC',
    'A.B',
    'HOST$',
    'DOM\\USER',
    'A+B',
    'A'.repeat(255),
  ]) {
    test(`${id.slice(0, 20)} is valid`, () => assert.equal(idProblem(id), undefined));
  }
  for (const id of ['', 'A B', 'A*', '**', 'A,B', 'A(B', 'alice', 'Ä', 'A\n', '&RACUID']) {
    test(`${JSON.stringify(id)} is not valid`, () =>
      assert.match(idProblem(id) ?? '', /consists of the characters/));
  }
  test('at most 255 characters', () => assert.match(idProblem('A'.repeat(256)) ?? '', /has 256 characters/));
});
