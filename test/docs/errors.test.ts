// docs/errors.md equals the error catalog, and every code in the catalog is used.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorsPage } from '../../scripts/errors-page.ts';
import { ERRORS } from '../../src/base/error-catalog.ts';
import { ROOT, sourceFiles } from '../support/files.ts';

test('docs/errors.md is the output of scripts/errors-page.ts', () => {
  assert.equal(readFileSync(new URL('docs/errors.md', ROOT), 'utf8'), errorsPage());
});

test('each code in the catalog is used', async () => {
  const files = (await sourceFiles(['src'])).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const sources = files
    .filter((file) => file !== 'src/base/error-catalog.ts')
    .map((file) => readFileSync(new URL(file, ROOT), 'utf8'))
    .join('\n');
  const unused = Object.keys(ERRORS).filter((code) => !new RegExp(`['\`]${code}['\`]`).test(sources));
  assert.deepEqual(unused, []);
});

test('the codes are sorted', () => {
  const codes = Object.keys(ERRORS);
  assert.deepEqual(codes, codes.toSorted());
});
