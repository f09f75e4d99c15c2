// Tests of the canonical form of a file, and of detecting it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { canonicalProfile } from './format.ts';

function format(content: string | Uint8Array) {
  const files = new SimFiles({}, 1);
  files.write('/p', content);
  return canonicalProfile('/p', files, { zosNames: false, symbols: {} });
}

test('formatting is idempotent', () => {
  const { text, isCanonical } = format('port 80 tcp WEB ; the web\r\n');
  assert.equal(isCanonical, false);
  assert.deepEqual(format(text), { ...format(text), text, isCanonical: true });
});

test('a byte order mark and carriage returns are not canonical', () => {
  const { text } = format('PORT 80 TCP WEB\n');
  assert.equal(format(text).isCanonical, true);
  assert.equal(format(`\uFEFF${text}`).isCanonical, false);
  assert.equal(format(text.replaceAll('\n', '\r\n')).isCanonical, false);
  assert.equal(format(text.trimEnd()).isCanonical, false);
});

test('included files may be missing, and are not formatted', () => {
  const { text, report } = format('INCLUDE /none\nINCLUDE /none\nINCLUDE /p\n');
  assert.equal(report.counts.error, 0);
  assert.match(text, /^INCLUDE \/none\n+INCLUDE \/none\n+INCLUDE \/p\n$/);
});

test('errors are reported', () => {
  const { report } = format('PORT 80\n');
  assert.equal(report.counts.error, 1);
  assert.equal(report.diagnostics[0]?.excerpt, 'PORT 80');
});
