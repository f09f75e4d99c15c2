// The record of changed files: stored, removed when it is empty, and rejected when it is damaged.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileRecordFile } from './file-record.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'doctor/files.json');
}

test('reads what was written, and removes the file of an empty record', (t) => {
  const path = place(t);
  const record = new FileRecordFile(path);
  assert.deepEqual(record.read(), []);
  const changes = [
    { path: '/etc/a', before: undefined, after: 'ä\n"' },
    { path: '/etc/b', before: '', after: '' },
  ];
  record.write(changes);
  assert.deepEqual(new FileRecordFile(path).read(), changes);
  record.write([]);
  assert.equal(existsSync(path), false);
  record.write([]);
  assert.deepEqual(record.read(), []);
});

test('rejects a damaged record', (t) => {
  const path = place(t);
  const record = new FileRecordFile(path);
  record.write([{ path: '/a', before: undefined, after: '' }]);
  for (const text of ['', '{', '{}', '[1]', '[null]', '[{}]', '[{"path":"a","before":1,"after":"b"}]']) {
    writeFileSync(path, text);
    assert.throws(() => record.read(), { kind: 'environment', code: 'RECORD_DAMAGED' }, text);
  }
});
