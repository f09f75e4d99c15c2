// The guard's mode for the programs in one place, from its state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modeIn, type ReportedGuard } from './mode-here.ts';

const GUARD: ReportedGuard = {
  mode: 'enforce',
  isAttached: true,
  cgroup: '1',
  namespaces: ['7', '8'],
  home: '7',
};
const HERE = { namespace: '8', root: '1' };

test('a guard of the whole host covers its own network namespace, and those that were added', () => {
  assert.equal(modeIn(HERE, GUARD), 'enforce');
  assert.equal(modeIn({ ...HERE, namespace: '7' }, { ...GUARD, namespaces: [] }), 'enforce');
  assert.equal(modeIn(HERE, { ...GUARD, mode: 'observe' }), 'observe');
});

test('is elsewhere if it covers other namespaces, or a part of the host', () => {
  assert.equal(modeIn({ ...HERE, namespace: '9' }, GUARD), 'elsewhere');
  assert.equal(modeIn({ ...HERE, root: '2' }, GUARD), 'elsewhere');
});

test('a guard that is off, is not attached or does not exist is off', () => {
  assert.equal(modeIn(HERE, { ...GUARD, mode: 'off' }), 'off');
  assert.equal(modeIn(HERE, { ...GUARD, isAttached: false }), 'off');
  assert.equal(modeIn(HERE, { mode: 'off' }), 'off');
});
