// Tests of parsing /etc/subuid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UID_MAX } from '../base/limits.ts';
import { parseSubuid } from './subuid.ts';

test('a range has an owner, a first and a last uid', () => {
  assert.deepEqual(parseSubuid('alice:100000:65536\n1001:165536:1\n'), [
    { owner: 'alice', first: 100_000, last: 165_535 },
    { owner: '1001', first: 165_536, last: 165_536 },
  ]);
});

test('a range ends at the largest uid', () => {
  assert.deepEqual(parseSubuid(`alice:${UID_MAX - 1}:10`), [
    { owner: 'alice', first: UID_MAX - 1, last: UID_MAX },
  ]);
});

test('an invalid line is skipped', () => {
  const lines = ['', '# a comment:1:2', 'alice', 'alice:1', ':1:2', 'alice:x:2', 'alice:1:0', 'alice:0:9'];
  assert.deepEqual(parseSubuid([...lines, 'alice:1:2:3', 'alice:-1:2', 'alice:1:4294967295'].join('\n')), []);
});
