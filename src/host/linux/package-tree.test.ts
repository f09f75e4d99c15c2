// Tests of finding the dependencies of a package.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packagesNeeded } from './package-tree.ts';

test('dependencies are found recursively, in the package or above it, once each', (t) => {
  const top = mkdtempSync(join(tmpdir(), 'packages-'));
  t.after(() => rmSync(top, { recursive: true }));
  const put = (path: string, manifest: object) => {
    mkdirSync(join(top, path), { recursive: true });
    writeFileSync(join(top, path, 'package.json'), JSON.stringify(manifest));
  };
  put('node_modules/ours', { dependencies: { a: '1', '@x/b': '1' }, devDependencies: { test: '1' } });
  put('node_modules/ours/node_modules/a', { optionalDependencies: { c: '1', missing: '1' } });
  put('node_modules/@x/b', { peerDependencies: { a: '2' }, dependencies: { c: '1' } });
  put('node_modules/a', {});
  put('node_modules/c', { dependencies: { '@x/b': '1' } });
  put('node_modules/test', {});
  assert.deepEqual(
    packagesNeeded(join(top, 'node_modules/ours')).toSorted(),
    ['node_modules/@x/b', 'node_modules/a', 'node_modules/c', 'node_modules/ours/node_modules/a'].map(
      (path) => join(top, path),
    ),
  );
});
