// The division of places among users: who gets one, and who loses one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Share, Shares } from './shares.ts';

const LIMITS = { places: 6, perUser: 4 };
const user = (name: string): Share => ({ party: 'users', user: name });
const ROOT: Share = { party: 'root', user: '0' };

/** Shares in which each listed user has taken a place, once for each time listed. */
function taken(...users: readonly string[]): Shares<string> {
  const shares = new Shares<string>(LIMITS);
  for (const [at, name] of users.entries()) {
    assert.deepEqual(shares.admit(user(name), `${name}${at}`), { victim: undefined });
  }
  return shares;
}

test('limits the places of one user, and still admits another user', () => {
  const shares = taken('a', 'a', 'a', 'a');
  assert.deepEqual(shares.admit(user('a'), 'more'), { refused: 'user' });
  assert.deepEqual(shares.admit(user('b'), 'b'), { victim: undefined });
  assert.deepEqual(shares.of(user('a')), ['a0', 'a1', 'a2', 'a3']);
});

test('a place that is given back can be taken again', () => {
  const shares = taken('a', 'a', 'a', 'a');
  shares.leave('a1');
  shares.leave('a1');
  assert.deepEqual(shares.admit(user('a'), 'again'), { victim: undefined });
  assert.equal(shares.of(user('a')).length, 4);
});

describe('when all places are taken', () => {
  test('the user with the most places loses the oldest one', () => {
    const shares = taken('b', 'a', 'a', 'a', 'a', 'b');
    assert.deepEqual(shares.admit(user('c'), 'c'), { victim: 'a1' });
    assert.deepEqual(shares.admit(user('c'), 'd'), { victim: 'a2' });
    assert.deepEqual(shares.of(user('a')), ['a3', 'a4']);
    assert.deepEqual(shares.of(user('c')), ['c', 'd']);
  });

  test('refuses a user who already has as many as the others', () => {
    const shares = taken('a', 'b', 'a', 'b', 'c', 'c');
    assert.deepEqual(shares.admit(user('a'), 'more'), { refused: 'party' });
    assert.deepEqual(shares.of(user('a')), ['a0', 'a2']);
  });

  test('admits a user without a place even if every other user has only one', () => {
    const shares = taken('a', 'b', 'c', 'd', 'e', 'f');
    assert.deepEqual(shares.admit(user('g'), 'g'), { victim: 'a0' });
    assert.deepEqual(shares.admit(user('g'), 'h'), { refused: 'party' });
  });
});

test('each party has its own places', () => {
  const shares = taken('a', 'a', 'a', 'b', 'b', 'b');
  for (let i = 0; i < LIMITS.places; i++) {
    assert.deepEqual(shares.admit(ROOT, `root${i}`), { victim: undefined });
  }
  assert.deepEqual(shares.admit(ROOT, 'more'), { refused: 'party' });
  const member: Share = { party: 'group', user: 'a' };
  for (let i = 0; i < LIMITS.perUser; i++) {
    assert.deepEqual(shares.admit(member, `member${i}`), { victim: undefined });
  }
  assert.deepEqual(shares.admit(member, 'more'), { refused: 'user' });
});
