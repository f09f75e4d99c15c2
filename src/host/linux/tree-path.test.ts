// Tests of paths in a directory tree: links are resolved inside it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathInTree } from './tree-path.ts';

test('links are resolved inside the tree', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'portreeve-tree-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'usr/etc'), { recursive: true });
  writeFileSync(join(root, 'usr/etc/services'), '');
  symlinkSync('/usr/etc', join(root, 'etc'));
  symlinkSync('services', join(root, 'usr/etc/names'));
  symlinkSync('../../../../../../usr/etc/new', join(root, 'usr/etc/dangling'));
  symlinkSync('b', join(root, 'a'));
  symlinkSync('a', join(root, 'b'));
  const cases: Record<string, string> = {
    '/etc/services': '/usr/etc/services',
    '/etc/names': '/usr/etc/services',
    '/etc/dangling': '/usr/etc/new',
    '/etc/sysctl.d/a.conf': '/usr/etc/sysctl.d/a.conf',
    '/../../usr/./etc//names': '/usr/etc/services',
    '/usr/etc/services/x': '/usr/etc/services/x',
    '/': '',
  };
  for (const [path, expected] of Object.entries(cases)) {
    assert.equal(pathInTree(root, path), join(root, expected), path);
  }
  assert.throws(() => pathInTree(root, '/a/x'), { kind: 'environment', code: 'LINKS_LOOP' });
});
