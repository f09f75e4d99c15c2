// Tests of locking a directory, also when it is exchanged or removed while another process waits for it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exchangeNames, holdDirectory } from './held-directory.ts';

const SHORT_MS = 30;

function directory(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'portreeve-held-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const path = join(parent, 'held');
  mkdirSync(path);
  return path;
}

test('a directory is locked by one holder at a time', (t) => {
  const path = directory(t);
  const held = holdDirectory(path);
  assert.throws(() => holdDirectory(path, SHORT_MS), { code: 'BPF_BUSY', kind: 'environment' });
  held?.release();
  const again = holdDirectory(path, SHORT_MS);
  assert.ok(again);
  again.release();
});

test('a missing directory is not locked', (t) => {
  assert.equal(holdDirectory(`${directory(t)}-not`, SHORT_MS), undefined);
});

test('two directories exchange their names', (t) => {
  const [one, other] = [directory(t), directory(t)];
  writeFileSync(join(one, 'one'), '');
  exchangeNames(one, other);
  assert.deepEqual([existsSync(join(other, 'one')), existsSync(join(one, 'one'))], [true, false]);
  assert.throws(() => exchangeNames(one, `${other}-not`), { code: 'SYSTEM_CALL' });
});

/** Locks a directory, reports that, changes it on request, and releases it. */
const HOLDER = `
const { holdDirectory, exchangeNames } = await import(process.argv[1]);
const { rmdirSync } = await import('node:fs');
const [, , path, change] = process.argv;
const held = holdDirectory(path);
process.stdout.write('held');
process.stdin.once('data', () => {
  setTimeout(() => {
    if (change === 'exchange') exchangeNames(path, path + '-new');
    else rmdirSync(path);
    held.release();
    process.exit();
  }, 50);
});`;

async function heldByOther(t: TestContext, path: string, change: 'exchange' | 'remove'): Promise<() => void> {
  const module = join(import.meta.dirname, 'held-directory.ts');
  const words = ['--input-type=module', '-e', HOLDER, module, path, change];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return () => child.stdin.write('go');
}

test('a waiting process locks the replacement of an exchanged directory', async (t) => {
  const path = directory(t);
  mkdirSync(`${path}-new`);
  const go = await heldByOther(t, path, 'exchange');
  go();
  const held = holdDirectory(path);
  assert.ok(held);
  assert.throws(() => holdDirectory(path, SHORT_MS), { code: 'BPF_BUSY' });
  const older = holdDirectory(`${path}-new`, SHORT_MS);
  assert.ok(older, "'the previous one is free'");
  for (const one of [held, older]) one.release();
});

test('a waiting process returns when the directory is removed', async (t) => {
  const path = directory(t);
  const go = await heldByOther(t, path, 'remove');
  go();
  assert.equal(holdDirectory(path), undefined);
});
