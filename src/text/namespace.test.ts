// Tests of the names of network namespaces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaceName, namespacePath, parseNamespace } from './namespace.ts';

test('the settings file accepts a name of ip-netns(8) or a path', () => {
  assert.equal(namespacePath('web'), '/run/netns/web');
  assert.equal(namespacePath('..web'), '/run/netns/..web');
  assert.equal(namespacePath('x'.repeat(255)), `/run/netns/${'x'.repeat(255)}`);
  assert.equal(namespacePath('/run/docker/netns/1a:2b'), '/run/docker/netns/1a:2b');
  for (const text of ['', '.', '..', 'a/b', '../web', 'a\0', '/a\0', '/', 'pid:1', 'a:b', 'x'.repeat(256)]) {
    assert.equal(namespacePath(text), undefined, text);
  }
});

test('the command line also accepts a process and a cookie', () => {
  assert.deepEqual(parseNamespace('web'), { path: '/run/netns/web' });
  assert.deepEqual(parseNamespace('/proc/1/ns/net'), { path: '/proc/1/ns/net' });
  assert.deepEqual(parseNamespace('pid:4194304'), { path: '/proc/4194304/ns/net' });
  assert.deepEqual(parseNamespace('cookie:1'), { cookie: 1n });
  assert.deepEqual(parseNamespace('cookie:18446744073709551615'), { cookie: 2n ** 64n - 1n });
  for (const text of [
    'pid:',
    'pid:x',
    'pid:4194305',
    'pid:-1',
    'cookie:0',
    'cookie:18446744073709551616',
    'cookie:0x1',
  ]) {
    assert.equal(parseNamespace(text), undefined, text);
  }
});

test('a path of ip-netns(8) is shown as its name', () => {
  assert.deepEqual(['/run/netns/web', '/run/netns2/a', '/a'].map(namespaceName), [
    'web',
    '/run/netns2/a',
    '/a',
  ]);
});
