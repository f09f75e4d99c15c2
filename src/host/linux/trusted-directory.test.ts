// Whose directory is believed: one's own, that nobody else can write to, and no link to one.
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

/** A directory, and one in it that is asked about. */
function setup(t: TestContext): string {
  const above = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(above, { recursive: true }));
  const path = join(above, 'runtime');
  mkdirSync(path);
  chmodSync(path, 0o755);
  return path;
}

test('one’s own, and one that is not there', (t) => {
  const path = setup(t);
  assert.equal(whyUntrusted(path, [UID]), undefined);
  assert.equal(whyUntrusted(join(path, 'none'), [UID]), undefined);
});

test('not one that others can write to', (t) => {
  const path = setup(t);
  for (const [mode, why] of [
    [0o700, undefined],
    [0o755, undefined],
    [0o775, 'can be written by others'],
    [0o757, 'can be written by others'],
    [0o1777, 'can be written by others'],
  ] as const) {
    chmodSync(path, mode);
    assert.equal(whyUntrusted(path, [UID]), why, mode.toString(8));
  }
});

test('not one of another user, unless it is named', (t) => {
  if (!needs(t, probe.root())) return;
  const path = setup(t);
  chownSync(path, 1000, 0);
  assert.equal(whyUntrusted(path, [0]), 'belongs to uid 1000');
  assert.equal(whyUntrusted(path, [2000, 0]), 'belongs to uid 1000');
  assert.equal(whyUntrusted(path, [1000, 0]), undefined);
});

test('not what is no directory, or a link to one, whoever made it', (t) => {
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

test('not one that cannot be inspected', (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'))) return;
  const path = setup(t);
  const above = dirname(path);
  chownSync(above, 1000, 0);
  chmodSync(above, 0o700);
  const module = JSON.stringify(join(import.meta.dirname, 'trusted-directory.ts'));
  const script = `const { whyUntrusted } = await import(${module});
    process.stdout.write(whyUntrusted(${JSON.stringify(path)}, [0]) ?? 'believed');`;
  const ask = (...before: string[]) =>
    spawnSync('setpriv', [...before, process.execPath, '--input-type=module', '--eval', script], {
      encoding: 'utf8',
    }).stdout;
  // Root without these is kept out by modes, as everybody else is.
  assert.match(ask('--bounding-set=-dac_override,-dac_read_search'), /^cannot be inspected: EACCES/);
  assert.equal(ask('--'), 'believed');
});
