// The stored answers of the user database, and files that are damaged or in another format.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { USER_DATABASE } from '../../host/linux/state-files.ts';
import type { KnownUsers } from '../core/user-archive.ts';
import { SqliteUserArchive } from './user-archive.ts';

const SOME: KnownUsers = {
  users: [
    { name: 'web', uid: 5000, gid: 100, isSeen: false },
    { name: 'Dev@corp', uid: 4_294_967_294, gid: 0, isSeen: true },
  ],
  groups: [
    { name: 'staff', gid: 700, members: ['web', 'dev'] },
    { name: 'empty', gid: 701, members: [] },
  ],
};

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'portreeve-users-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('keeps users and groups in order, in a file readable by every user', (t) => {
  const at = directory(t);
  assert.deepEqual(
    new SqliteUserArchive(at).change(() => SOME),
    SOME,
  );
  const archive = new SqliteUserArchive(at);
  assert.deepEqual(archive.read(), SOME);
  assert.equal(statSync(join(at, USER_DATABASE)).mode & 0o777, 0o644);
  const less = { users: SOME.users.slice(1), groups: [] };
  assert.deepEqual(
    archive.change((known) => ({ users: known.users.slice(1), groups: [] })),
    less,
  );
  assert.deepEqual(archive.read(), less);
});

test('writes nothing if nothing changes', (t) => {
  const at = directory(t);
  const archive = new SqliteUserArchive(at);
  assert.equal(archive.stamp(), undefined);
  assert.deepEqual(archive.read(), { users: [], groups: [] });
  archive.change((known) => known);
  assert.equal(existsSync(join(at, USER_DATABASE)), false);
  archive.change(() => SOME);
  const stamp = archive.stamp();
  assert.notEqual(stamp, undefined);
  archive.change((known) => ({ ...known }));
  assert.equal(archive.stamp(), stamp);
});

test('a failed change leaves the archive unchanged', (t) => {
  const archive = new SqliteUserArchive(directory(t));
  archive.change(() => SOME);
  const [web] = SOME.users;
  assert.throws(() => archive.change(() => ({ users: web ? [web, web] : [], groups: [] })), {
    code: 'ARCHIVE_FAILED',
  });
  assert.deepEqual(archive.read(), SOME);
});

test('refuses and preserves another file of that name', (t) => {
  const at = directory(t);
  writeFileSync(join(at, USER_DATABASE), 'something else');
  const archive = new SqliteUserArchive(at);
  assert.throws(() => archive.read(), { code: 'ARCHIVE_FOREIGN' });
  assert.throws(() => archive.change(() => SOME), { code: 'ARCHIVE_FOREIGN' });
  assert.equal(readFileSync(join(at, USER_DATABASE), 'utf8'), 'something else');
});
