// Tests of the paths of INCLUDE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizePath, resolvePath } from './paths.ts';

test('a path is relative to the file that names it', () => {
  const cases: readonly [path: string, from: string, found: string][] = [
    ['b', '/etc/a', '/etc/b'],
    ['sub/b', '/etc/a', '/etc/sub/b'],
    ['../b', '/etc/portreeve/a', '/etc/b'],
    ['/b', '/etc/a', '/b'],
    ['b', 'a', 'b'],
    ['./b', './a', 'b'],
    ['b', 'sub/a', 'sub/b'],
    ['../b', 'a', '../b'],
    ['../../b', '../a', '../../../b'],
    ['../b', '/a', '/b'],
  ];
  for (const [path, from, found] of cases)
    assert.equal(resolvePath(path, from), found, `${path} from ${from}`);
});

test('a path has one normal form', () => {
  const cases = { './a//b/.': 'a/b', '/': '/', '/..': '/', 'a/..': '.', '../a/..': '..', '/a/./../b/': '/b' };
  for (const [path, form] of Object.entries(cases)) {
    assert.equal(normalizePath(path), form, path);
    assert.equal(normalizePath(form), form, form);
  }
});
