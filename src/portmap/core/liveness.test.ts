/** Tests when a registration counts as gone. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serviceAt } from '../../../test/support/service.ts';
import { NEVER_SEEN_MS, OBSERVATIONS_APART_MS } from '../../base/limits.ts';
import { firstSocket, Liveness, type ObservedSocket } from './liveness.ts';
import type { Registration } from './registrations.ts';

const REGISTRATION: Registration = {
  program: 100005,
  version: 1,
  netid: 'udp',
  ...serviceAt('udp', '0.0.0.0.8.1'),
  owner: 1000,
  builtIn: false,
};
const OWN = { uid: 1000, inode: 1 };
const RESTARTED = { uid: 1000, inode: 2 };
const FOREIGN = { uid: 1001, inode: 3 };
const GONE = { goneBecause: 'its socket is gone' };
const TAKEN = { goneBecause: 'its socket is gone, and uid 1001 now holds the port' };
const NEVER = { goneBecause: 'it never had a socket' };

/** A registration at time 0, with or without a socket. */
function registered(socket?: ObservedSocket): {
  liveness: Liveness;
  check: (now: number, ...sockets: ObservedSocket[]) => ReturnType<Liveness['check']>;
} {
  const liveness = new Liveness();
  liveness.registered(REGISTRATION, socket, 0);
  return { liveness, check: (now, ...sockets) => liveness.check(REGISTRATION, sockets, now) };
}

test('the intervals are those of limits.ts', () => {
  assert.deepEqual([OBSERVATIONS_APART_MS, NEVER_SEEN_MS], [2000, 30_000]);
});

describe('a registration whose socket was seen', () => {
  test('is alive while the socket exists', () => {
    const { check } = registered(OWN);
    for (const now of [0, 1, 5000, 1_000_000]) assert.equal(check(now, FOREIGN, OWN), 'alive');
  });

  test('is gone when the socket was missed twice, two seconds apart, and not before', () => {
    const { check } = registered(OWN);
    assert.deepEqual(
      [check(5000), check(5001), check(6999), check(7000)],
      ['missed', 'missed', 'missed', GONE],
    );
  });

  test('starts again when the socket was seen in between', () => {
    const { check } = registered(OWN);
    assert.deepEqual([check(1000), check(2999, OWN)], ['missed', 'alive']);
    assert.deepEqual([check(3000), check(4999), check(5000)], ['missed', 'missed', GONE]);
  });

  test('is not kept by a socket of another user', () => {
    const { check } = registered(OWN);
    assert.deepEqual(
      [check(0, FOREIGN), check(1999, FOREIGN), check(2000, FOREIGN)],
      ['missed', 'missed', TAKEN],
    );
  });

  test('is kept by another socket of the same user, which counts from then on', () => {
    const { check, liveness } = registered(OWN);
    assert.equal(check(1000), 'missed');
    assert.equal(check(5000, FOREIGN, RESTARTED), 'alive');
    assert.deepEqual(liveness.socketOf(REGISTRATION), RESTARTED);
    assert.deepEqual([check(6000, FOREIGN), check(8000, FOREIGN)], ['missed', TAKEN]);
  });

  test('is kept by the same socket, even under another uid', () => {
    const { check } = registered(OWN);
    assert.equal(check(1000, { uid: 0, inode: OWN.inode }), 'alive');
    assert.equal(check(5000, { uid: 0, inode: 9 }), 'alive');
  });
});

describe('a registration that never had a socket', () => {
  test('is gone 30 seconds after it was made, and not before', () => {
    const { check } = registered();
    assert.deepEqual([check(0), check(29_999), check(30_000)], ['missed', 'missed', NEVER]);
  });

  test('is alive from its first socket on, and is then checked like any other', () => {
    const { check, liveness } = registered();
    assert.deepEqual([check(1000), check(29_000, OWN)], ['missed', 'found']);
    assert.deepEqual(liveness.socketOf(REGISTRATION), OWN);
    assert.deepEqual([check(31_000), check(33_000)], ['missed', GONE]);
  });

  test('takes the socket of its owner out of several', () => {
    const { check, liveness } = registered();
    assert.deepEqual([check(0, FOREIGN, OWN), check(1, FOREIGN, OWN)], ['found', 'alive']);
    assert.deepEqual(liveness.socketOf(REGISTRATION), OWN);
  });
});

describe('registrations without a known socket', () => {
  const entry = (program: number): Registration => ({ ...REGISTRATION, program });
  const entries = [1, 2, 3, 4].map(entry);

  test('are each returned once, in slices and in order, unless they were removed', () => {
    const liveness = new Liveness();
    assert.equal(liveness.hasUnobserved, false);
    for (const each of entries) liveness.registered(each, undefined, 0);
    liveness.registered(entry(5), OWN, 0);
    const [, second] = entries;
    liveness.removed(second ?? assert.fail());
    assert.equal(liveness.hasUnobserved, true);
    const programs = (count: number) => liveness.takeUnobserved(count).map(({ program }) => program);
    assert.deepEqual([programs(2), programs(2), programs(2)], [[1, 3], [4], []]);
    assert.equal(liveness.hasUnobserved, false);
  });
});

test("of several sockets the owner's is used, else the first one", () => {
  assert.equal(firstSocket([], REGISTRATION), undefined);
  assert.equal(firstSocket([FOREIGN, OWN], REGISTRATION), OWN);
  assert.equal(firstSocket([FOREIGN, { uid: 0, inode: 4 }], REGISTRATION), FOREIGN);
});

describe('isGone()', () => {
  test('is true at once when a socket was seen and no longer exists', () => {
    const { liveness } = registered(OWN);
    assert.equal(liveness.isGone(REGISTRATION, []), true);
    assert.equal(liveness.isGone(REGISTRATION, [FOREIGN]), true);
  });

  test('is false while its socket, or another of the same user, exists', () => {
    const { liveness } = registered(OWN);
    assert.equal(liveness.isGone(REGISTRATION, [FOREIGN, OWN]), false);
    assert.equal(liveness.isGone(REGISTRATION, [RESTARTED]), false);
  });

  test('is false when a socket was never seen: it may still be opened', () => {
    assert.equal(registered().liveness.isGone(REGISTRATION, [FOREIGN]), false);
  });
});

test('a removed registration is forgotten and never gone', () => {
  const { liveness, check } = registered(OWN);
  liveness.removed(REGISTRATION);
  assert.equal(liveness.socketOf(REGISTRATION), undefined);
  assert.deepEqual([check(0), check(1_000_000)], ['alive', 'alive']);
  assert.equal(liveness.isGone(REGISTRATION, []), false);
});
