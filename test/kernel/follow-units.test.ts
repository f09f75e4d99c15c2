// The kernel gets to know a unit that starts, one that restarts, and each of many that start at once.
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { withSlice } from '../support/followed-slice.ts';
import { guardReady } from '../support/guard.ts';

const STARTS = 10;
const BURST = 50;

test('a unit that starts or restarts is known to the kernel', async (t) => {
  if (!guardReady(t)) return;
  await withSlice(t, async ({ unit, known }) => {
    for (let i = 0; i < STARTS; i++) {
      const directory = unit(`started-${i}`);
      mkdirSync(directory);
      await known(directory);
      // It has another number than before.
      const before = statSync(directory, { bigint: true }).ino;
      rmdirSync(directory);
      mkdirSync(directory);
      assert.notEqual(statSync(directory, { bigint: true }).ino, before);
      await known(directory);
    }
  });
});

test('each of many units that start at once is known to the kernel', async (t) => {
  if (!guardReady(t)) return;
  await withSlice(t, async ({ unit, known }) => {
    const directories = Array.from({ length: BURST }, (_, i) => unit(`burst-${i}`));
    for (const directory of directories) mkdirSync(directory);
    for (const directory of directories) await known(directory);
  });
});
