// Tests of trusted directories: of the given owners, not writable by others, and not a link.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { whyUntrusted } from './trusted-directory.ts';

const UID = process.getuid?.() ?? -1;

/** A directory, and a directory in it to check. */
function setup(t: TestContext): string {
  const above = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(above, { recursive: true }));
  const path = join(above, 'runtime');
  mkdirSync(path);
  chmodSync(path, 0o755);
  return path;
}

test('our own directory, and a missing one, are trusted', (t) => {
  const path = setup(t);
  assert.equal(whyUntrusted(path, [UID]), undefined);
  assert.equal(whyUntrusted(join(path, 'none'), [UID]), undefined);
});

test('a directory writable by others is not trusted', (t) => {
  const path = setup(t);
  for (const [mode, why] of [
    [0o700, undefined],
    [0o755, undefined],
    [0o775, 'is writable by other users'],
    [0o757, 'is writable by other users'],
    [0o1777, 'is writable by other users'],
  ] as const) {
    chmodSync(path, mode);
    assert.equal(whyUntrusted(path, [UID]), why, mode.toString(8));
  }
});

test('a directory of another user is trusted only if that owner is allowed', (t) => {
  if (!needs(t, probe.root())) return;
  const path = setup(t);
  chownSync(path, 1000, 0);
  assert.equal(whyUntrusted(path, [0]), 'belongs to uid 1000');
  assert.equal(whyUntrusted(path, [2000, 0]), 'belongs to uid 1000');
  assert.equal(whyUntrusted(path, [1000, 0]), undefined);
});

test('a file, or a link to a directory, is not trusted', (t) => {
  const path = setup(t);
  const link = `${path}-link`;
  symlinkSync(path, link);
  assert.equal(whyUntrusted(link, [UID]), 'is not a directory');
  const file = `${path}-file`;
  writeFileSync(file, '');
  assert.equal(whyUntrusted(file, [UID]), 'is not a directory');
  if (UID !== 0) return;
  lchownSync(link, 1000, 0);
  assert.equal(whyUntrusted(link, [1000]), 'is not a directory');
});

test('a directory that cannot be inspected is not trusted', (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'))) return;
  const path = setup(t);
  const above = dirname(path);
  chownSync(above, 1000, 0);
  chmodSync(above, 0o700);
  const module = JSON.stringify(join(import.meta.dirname, 'trusted-directory.ts'));
  const script = `const { whyUntrusted } = await import(${module});
    process.stdout.write(whyUntrusted(${JSON.stringify(path)}, [0]) ?? 'trusted');`;
  const ask = (...before: string[]) =>
    spawnSync('setpriv', [...before, process.execPath, '--input-type=module', '--eval', script], {
      encoding: 'utf8',
    }).stdout;
  // Root without these capabilities is subject to modes like other users.
  assert.match(ask('--bounding-set=-dac_override,-dac_read_search'), /^cannot be inspected: EACCES/);
  assert.equal(ask('--'), 'trusted');
});
