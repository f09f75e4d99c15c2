/** Whether a registration's service is still there: what each look says, and when. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place } from '../../../test/support/service.ts';
import { NEVER_SEEN_MS, OBSERVATIONS_APART_MS } from '../../base/limits.ts';
import { firstSocket, Liveness, type SeenSocket } from './liveness.ts';
import type { Registration } from './registrations.ts';

const REGISTRATION: Registration = {
  program: 100005,
  version: 1,
  netid: 'udp',
  ...place('udp', '0.0.0.0.8.1'),
  owner: 1000,
  builtIn: false,
};
const OURS = { uid: 1000, inode: 1 };
const RESTARTED = { uid: 1000, inode: 2 };
const OTHERS = { uid: 1001, inode: 3 };
const GONE = { goneBecause: 'its socket is gone' };
const TAKEN = { goneBecause: 'its socket is gone, and uid 1001 has the port now' };
const NEVER = { goneBecause: 'it never had a socket' };

/** A registration made at 0, with a socket or none. */
function registered(socket?: SeenSocket): {
  liveness: Liveness;
  look: (now: number, ...sockets: SeenSocket[]) => ReturnType<Liveness['look']>;
} {
  const liveness = new Liveness();
  liveness.registered(REGISTRATION, socket, 0);
  return { liveness, look: (now, ...sockets) => liveness.look(REGISTRATION, sockets, now) };
}

test('the times are those of limits.ts', () => {
  assert.deepEqual([OBSERVATIONS_APART_MS, NEVER_SEEN_MS], [2000, 30_000]);
});

describe('a registration whose socket was seen', () => {
  test('is alive while that is there', () => {
    const { look } = registered(OURS);
    for (const now of [0, 1, 5000, 1_000_000]) assert.equal(look(now, OTHERS, OURS), 'alive');
  });

  test('is gone when it was missed twice, two seconds apart, and not before', () => {
    const { look } = registered(OURS);
    assert.deepEqual([look(5000), look(5001), look(6999), look(7000)], ['missed', 'missed', 'missed', GONE]);
  });

  test('is missed for the first time again after it was seen between', () => {
    const { look } = registered(OURS);
    assert.deepEqual([look(1000), look(2999, OURS)], ['missed', 'alive']);
    assert.deepEqual([look(3000), look(4999), look(5000)], ['missed', 'missed', GONE]);
  });

  test('is not alive by a socket of another user', () => {
    const { look } = registered(OURS);
    assert.deepEqual([look(0, OTHERS), look(1999, OTHERS), look(2000, OTHERS)], ['missed', 'missed', TAKEN]);
  });

  test('is alive by another socket of the same user, and from then on by that one', () => {
    const { look, liveness } = registered(OURS);
    assert.equal(look(1000), 'missed');
    assert.equal(look(5000, OTHERS, RESTARTED), 'alive');
    assert.deepEqual(liveness.socketOf(REGISTRATION), RESTARTED);
    assert.deepEqual([look(6000, OTHERS), look(8000, OTHERS)], ['missed', TAKEN]);
  });

  test('is alive by the same socket, whoever has it now', () => {
    const { look } = registered(OURS);
    assert.equal(look(1000, { uid: 0, inode: OURS.inode }), 'alive');
    assert.equal(look(5000, { uid: 0, inode: 9 }), 'alive');
  });
});

describe('a registration that never had a socket', () => {
  test('is gone thirty seconds after it was made, and not before', () => {
    const { look } = registered();
    assert.deepEqual([look(0), look(29_999), look(30_000)], ['missed', 'missed', NEVER]);
  });

  test('is alive from its first socket on, and is then missed as every other', () => {
    const { look, liveness } = registered();
    assert.deepEqual([look(1000), look(29_000, OURS)], ['missed', 'found']);
    assert.deepEqual(liveness.socketOf(REGISTRATION), OURS);
    assert.deepEqual([look(31_000), look(33_000)], ['missed', GONE]);
  });

  test('has of several sockets the one of its owner', () => {
    const { look, liveness } = registered();
    assert.deepEqual([look(0, OTHERS, OURS), look(1, OTHERS, OURS)], ['found', 'alive']);
    assert.deepEqual(liveness.socketOf(REGISTRATION), OURS);
  });
});

describe('what was registered without a known socket', () => {
  const entry = (program: number): Registration => ({ ...REGISTRATION, program });
  const entries = [1, 2, 3, 4].map(entry);

  test('is given once, so many at a time, in its order, and not where it went meanwhile', () => {
    const liveness = new Liveness();
    assert.equal(liveness.hasUnseen, false);
    for (const each of entries) liveness.registered(each, undefined, 0);
    liveness.registered(entry(5), OURS, 0);
    const [, second] = entries;
    liveness.removed(second ?? assert.fail());
    assert.equal(liveness.hasUnseen, true);
    const programs = (count: number) => liveness.takeUnseen(count).map(({ program }) => program);
    assert.deepEqual([programs(2), programs(2), programs(2)], [[1, 3], [4], []]);
    assert.equal(liveness.hasUnseen, false);
  });
});

test('of several sockets the first is that of the owner, else the first', () => {
  assert.equal(firstSocket([], REGISTRATION), undefined);
  assert.equal(firstSocket([OTHERS, OURS], REGISTRATION), OURS);
  assert.equal(firstSocket([OTHERS, { uid: 0, inode: 4 }], REGISTRATION), OTHERS);
});

describe('a place that is wanted', () => {
  test('is free at once when its socket was seen and is not there', () => {
    const { liveness } = registered(OURS);
    assert.equal(liveness.isGone(REGISTRATION, []), true);
    assert.equal(liveness.isGone(REGISTRATION, [OTHERS]), true);
  });

  test('is not free while its socket, or another of its user, is there', () => {
    const { liveness } = registered(OURS);
    assert.equal(liveness.isGone(REGISTRATION, [OTHERS, OURS]), false);
    assert.equal(liveness.isGone(REGISTRATION, [RESTARTED]), false);
  });

  test('is not free when it never had a socket: it may get one yet', () => {
    assert.equal(registered().liveness.isGone(REGISTRATION, [OTHERS]), false);
  });
});

test('a registration that was removed is forgotten, and is never gone', () => {
  const { liveness, look } = registered(OURS);
  liveness.removed(REGISTRATION);
  assert.equal(liveness.socketOf(REGISTRATION), undefined);
  assert.deepEqual([look(0), look(1_000_000)], ['alive', 'alive']);
  assert.equal(liveness.isGone(REGISTRATION, []), false);
});
