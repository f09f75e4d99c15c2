// A directory that one holds at a time, also when it is exchanged or goes while another waits for it.
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

test('one holds it at a time', (t) => {
  const path = directory(t);
  const held = holdDirectory(path);
  assert.throws(() => holdDirectory(path, SHORT_MS), { code: 'BPF_BUSY', kind: 'environment' });
  held?.release();
  const again = holdDirectory(path, SHORT_MS);
  assert.ok(again);
  again.release();
});

test('one that is not there is held by nobody', (t) => {
  assert.equal(holdDirectory(`${directory(t)}-not`, SHORT_MS), undefined);
});

test("two take each other's name at once", (t) => {
  const [one, other] = [directory(t), directory(t)];
  writeFileSync(join(one, 'one'), '');
  exchangeNames(one, other);
  assert.deepEqual([existsSync(join(other, 'one')), existsSync(join(one, 'one'))], [true, false]);
  assert.throws(() => exchangeNames(one, `${other}-not`), { code: 'SYSTEM_CALL' });
});

/** Holds a directory, says so, changes it when it is told, and lets go of it. */
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

test('who waits gets the one that has taken its place', async (t) => {
  const path = directory(t);
  mkdirSync(`${path}-new`);
  const go = await heldByOther(t, path, 'exchange');
  go();
  const held = holdDirectory(path);
  assert.ok(held);
  assert.throws(() => holdDirectory(path, SHORT_MS), { code: 'BPF_BUSY' });
  const older = holdDirectory(`${path}-new`, SHORT_MS);
  assert.ok(older, 'the one that was waited for');
  for (const one of [held, older]) one.release();
});

test('who waits for one that goes has nothing', async (t) => {
  const path = directory(t);
  const go = await heldByOther(t, path, 'remove');
  go();
  assert.equal(holdDirectory(path), undefined);
});
