// Directories for the guard's names: root's alone, also where users may make directories beside them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { makeInBpffs } from './bpffs.ts';

/** A directory like a BPF file system that was mounted without a mode: everybody may make something in it. */
function openDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(path, { recursive: true }));
  chmodSync(path, 0o1777);
  return path;
}

test('one that is made is its owner’s alone', (t) => {
  const above = openDirectory(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  makeInBpffs(above);
  makeInBpffs(join(above, 'guard-new'));
  makeInBpffs(join(above, 'guard-new'));
  assert.equal(statSync(join(above, 'guard-new')).mode & 0o777, 0o700);
});

test('one that others can write to is refused', (t) => {
  const path = join(openDirectory(t), 'guard-new');
  mkdirSync(path);
  for (const mode of [0o777, 0o770]) {
    chmodSync(path, mode);
    assert.throws(() => makeInBpffs(path), { code: 'BPFFS_UNTRUSTED' });
  }
  chmodSync(path, 0o755);
  makeInBpffs(path);
});

test('one that another user has made first is refused', (t) => {
  if (!needs(t, probe.root())) return;
  const path = join(openDirectory(t), 'guard-new');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 1000, 0);
  assert.throws(() => makeInBpffs(path), { code: 'BPFFS_UNTRUSTED' });
  chownSync(path, 0, 0);
  makeInBpffs(path);
});

test('one that is mounted is root’s alone', (t) => {
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
