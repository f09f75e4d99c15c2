/** Tests which connections are closed: beyond the maximum number, idle, or stalled. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CONNECTION_IDLE_MS, CONNECTION_STALL_MS, CONNECTIONS_MAX } from '../../base/limits.ts';
import { CONNECTION_LIMITS, Connections } from './connections.ts';

const LIMITS = { count: 3, idleMs: 1000, stallMs: 300 };

test('the limits are those of limits.ts', () => {
  assert.deepEqual(CONNECTION_LIMITS, {
    count: CONNECTIONS_MAX,
    idleMs: CONNECTION_IDLE_MS,
    stallMs: CONNECTION_STALL_MS,
  });
});

describe('at the maximum, a new connection', () => {
  test('replaces the one that has been idle longest', () => {
    const connections = new Connections(LIMITS);
    for (const id of [1, 2, 3]) assert.equal(connections.opened(id, id), undefined);
    connections.moved(1, 4);
    assert.equal(connections.opened(4, 5), 2);
    connections.closed(2);
    assert.equal(connections.opened(5, 6), 3);
    connections.closed(3);
    assert.equal(connections.count, 3);
  });

  test('replaces a stalled one before any idle one', () => {
    const connections = new Connections(LIMITS);
    for (const id of [1, 2, 3]) connections.opened(id, id);
    connections.waiting(3, true, 10);
    assert.equal(connections.opened(4, 11), 3);
    connections.closed(3);
    connections.waiting(4, true, 12);
    connections.waiting(4, false, 13);
    assert.equal(connections.opened(5, 14), 1, 'a connection that is no longer stalled counts as idle');
  });

  test('replaces none after another one was closed', () => {
    const connections = new Connections(LIMITS);
    for (const id of [1, 2, 3]) connections.opened(id, 0);
    connections.closed(2);
    assert.equal(connections.opened(4, 0), undefined);
    assert.equal(connections.opened(5, 0), 1);
  });
});

describe('a connection', () => {
  test('is overdue after the idle timeout', () => {
    const connections = new Connections(LIMITS);
    connections.opened(1, 0);
    connections.opened(2, 0);
    connections.moved(1, 500);
    assert.deepEqual(connections.overdue(999), []);
    assert.deepEqual(connections.overdue(1000), [2]);
    connections.closed(2);
    assert.deepEqual(connections.overdue(1499), []);
    assert.deepEqual(connections.overdue(1500), [1]);
  });

  test('is overdue sooner while its peer does not read the answers', () => {
    const connections = new Connections(LIMITS);
    connections.opened(1, 0);
    connections.waiting(1, true, 100);
    assert.deepEqual(connections.overdue(399), []);
    assert.deepEqual(connections.overdue(400), [1]);
    connections.moved(1, 400);
    assert.deepEqual(connections.overdue(699), []);
    connections.waiting(1, false, 700);
    assert.deepEqual(connections.overdue(1699), []);
    assert.deepEqual(connections.overdue(1700), [1]);
  });

  test('stays stalled since the first report that answers wait', () => {
    const connections = new Connections(LIMITS);
    connections.opened(1, 0);
    connections.waiting(1, true, 100);
    connections.waiting(1, true, 350);
    assert.deepEqual(connections.overdue(400), [1]);
  });
});

test('a closed connection is forgotten, stalled or not', () => {
  const connections = new Connections(LIMITS);
  connections.opened(1, 0);
  connections.opened(2, 0);
  connections.waiting(2, true, 0);
  connections.closed(1);
  connections.closed(2);
  connections.closed(3);
  assert.equal(connections.count, 0);
  assert.deepEqual(connections.overdue(1_000_000), []);
});

test('exactly the connections without activity for their timeout are overdue, whatever happens', () => {
  const step = fc.tuple(
    fc.constantFrom('move', 'wait', 'drain', 'close'),
    fc.integer({ min: 1, max: 4 }),
    fc.nat(400),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const connections = new Connections({ ...LIMITS, count: 100 });
      const model = new Map<number, { since: number; waits: boolean }>();
      let now = 0;
      for (const id of [1, 2, 3, 4]) {
        connections.opened(id, now);
        model.set(id, { since: now, waits: false });
      }
      for (const [what, id, pause] of steps) {
        now += pause;
        const state = model.get(id);
        if (!state) continue;
        if (what === 'move') {
          connections.moved(id, now);
          state.since = now;
        } else if (what === 'close') {
          connections.closed(id);
          model.delete(id);
        } else {
          connections.waiting(id, what === 'wait', now);
          if (state.waits !== (what === 'wait')) model.set(id, { since: now, waits: what === 'wait' });
        }
        const due = [...model].filter(
          ([, { since, waits }]) => now - since >= (waits ? LIMITS.stallMs : LIMITS.idleMs),
        );
        assert.deepEqual(connections.overdue(now).sort(), due.map(([key]) => key).sort());
        assert.equal(connections.count, model.size);
      }
    }),
    { numRuns: 200 },
  );
});
