// Tests of finding comments, and comments that contain another by mistake.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Comment, Comments } from './comments.ts';

describe('a comment', () => {
  const cases: readonly (readonly [text: string, start: number, comment: Comment])[] = [
    ['/* a */ b', 0, { end: 7, lineEnd: 9, holdsAnother: false }],
    ['/**/', 0, { end: 4, lineEnd: 4, holdsAnother: false }],
    ['/*/', 0, { end: undefined, lineEnd: 3, holdsAnother: false }],
    ['/* a\nb', 0, { end: undefined, lineEnd: 4, holdsAnother: false }],
    ['/* a\nb */', 0, { end: 9, lineEnd: 4, holdsAnother: false }],
    // On one line it is clear where the comment ends.
    ['/* a /* b */', 0, { end: 12, lineEnd: 12, holdsAnother: false }],
    ['/* a\n/* b */', 0, { end: 12, lineEnd: 4, holdsAnother: true }],
    ['/* a\n*/ /* b */', 0, { end: 7, lineEnd: 4, holdsAnother: false }],
    ['x /* a */', 2, { end: 9, lineEnd: 9, holdsAnother: false }],
  ];
  for (const [text, start, comment] of cases) {
    test(JSON.stringify(text), () => assert.deepEqual(new Comments(text).at(start), comment));
  }
});

test('cached results equal those of a new search', () => {
  const text = fc.string({ unit: fc.constantFrom('/', '*', '\n', 'a', '/*', '*/') });
  fc.assert(
    fc.property(text, (source) => {
      const cached = new Comments(source);
      for (let at = 0; at < source.length; at++) {
        assert.equal(cached.beginsAt(at), source.slice(at, at + 2) === '/*');
        assert.deepEqual(cached.at(at), new Comments(source).at(at));
      }
    }),
  );
});
