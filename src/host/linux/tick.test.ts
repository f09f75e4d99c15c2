// Tests of determining the kernel's tick length.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tickUs } from './tick.ts';

// kernel/Kconfig.hz, arch/alpha/Kconfig, arch/mips/Kconfig
const TICKS_PER_SECOND = [24, 48, 100, 128, 250, 256, 300, 1000, 1024, 1200];

test('the tick is that of a possible kernel configuration, and constant', () => {
  const reported = tickUs();
  assert.ok(
    TICKS_PER_SECOND.map((ticks) => Math.floor(1_000_000 / ticks)).includes(reported ?? 0),
    `${reported}`,
  );
  assert.equal(tickUs(), reported);
});
