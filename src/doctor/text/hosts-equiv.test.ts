// Parsing hosts.equiv(5).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostsEquiv } from './hosts-equiv.ts';

test('lists hosts and users, without comments and denied hosts', () => {
  const text = '# a\n\n+\nalpha.example.org\n beta  bob # c\n-gamma\ndelta -eve\n+@group\n';
  assert.deepEqual(
    parseHostsEquiv(text).map(({ line, host, user }) => [line, host, user]),
    [
      [3, '+', undefined],
      [4, 'alpha.example.org', undefined],
      [5, 'beta', 'bob'],
      [8, '+@group', undefined],
    ],
  );
  assert.deepEqual(parseHostsEquiv(''), []);
});
