// The time since which a guard enforces, in a directory that represents one of bpffs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { enforcingSince, markEnforcing } from './enforcing-since.ts';

/** 2026-11-20 16:22:48.225 UTC, which is not a multiple of a power of two. */
const MOMENT = 1_795_191_768_225;

function pins(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-pins-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('the recorded time is returned, to the millisecond', (t) => {
  const directory = pins(t);
  writeFileSync(join(directory, 'config'), '');
  for (const ms of [MOMENT, MOMENT + 1, MOMENT + 774]) {
    markEnforcing(directory, ms);
    assert.equal(Math.round(enforcingSince(directory, ms) ?? 0), ms);
    assert.equal(Math.round(enforcingSince(directory, ms + 60_000) ?? 0), ms);
  }
});

test('is unknown without a guard, and for files that are newer than the profile in force', (t) => {
  const directory = pins(t);
  assert.equal(enforcingSince(directory, MOMENT), undefined);
  writeFileSync(join(directory, 'config'), '');
  assert.equal(enforcingSince(directory, 1000), undefined);
  markEnforcing(directory, 1000);
  assert.equal(enforcingSince(directory, 1000), 1000);
});
