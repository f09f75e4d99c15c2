// Tests of reading files within limits and replacing them atomically.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { PortreeveError } from '../../base/errors.ts';
import { listDirectory, putWhole, readBytes, readText, replaceFile } from './files.ts';

function directoryOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'files-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError);
    return `${thrown.kind} ${thrown.code}`;
  }
  return assert.fail('nothing was thrown');
}

describe('reading a file', () => {
  test('returns everything up to the limit, and rejects a larger file', (t) => {
    const path = join(directoryOf(t), 'a');
    const bytes = new Uint8Array(200_000).map((_, i) => i);
    writeFileSync(path, bytes);
    assert.deepEqual(new Uint8Array(readBytes(path, 200_000) ?? []), bytes);
    assert.equal(
      codeOf(() => readBytes(path, 199_999)),
      'usage FILE_TOO_LARGE',
    );
    assert.equal(
      codeOf(() => readBytes('/dev/zero', 1_000_000)),
      'usage FILE_TOO_LARGE',
    );
  });

  test('that does not exist, is a directory, or is not readable', (t) => {
    assert.equal(readBytes('/nonexistent', 10), undefined);
    assert.equal(readText('/nonexistent', 10), undefined);
    assert.equal(
      codeOf(() => readBytes(directoryOf(t), 10)),
      'environment FILE_UNREADABLE',
    );
    assert.equal(
      codeOf(() => readBytes('/dev/null/a', 10)),
      'environment FILE_UNREADABLE',
    );
  });

  test('reads a pipe to its end, and does not wait for a pipe without a writer', (t) => {
    const script = "console.log((await import(process.argv[1])).readText('/dev/stdin', 1e6).length)";
    const line = 'head -c 300000 /dev/zero | "$0" --input-type=module -e "$1" "$2"';
    const module = join(import.meta.dirname, 'files.ts');
    const { stdout } = spawnSync('sh', ['-c', line, process.execPath, script, module], { encoding: 'utf8' });
    assert.equal(stdout, '300000\n');
    const path = join(directoryOf(t), 'pipe');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    assert.equal(readText(path, 10), '');
  });
});

describe('replacing a file', () => {
  test('keeps the mode, and leaves no temporary file', (t) => {
    const directory = directoryOf(t);
    const path = join(directory, 'a');
    writeFileSync(path, 'before');
    chmodSync(path, 0o640);
    replaceFile(path, 'after');
    assert.equal(readFileSync(path, 'utf8'), 'after');
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(directory), ['a']);
  });

  test('keeps the owner', (t) => {
    if (!needs(t, probe.root())) return;
    const path = join(directoryOf(t), 'a');
    writeFileSync(path, 'before');
    chownSync(path, 1234, 1235);
    replaceFile(path, 'after');
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [1234, 1235]);
  });

  test('follows a link and keeps it', (t) => {
    const directory = directoryOf(t);
    writeFileSync(join(directory, 'a'), 'before');
    symlinkSync('a', join(directory, 'link'));
    replaceFile(join(directory, 'link'), 'after');
    assert.ok(lstatSync(join(directory, 'link')).isSymbolicLink());
    assert.equal(readFileSync(join(directory, 'a'), 'utf8'), 'after');
  });

  test('leaves it unchanged on failure', (t) => {
    const directory = directoryOf(t);
    const path = join(directory, 'a');
    writeFileSync(path, 'before');
    // A foreign file has the temporary name.
    const temporary = `${path}.${process.pid}.new`;
    writeFileSync(temporary, 'precious');
    assert.equal(
      codeOf(() => replaceFile(path, 'after')),
      'environment FILE_UNWRITABLE',
    );
    assert.equal(readFileSync(path, 'utf8'), 'before');
    assert.equal(readFileSync(temporary, 'utf8'), 'precious');
    assert.equal(
      codeOf(() => replaceFile('/nonexistent/a', 'after')),
      'environment FILE_UNWRITABLE',
    );
  });
});

test('a new file is not readable by others before it has its owner and mode', (t) => {
  const path = join(directoryOf(t), 'a');
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  let before = -1;
  putWhole(path, 'text', (fd) => {
    before = fstatSync(fd).mode & 0o777;
    fchmodSync(fd, 0o644);
  });
  assert.deepEqual([before, statSync(path).mode & 0o777], [0o600, 0o644]);
});

describe('the names in a directory', () => {
  test('are sorted, and empty if it does not exist', (t) => {
    const directory = directoryOf(t);
    for (const name of ['b', 'a', '.c']) writeFileSync(join(directory, name), '');
    assert.deepEqual(listDirectory(directory), ['.c', 'a', 'b']);
    assert.deepEqual(listDirectory(join(directory, 'absent')), []);
  });

  test('cannot be read from a file', (t) => {
    const path = join(directoryOf(t), 'file');
    writeFileSync(path, '');
    assert.equal(
      codeOf(() => listDirectory(path)),
      'environment FILE_UNREADABLE',
    );
  });
});
