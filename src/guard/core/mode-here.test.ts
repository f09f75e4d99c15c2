// What a guard does for programs in one place, by what it reports of itself.
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

test('a guard of the whole host holds in its own network namespace, and in those that it was given', () => {
  assert.equal(modeIn(HERE, GUARD), 'enforce');
  assert.equal(modeIn({ ...HERE, namespace: '7' }, { ...GUARD, namespaces: [] }), 'enforce');
  assert.equal(modeIn(HERE, { ...GUARD, mode: 'observe' }), 'observe');
});

test('it does nothing here if it holds in other namespaces, or in a part of the host', () => {
  assert.equal(modeIn({ ...HERE, namespace: '9' }, GUARD), 'elsewhere');
  assert.equal(modeIn({ ...HERE, root: '2' }, GUARD), 'elsewhere');
});

test('a guard that is off, is not attached or is not there is off', () => {
  assert.equal(modeIn(HERE, { ...GUARD, mode: 'off' }), 'off');
  assert.equal(modeIn(HERE, { ...GUARD, isAttached: false }), 'off');
  assert.equal(modeIn(HERE, { mode: 'off' }), 'off');
});
