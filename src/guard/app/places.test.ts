// Which changes of an archive change what the kernel enforces: root's, in the archive of the guard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesGuard, isArchiveOfGuard } from './places.ts';

const USUAL = { state: undefined, pins: undefined };
const OTHER_STATE = { ...USUAL, state: '/run/state' };
const OTHER_PINS = { ...USUAL, pins: '/sys/fs/bpf/other' };
const BOTH = { state: '/run/state', pins: '/sys/fs/bpf/other' };

test('root changes the guard, unless another archive was named without its own guard', () => {
  assert.equal(changesGuard(USUAL, 0), true);
  assert.equal(changesGuard(BOTH, 0), true);
  assert.equal(changesGuard(OTHER_PINS, 0), true);
  assert.equal(changesGuard(OTHER_STATE, 0), false);
});

test('another user never changes the guard', () => {
  for (const places of [USUAL, BOTH, OTHER_PINS, OTHER_STATE])
    assert.equal(changesGuard(places, 1000), false);
});

test('the archive of a guard at another place is known only if it was named', () => {
  assert.deepEqual([USUAL, BOTH, OTHER_STATE, OTHER_PINS].map(isArchiveOfGuard), [true, true, true, false]);
});
