// Whose apply changes what the kernel goes by: root's, for the archive that the guard goes by.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { isOfGuard } from './apply-deps.ts';

test('it is of the guard for root, unless another archive was named without a guard of its own', () => {
  const root = capturedIo({ uid: 0 });
  assert.equal(isOfGuard({}, root), true);
  assert.equal(isOfGuard({ state: '/run/state', pins: '/sys/fs/bpf/other' }, root), true);
  assert.equal(isOfGuard({ pins: '/sys/fs/bpf/other' }, root), true);
  assert.equal(isOfGuard({ state: '/run/state' }, root), false);
});

test('it is never of the guard for a user', () => {
  const user = capturedIo({ uid: 1000 });
  for (const places of [{}, { state: '/s', pins: '/p' }, { pins: '/p' }, { state: '/s' }]) {
    assert.equal(isOfGuard(places, user), false);
  }
});
