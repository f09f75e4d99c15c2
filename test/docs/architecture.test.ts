// ARCHITECTURE.md and the READMEs of the features refer only to existing files.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../support/files.ts';
import { FEATURES } from '../support/imports.ts';

const SRC = fileURLToPath(new URL('src', ROOT));
const README_LINES_MAX = 20;

/** The files and folders in a text, such as `core/build.ts` and `linux/`. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/`((?:\.\.\/)?[a-z][\w/-]*(?:\.ts|\/))`/g)].map(([, name = '']) => name);
}

describe('every feature has a short README that refers to existing files', () => {
  for (const feature of [...FEATURES, 'kit', 'main']) {
    test(feature, () => {
      const text = readFileSync(join(SRC, feature, 'README.md'), 'utf8');
      assert.ok(text.split('\n').length <= README_LINES_MAX, 'the README is too long');
      const named = namedIn(text);
      assert.ok(named.length > 0);
      let folder = '';
      for (const name of named) {
        if (name.includes('/')) folder = name.slice(0, name.lastIndexOf('/'));
        const places = [join(SRC, feature, name), join(SRC, feature, folder, name)];
        assert.ok(places.some(existsSync), `src/${feature}/README.md names ${name}`);
      }
    });
  }
});

test('ARCHITECTURE.md refers to existing files', () => {
  const text = readFileSync(new URL('ARCHITECTURE.md', ROOT), 'utf8');
  const named = namedIn(text).filter((name) => name.includes('/') && name.endsWith('.ts'));
  assert.ok(named.length > 10);
  for (const name of named) {
    assert.ok(existsSync(join(SRC, name)) || existsSync(new URL(name, ROOT)), name);
  }
});
