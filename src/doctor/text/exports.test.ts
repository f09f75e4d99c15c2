// Parsing exports(5).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExports } from './exports.ts';

const rows = (text: string) =>
  parseExports(text).map(({ path, clients, isSecure, flavors, line }) => [
    line,
    path,
    clients,
    isSecure,
    flavors.join(':'),
  ]);

// The example of exports(5), and a line with default options.
test('applies the options of the client, then those of the line, then the defaults', () => {
  const text = `# sample /etc/exports file
/               master(rw) trusty(rw,no_root_squash)
/projects       proj*.local.domain(rw)
/usr            *.local.domain(ro) @trusted(rw)
/home/joe       pc001(rw,all_squash,insecure)
/pub            *(ro,insecure,all_squash)
/srv/www        -sync,insecure master trusty(secure) client # the end
/foo            2001:db8:9:e54::/64(rw,sec=krb5i:krb5)

`;
  assert.deepEqual(rows(text), [
    [2, '/', 'master', true, 'sys'],
    [2, '/', 'trusty', true, 'sys'],
    [3, '/projects', 'proj*.local.domain', true, 'sys'],
    [4, '/usr', '*.local.domain', true, 'sys'],
    [4, '/usr', '@trusted', true, 'sys'],
    [5, '/home/joe', 'pc001', false, 'sys'],
    [6, '/pub', '*', false, 'sys'],
    [7, '/srv/www', 'master', false, 'sys'],
    [7, '/srv/www', 'trusty', true, 'sys'],
    [7, '/srv/www', 'client', false, 'sys'],
    [8, '/foo', '2001:db8:9:e54::/64', true, 'krb5i:krb5'],
  ]);
});

test('parses a path without clients, quotes, octal escapes, and continued lines', () => {
  const text = '/a\n"/b c" h\n/d\\040e (insecure)\n/f \\\n  h(insecure) \\\n  i\n/g h(insecure';
  assert.deepEqual(rows(text), [
    [1, '/a', '*', true, 'sys'],
    [2, '/b c', 'h', true, 'sys'],
    [3, '/d e', '*', false, 'sys'],
    [4, '/f', 'h', false, 'sys'],
    [4, '/f', 'i', true, 'sys'],
    [7, '/g', 'h', false, 'sys'],
  ]);
});

test('parses an empty file', () => {
  for (const text of ['', '\n\n', '# /a *', '   ', '\\'])
    assert.deepEqual(rows(text).length, text === '\\' ? 1 : 0);
});

test('skips a line that is too long, and parses the next one', () => {
  assert.deepEqual(rows(`${'/a \\\n'.repeat(30_000)}\n/b h\n`).at(-1), [30_002, '/b', 'h', true, 'sys']);
});
