// Tests of lock files: one holder, whose pid is reported, and no interference by other users.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import type { Lock } from '../host.ts';
import { takeLock } from './lock.ts';

/** The path of a lock in a directory that every user can enter. */
function pathOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  return join(directory, 'lock');
}

function held(path: string): Lock {
  const lock = takeLock(path);
  assert.ok(!('heldBy' in lock));
  return lock;
}

test('a lock is held until it is released, and its holder is reported', (t) => {
  const path = pathOf(t);
  const lock = held(path);
  assert.deepEqual(takeLock(path), { heldBy: process.pid });
  assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
  lock.release();
  held(path).release();
});

test('a link is not followed, and a pipe does not block', (t) => {
  if (!needs(t, probe.command('mkfifo'))) return;
  const path = pathOf(t);
  const other = `${path}-other`;
  writeFileSync(other, 'precious');
  symlinkSync(other, path);
  assert.throws(() => takeLock(path), { code: 'LOCK_FAILED', message: /ELOOP/ });
  assert.equal(readFileSync(other, 'utf8'), 'precious');
  const pipe = `${path}-pipe`;
  spawnSync('mkfifo', [pipe]);
  assert.throws(() => takeLock(pipe), { code: 'LOCK_FAILED' });
});

test('the file is accessible only to its owner, regardless of the umask and its creator', (t) => {
  const path = pathOf(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  held(path).release();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  // Like rpcbind's.
  chmodSync(path, 0o444);
  held(path).release();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('another user cannot hold the lock, but could if the file were readable', (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'), probe.command('flock'))) return;
  const path = pathOf(t);
  const asUser = () => {
    const user = ['--reuid=1000', '--regid=1000', '--clear-groups'];
    return spawnSync('setpriv', [...user, 'flock', '--nonblock', path, 'true']).status;
  };
  held(path).release();
  assert.notEqual(asUser(), 0);
  chmodSync(path, 0o644);
  assert.equal(asUser(), 0);
});
