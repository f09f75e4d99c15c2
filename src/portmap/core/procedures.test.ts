// The names of the port mapper's procedures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { procedureName } from './procedures.ts';

test('procedures have the names of their version (RFC 1833 sections 2.2.1 and 3.2)', () => {
  const names = [2, 3, 4].map((version) => [3, 5, 12].map((procedure) => procedureName(version, procedure)));
  assert.deepEqual(names, [
    ['GETPORT', 'CALLIT', '12'],
    ['GETADDR', 'CALLIT', 'GETSTAT'],
    ['GETADDR', 'BCAST', 'GETSTAT'],
  ]);
});
