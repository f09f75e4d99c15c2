// Whose change of the profile changes what the kernel enforces: root's, for the archive that belongs to the guard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isArchiveOfGuard, isOfGuard } from './places.ts';

const USUAL = { state: undefined, pins: undefined };
const OTHER_STATE = { ...USUAL, state: '/run/state' };
const OTHER_PINS = { ...USUAL, pins: '/sys/fs/bpf/other' };
const BOTH = { state: '/run/state', pins: '/sys/fs/bpf/other' };

test('it is of the guard for root, unless another archive was named without a guard of its own', () => {
  assert.equal(isOfGuard(USUAL, 0), true);
  assert.equal(isOfGuard(BOTH, 0), true);
  assert.equal(isOfGuard(OTHER_PINS, 0), true);
  assert.equal(isOfGuard(OTHER_STATE, 0), false);
});

test('it is never of the guard for a user', () => {
  for (const places of [USUAL, BOTH, OTHER_PINS, OTHER_STATE]) assert.equal(isOfGuard(places, 1000), false);
});

test('the archive of a guard at another place is known only where it was named', () => {
  assert.deepEqual([USUAL, BOTH, OTHER_STATE, OTHER_PINS].map(isArchiveOfGuard), [true, true, true, false]);
});
