// Tests of directories in the BPF file system: only root can change them, even next to directories of users.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { createInBpffs } from './bpffs.ts';

/** A directory like a BPF file system mounted without a mode: every user can create files in it. */
function openDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(path, { recursive: true }));
  chmodSync(path, 0o1777);
  return path;
}

test('a created directory is writable only by its owner', (t) => {
  const above = openDirectory(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  createInBpffs(above);
  createInBpffs(join(above, 'guard-new'));
  createInBpffs(join(above, 'guard-new'));
  assert.equal(statSync(join(above, 'guard-new')).mode & 0o777, 0o700);
});

test('a directory that others can write to is rejected', (t) => {
  const path = join(openDirectory(t), 'guard-new');
  mkdirSync(path);
  for (const mode of [0o777, 0o770]) {
    chmodSync(path, mode);
    assert.throws(() => createInBpffs(path), { code: 'BPFFS_UNTRUSTED' });
  }
  chmodSync(path, 0o755);
  createInBpffs(path);
});

test('a directory created by another user is rejected', (t) => {
  if (!needs(t, probe.root())) return;
  const path = join(openDirectory(t), 'guard-new');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 1000, 0);
  assert.throws(() => createInBpffs(path), { code: 'BPFFS_UNTRUSTED' });
  chownSync(path, 0, 0);
  createInBpffs(path);
});

test('the mounted file system is accessible only to root', (t) => {
  if (!needs(t, probe.root(), probe.netns())) return;
  const path = openDirectory(t);
  const script = `const { isBpffs, mountBpffs } = await import('${new URL('./bpffs.ts', import.meta.url)}');
    const { statSync } = await import('node:fs');
    const path = ${JSON.stringify(path)};
    const has = [mountBpffs(path), mountBpffs(path), isBpffs(path)];
    process.stdout.write(JSON.stringify([...has, statSync(path).mode & 0o777]));`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync('unshare', ['--mount', ...node], { encoding: 'utf8' });
  assert.equal(stdout, JSON.stringify([true, false, true, 0o700]), stderr);
});
