// The daemon's runtime directory: created with the right mode, refused if others can write to it.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../test/support/probe.ts';
import { removeLeftover, requireRuntimeDirectory } from './runtime-directory.ts';

const UID = process.getuid?.() ?? -1;

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function withUmask(umask: number, act: () => void): void {
  const before = process.umask(umask);
  try {
    act();
  } finally {
    process.umask(before);
  }
}

const refusal = (why: RegExp) => ({ code: 'RUNTIME_DIRECTORY', message: why });

describe('a runtime directory', () => {
  for (const umask of [0o000, 0o077]) {
    test(`is created with its parents and the right mode under umask ${umask.toString(8)}`, (t) => {
      const path = join(directoryOf(t), 'a/b');
      withUmask(umask, () => requireRuntimeDirectory(path, UID));
      assert.equal(statSync(path).mode & 0o777, UID === 0 ? 0o755 : 0o700);
    });
  }

  test('that exists is used unchanged', (t) => {
    const path = directoryOf(t);
    for (const mode of [0o700, 0o755]) {
      chmodSync(path, mode);
      requireRuntimeDirectory(path, UID);
      assert.equal(statSync(path).mode & 0o777, mode);
    }
  });

  test('is refused if other users can write to it', (t) => {
    const path = directoryOf(t);
    for (const mode of [0o720, 0o702, 0o1777]) {
      chmodSync(path, mode);
      assert.throws(() => requireRuntimeDirectory(path, UID), refusal(/is writable by other users$/));
    }
  });

  test('is refused if it belongs to another user, even root', (t) => {
    const path = directoryOf(t);
    assert.throws(() => requireRuntimeDirectory(path, UID + 1), refusal(/belongs to uid \d+$/));
    if (!needs(t, probe.root())) return;
    chownSync(path, 1000, 0);
    assert.throws(() => requireRuntimeDirectory(path, 0), refusal(/belongs to uid 1000$/));
    requireRuntimeDirectory(path, 1000);
  });

  test('is refused if it is a symbolic link or a file', (t) => {
    const above = directoryOf(t);
    const [path, link, file] = ['directory', 'link', 'file'].map((name) => join(above, name));
    mkdirSync(path ?? '');
    symlinkSync(path ?? '', link ?? '');
    writeFileSync(file ?? '', '');
    assert.throws(() => requireRuntimeDirectory(link ?? '', UID), refusal(/is not a directory$/));
    assert.throws(() => requireRuntimeDirectory(file ?? '', UID), refusal(/EEXIST|is not a directory/));
  });
});

describe('removeLeftover', () => {
  test('removes a socket', async (t) => {
    const above = directoryOf(t);
    const path = join(above, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.after(() => server.close());
    removeLeftover(path);
    assert.equal(existsSync(path), false);
    removeLeftover(path);
  });

  test('refuses anything else, including a symbolic link to a socket', async (t) => {
    const above = directoryOf(t);
    const [socket, link, file] = ['socket', 'link', 'file'].map((name) => join(above, name));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    t.after(() => server.close());
    symlinkSync(socket ?? '', link ?? '');
    writeFileSync(file ?? '', 'precious');
    for (const path of [link ?? '', file ?? '', above]) {
      assert.throws(() => removeLeftover(path), refusal(/exists and is not a socket$/));
      assert.ok(lstatSync(path));
    }
  });
});
