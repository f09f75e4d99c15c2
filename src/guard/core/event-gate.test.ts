// The gate admits the first few refusals of a second, and counts the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NewGuardEvent } from '../../base/guard-event.ts';
import {
  GUARD_EVENT_USERS_PER_SECOND_MAX,
  GUARD_EVENTS_PER_SECOND_MAX,
  GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
} from '../../base/limits.ts';
import { EventGate, lostEvent } from './event-gate.ts';

const TIME = 1_767_225_600_000;
const nameOf = (uid: number): string | undefined => (uid === 1000 ? 'alice' : undefined);
const CONTEXT = { bootOffsetMs: TIME, userOf: nameOf };

function bindEvent(port: number, uid = 1000): NewGuardEvent {
  return {
    kind: 'bind',
    count: 1,
    timeMs: TIME,
    verdict: 'refused',
    reason: 'RESERVED_FOR_OTHERS',
    job: 'ALICE',
    uid,
    user: nameOf(uid),
    pid: 4711,
    command: 'python3',
    protocol: 'tcp',
    address: '127.0.0.1',
    port,
    errno: 'EACCES',
    revision: 1,
    rule: { file: 'p', line: 1, text: '80 TCP WEB' },
  };
}

/** Offers this many refusals of a port, and returns how many were admitted. */
function offer(gate: EventGate, count: number, port: number, now: number, uid = 1000): number {
  const group = `${port} ${uid}`;
  let admitted = 0;
  for (let i = 0; i < count; i++) {
    if (!gate.admits(group, uid, now)) continue;
    admitted++;
    gate.recorded(group, now, bindEvent(port, uid));
  }
  return admitted;
}

test('a few are all recorded, without a count of more', () => {
  const gate = new EventGate();
  assert.equal(
    offer(gate, GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX, 80, 0),
    GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
  );
  assert.deepEqual(gate.more(1000, CONTEXT), []);
});

test('of many similar ones, the first are recorded, and one event counts the others', () => {
  const gate = new EventGate();
  assert.equal(
    offer(gate, 4711 + GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX, 80, 0),
    GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
  );
  assert.equal(offer(gate, 3, 81, 500), 3);
  assert.deepEqual(gate.more(999, CONTEXT), []);
  const common = { ...bindEvent(80), pid: undefined, command: undefined, address: undefined };
  assert.deepEqual(gate.more(1000, CONTEXT), [{ ...common, kind: 'more', count: 4711, timeMs: TIME + 1000 }]);
});

test('each second starts again, even for records that are read late and out of order', () => {
  const gate = new EventGate();
  assert.equal(offer(gate, 100, 80, 7000), GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX);
  assert.equal(offer(gate, 100, 80, 999), GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX);
  assert.equal(offer(gate, 100, 80, 7999), 0);
  const reported = gate.more(7999, CONTEXT).map(({ count, timeMs }) => [count, timeMs - TIME]);
  assert.deepEqual(reported, [[90, 1000]]);
  assert.deepEqual(
    gate.more(8000, CONTEXT).map(({ count, timeMs }) => [count, timeMs - TIME]),
    [[190, 8000]],
  );
  assert.deepEqual(gate.more(9000, CONTEXT), []);
});

test('of very many ports, further ones are counted by user', () => {
  const gate = new EventGate();
  for (let port = 1; port <= GUARD_EVENTS_PER_SECOND_MAX; port++) assert.equal(offer(gate, 1, port, 0), 1);
  assert.equal(offer(gate, 5, 60_000, 0), 0);
  assert.equal(offer(gate, 7, 60_001, 0), 0);
  assert.equal(offer(gate, 2, 60_001, 0, 2000), 0);
  assert.equal(offer(gate, 4, 1, 0), 0);
  const reported = gate.more(1000, CONTEXT).map(({ count, uid, user, port }) => [count, uid, user, port]);
  assert.deepEqual(reported, [
    [4, 1000, 'alice', 1],
    [12, 1000, 'alice', undefined],
    [2, 2000, undefined, undefined],
  ]);
});

test('of very many users, the last are counted without a user', () => {
  const gate = new EventGate();
  for (let port = 1; port <= GUARD_EVENTS_PER_SECOND_MAX; port++) offer(gate, 1, port, 0);
  const users = GUARD_EVENT_USERS_PER_SECOND_MAX + 3;
  for (let uid = 1; uid <= users; uid++) offer(gate, 2, 60_000, 0, uid);
  const reported = gate.more(1000, CONTEXT);
  assert.equal(reported.length, GUARD_EVENT_USERS_PER_SECOND_MAX + 1);
  assert.deepEqual([reported.at(-1)?.uid, reported.at(-1)?.count], [undefined, 6]);
});

test('an admitted refusal without an event is counted', () => {
  const gate = new EventGate();
  for (let i = 0; i < 15; i++) gate.admits('80', 1000, 0);
  assert.deepEqual(gate.more(1000, CONTEXT), [
    lostEvent(15 - GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX, TIME + 1000),
  ]);
});

test('forget() returns the number', () => {
  const gate = new EventGate();
  for (let port = 1; port <= GUARD_EVENTS_PER_SECOND_MAX; port++) offer(gate, 1, port, 0);
  offer(gate, 5, 1, 0);
  offer(gate, 7, 60_000, 0);
  offer(gate, 100, 80, 1000);
  assert.equal(gate.forget(), 5 + 7 + 100 - GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX);
  assert.deepEqual(gate.more(Number.POSITIVE_INFINITY, CONTEXT), []);
  assert.equal(gate.forget(), 0);
});

test('those admitted and those counted are all that came', () => {
  const offers = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(200), fc.nat(60)), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(offers, (list) => {
      const gate = new EventGate();
      let [came, reported] = [0, 0];
      for (const [count, port, uid] of list) {
        came += count;
        reported += offer(gate, count, port, 0, uid);
      }
      const more = gate.more(Number.POSITIVE_INFINITY, CONTEXT);
      assert.ok(reported <= GUARD_EVENTS_PER_SECOND_MAX);
      assert.equal(reported + more.reduce((sum, { count }) => sum + count, 0), came);
    }),
    { numRuns: 50 },
  );
});
