// Tests of the path patterns of glob(7).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../test/support/processor.ts';
import { PATH_MAX_CHARACTERS } from '../base/limits.ts';
import { matchesGlob } from './glob.ts';

describe('a pattern', () => {
  const matching: readonly [string, string][] = [
    ['net/ipv4/conf/*/rp_filter', 'net/ipv4/conf/eth0/rp_filter'],
    ['net/ipv?/tcp*', 'net/ipv4/tcp_fin_timeout'],
    ['*/*_port_range', 'net/ip_local_port_range'],
    ['a*b*c', 'aXbYbZc'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['[^a-c]x', 'dx'],
    ['[]x]', ']'],
    ['a[b', 'a[b'],
    ['a\\*', 'a*'],
    ['**', ''],
  ];
  for (const [pattern, path] of matching)
    test(`${pattern} matches "${path}"`, () => assert.ok(matchesGlob(pattern, path)));

  const others: readonly [string, string][] = [
    ['net/*', 'net/ipv4/tcp_fin_timeout'],
    ['net*ipv4', 'net/ipv4'],
    ['?', ''],
    ['?', 'ab'],
    ['?', '/'],
    ['[a-c]x', 'dx'],
    ['[!a-c]x', 'ax'],
    ['a\\*', 'ab'],
    ['A', 'a'],
    ['a', 'ab'],
  ];
  for (const [pattern, path] of others)
    test(`${pattern} does not match "${path}"`, () => assert.ok(!matchesGlob(pattern, path)));
});

test('a pattern of letters and stars matches like the equivalent regular expression', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(word, name, (pattern, path) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      assert.equal(matchesGlob(pattern, path), expression.test(path));
    }),
  );
});

test('the time for a hostile pattern does not grow with the number of its stars', () => {
  const path = 'a'.repeat(PATH_MAX_CHARACTERS);
  const assertBounded = processorBound();
  assert.ok(!matchesGlob(`${'*a'.repeat(2000)}b`, path));
  assert.ok(!matchesGlob('['.repeat(PATH_MAX_CHARACTERS), path));
  assertBounded();
  assert.ok(matchesGlob('*', path));
  assert.ok(!matchesGlob('*', `${path}a`));
});
