/** Holds docs/errors.md to the catalog of errors, and the catalog to the errors that there are. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorsPage } from '../../scripts/errors-page.ts';
import { ERRORS } from '../../src/base/error-catalog.ts';
import { ROOT, sourceFiles } from '../support/files.ts';

test('docs/errors.md is what scripts/errors-page.ts prints', () => {
  assert.equal(readFileSync(new URL('docs/errors.md', ROOT), 'utf8'), errorsPage());
});

test('each code of the catalog is one that something throws', async () => {
  const files = (await sourceFiles(['src'])).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const sources = files
    .filter((file) => file !== 'src/base/error-catalog.ts')
    .map((file) => readFileSync(new URL(file, ROOT), 'utf8'))
    .join('\n');
  const unused = Object.keys(ERRORS).filter((code) => !new RegExp(`['\`]${code}['\`]`).test(sources));
  assert.deepEqual(unused, []);
});

test('the codes stand in the order of the alphabet', () => {
  const codes = Object.keys(ERRORS);
  assert.deepEqual(codes, codes.toSorted());
});
