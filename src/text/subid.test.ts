// subuid(5), as shadow-utils write it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSubordinateIds } from './subid.ts';

test('each line is a range of uids; other lines are passed over', () => {
  const text = 'alice:100000:65536\n1001:165536:1\n\nbob:x:1\nbob:1\ncarol:300000:0\n# comment\n';
  assert.deepEqual(parseSubordinateIds(text), [
    { first: 100_000, last: 165_535 },
    { first: 165_536, last: 165_536 },
  ]);
  assert.deepEqual(parseSubordinateIds(''), []);
});
