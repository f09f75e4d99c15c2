// Tests of the list that keeps the first few items of each kind and counts the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstFew } from './first-few.ts';

test('keeps the first items of each kind in order, and the number and first of the rest', () => {
  const list = new FirstFew<'a' | 'b', number>(2);
  for (const [kind, item] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['a', 4],
    ['a', 5],
  ] as const)
    list.add(kind, item);
  assert.deepEqual(list.kept, [1, 2, 3]);
  assert.deepEqual(list.leftOut, [{ kind: 'a', count: 2, first: 4 }]);
});

test('leaves nothing out up to the maximum', () => {
  const list = new FirstFew<'a', number>(1);
  assert.deepEqual([list.kept, list.leftOut], [[], []]);
  list.add('a', 1);
  assert.deepEqual([list.kept, list.leftOut], [[1], []]);
});
