// Which uids are queried: a limited number, each rarely, and logged-in users first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../../test/support/sim/clock.ts';
import {
  UIDS_NAMELESS_MAX,
  UIDS_NAMELESS_MS,
  UIDS_QUERIED_MAX,
  UIDS_WAITING_MAX,
} from '../../base/limits.ts';
import { NamelessUids } from './nameless-uids.ts';

function fixture({ subuid = '', named = [] as number[] } = {}) {
  const clock = new SimClock();
  const files = { readText: (path: string) => (path === '/etc/subuid' ? subuid : undefined) };
  const uids = new NamelessUids({ files, clock, isNamed: (uid) => named.includes(uid) });
  return { clock, uids, named };
}

test('returns a refused uid once, and again after UIDS_NAMELESS_MS', () => {
  const { uids, clock } = fixture();
  uids.observe(5000);
  uids.observe(5000);
  assert.deepEqual(uids.take([]), [5000]);
  uids.observe(5000);
  assert.deepEqual(uids.take([5000]), []);
  clock.advance(UIDS_NAMELESS_MS);
  assert.deepEqual(uids.take([]), []);
  uids.observe(5000);
  assert.deepEqual(uids.take([]), [5000]);
});

test('omits a uid with a name, even one that was named while it waited', () => {
  const { uids, named } = fixture({ named: [5000] });
  uids.observe(5000);
  uids.observe(5001);
  named.push(5001);
  assert.deepEqual(uids.take([5000]), []);
  named.length = 0;
  assert.deepEqual(uids.take([]), []);
});

test('never returns the subordinate uids of subuid(5)', () => {
  const { uids } = fixture({ subuid: 'mallory:100000:65536\n' });
  for (const uid of [99_999, 100_000, 165_535, 165_536]) uids.observe(uid);
  assert.deepEqual(uids.take([100_001]), [99_999, 165_536]);
});

test('returns logged-in users before refused uids, and limits the queue', () => {
  const { uids, clock } = fixture();
  for (let uid = 1; uid <= 10_000; uid++) uids.observe(100_000 + uid);
  const first = uids.take([5000]);
  assert.equal(first.length, UIDS_QUERIED_MAX);
  assert.equal(first[0], 5000);
  let queried = first.length - 1;
  for (let taken = uids.take([]); taken.length > 0; taken = uids.take([])) {
    assert.ok(taken.length <= UIDS_QUERIED_MAX);
    queried += taken.length;
    clock.advance(1);
  }
  assert.equal(queried, UIDS_WAITING_MAX);
});

test('caches at most UIDS_NAMELESS_MAX uids without a name', () => {
  const { uids } = fixture();
  for (let uid = 0; uid < UIDS_NAMELESS_MAX; uid += UIDS_QUERIED_MAX) {
    for (let i = 0; i < UIDS_QUERIED_MAX; i++) uids.observe(10_000 + uid + i);
    uids.take([]);
  }
  assert.deepEqual(uids.take([10_000]), []);
  assert.deepEqual(uids.take([1]), [1]);
  // The oldest entry was removed.
  assert.deepEqual(uids.take([10_001, 10_000]), [10_000]);
});
