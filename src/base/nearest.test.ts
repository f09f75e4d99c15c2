// Tests of the suggestions for mistyped words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest, nearest } from './nearest.ts';

test('the nearest word has the smallest edit distance', () => {
  const known = ['PORT', 'PORTRANGE', 'HOME'];
  assert.equal(nearest('PORTRNAGE', known), 'PORTRANGE');
  assert.equal(nearest('PROT', ['HOME', 'PORTS']), undefined);
  assert.equal(nearest('PRT', known), 'PORT');
  assert.equal(nearest('PORT', known), 'PORT');
});

test('a word far from all known words has no suggestion', () => {
  assert.equal(nearest('XYZZY', ['PORT']), undefined);
  assert.equal(nearest('P'.repeat(100_000), ['PORT']), undefined);
  assert.equal(nearest('', ['PORT']), undefined);
});

test('the closest word is found at any distance', () => {
  const known = ['listen', 'port', 'local', 'uid'];
  const cases = { prot: 'port', lissten: 'listen', path: 'port', gid: 'uid', port: 'port' };
  for (const [word, expected] of Object.entries(cases)) assert.equal(closest(word, known), expected, word);
  assert.equal(closest('port', []), undefined);
});
