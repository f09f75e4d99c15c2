// Tests of a log file accessed through its descriptor.
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DescriptorFile } from './log-file.ts';

function openAt(t: Pick<TestContext, 'after'>, path: string, flags = 'w+'): DescriptorFile {
  const fd = openSync(path, flags);
  t.after(() => closeSync(fd));
  return new DescriptorFile(fd);
}

function temporary(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'log-file-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'log');
}

test('bytes are written at an offset, read, and truncated', (t) => {
  const path = temporary(t);
  const file = openAt(t, path);
  assert.deepEqual([...file.read()], []);
  assert.equal(file.write(new Uint8Array([1, 2, 3]), 2), undefined);
  assert.equal(file.write(new Uint8Array([9]), 0), undefined);
  assert.equal(file.write(new Uint8Array(0), 100), undefined);
  assert.deepEqual([...file.read()], [9, 0, 1, 2, 3]);
  file.truncate(3);
  assert.deepEqual([...readFileSync(path)], [9, 0, 1]);
});

test('a write error returns the errno name', (t) => {
  const full = openAt(t, '/dev/full', 'r+');
  assert.equal(full.write(new Uint8Array([1]), 0), 'ENOSPC');
  const path = temporary(t);
  openAt(t, path);
  assert.equal(openAt(t, path, 'r').write(new Uint8Array([1]), 0), 'EBADF');
});
