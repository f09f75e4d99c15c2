// The runtime directory of the daemon: made for its user, refused where others could put something into it.
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

/** Does something under a umask. */
function under(umask: number, act: () => void): void {
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
    test(`is made with those above it, with its mode under the umask ${umask.toString(8)}`, (t) => {
      const path = join(directoryOf(t), 'a/b');
      under(umask, () => requireRuntimeDirectory(path, UID));
      assert.equal(statSync(path).mode & 0o777, UID === 0 ? 0o755 : 0o700);
    });
  }

  test('that is there is taken as it is', (t) => {
    const path = directoryOf(t);
    for (const mode of [0o700, 0o755]) {
      chmodSync(path, mode);
      requireRuntimeDirectory(path, UID);
      assert.equal(statSync(path).mode & 0o777, mode);
    }
  });

  test('that others can write to is refused', (t) => {
    const path = directoryOf(t);
    for (const mode of [0o720, 0o702, 0o1777]) {
      chmodSync(path, mode);
      assert.throws(() => requireRuntimeDirectory(path, UID), refusal(/is writable by other users$/));
    }
  });

  test('that belongs to another user is refused, root’s as well', (t) => {
    const path = directoryOf(t);
    assert.throws(() => requireRuntimeDirectory(path, UID + 1), refusal(/belongs to uid \d+$/));
    if (!needs(t, probe.root())) return;
    chownSync(path, 1000, 0);
    assert.throws(() => requireRuntimeDirectory(path, 0), refusal(/belongs to uid 1000$/));
    requireRuntimeDirectory(path, 1000);
  });

  test('that is a link, or a file, is refused', (t) => {
    const above = directoryOf(t);
    const [path, link, file] = ['directory', 'link', 'file'].map((name) => join(above, name));
    mkdirSync(path ?? '');
    symlinkSync(path ?? '', link ?? '');
    writeFileSync(file ?? '', '');
    assert.throws(() => requireRuntimeDirectory(link ?? '', UID), refusal(/is not a directory$/));
    assert.throws(() => requireRuntimeDirectory(file ?? '', UID), refusal(/EEXIST|is not a directory/));
  });
});

describe('what a daemon has left', () => {
  test('is removed where it is a socket', async (t) => {
    const above = directoryOf(t);
    const path = join(above, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.after(() => server.close());
    removeLeftover(path);
    assert.equal(existsSync(path), false);
    removeLeftover(path);
  });

  test('stays where it is none, also where a link leads to one', async (t) => {
    const above = directoryOf(t);
    const [socket, link, file] = ['socket', 'link', 'file'].map((name) => join(above, name));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    t.after(() => server.close());
    symlinkSync(socket ?? '', link ?? '');
    writeFileSync(file ?? '', 'precious');
    for (const path of [link ?? '', file ?? '', above]) {
      assert.throws(() => removeLeftover(path), refusal(/is there and is no socket$/));
      assert.ok(lstatSync(path));
    }
  });
});
