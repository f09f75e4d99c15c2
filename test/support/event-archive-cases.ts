/** The common behavior of all archives of events: the real and the simulated one run the same cases. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventWith, type NewGuardEvent } from '../../src/base/guard-event.ts';
import { GUARD_EVENT_AGE_MAX_MS } from '../../src/base/limits.ts';
import type { Protocol } from '../../src/base/port.ts';
import type { EventArchive, EventQuery } from '../../src/guard/core/event-archive.ts';

/** The default time of the events. */
export const EVENT_TIME = 1_767_225_600_123;

/** An event with a value in every field. */
export function guardEvent(changes: Partial<NewGuardEvent> = {}): NewGuardEvent {
  return {
    kind: 'bind',
    count: 1,
    timeMs: EVENT_TIME,
    verdict: 'refused',
    reason: 'RESERVED_FOR_OTHERS',
    job: 'ALICE',
    uid: 1000,
    user: 'alice',
    pid: 4711,
    command: 'python3 é\x1b',
    protocol: 'tcp',
    address: '2001:db8::7',
    port: 80,
    errno: 'EACCES',
    revision: 3,
    rule: { file: '/etc/portreeve/profile.tcpip', line: 12, text: '80 TCP WEB' },
    ...changes,
  };
}

/** An event of which only the number is known. */
export const LOST: NewGuardEvent = eventWith({ kind: 'lost', count: 4711, timeMs: EVENT_TIME });

/** All events, in one page. */
function all(archive: EventArchive, query: Partial<EventQuery> = {}) {
  return archive.read({ after: 0, limit: 100_000, ...query });
}

/** The cases, each with a new, empty archive that keeps at most `max` events. */
export function eventArchiveCases(make: (t: TestContext, max: number) => EventArchive): void {
  test('an empty archive', (t) => {
    const archive = make(t, 100);
    assert.deepEqual(all(archive), []);
    assert.equal(archive.latest(), 0);
    assert.equal(archive.lost('guard'), 0);
  });

  test('an event is read as it was recorded, and so is one with few fields', (t) => {
    const archive = make(t, 100);
    archive.append([guardEvent(), LOST], EVENT_TIME);
    archive.append([guardEvent({ kind: 'more', pid: undefined, verdict: 'observed' })], EVENT_TIME);
    assert.deepEqual(all(archive), [
      { number: 1, ...guardEvent() },
      { number: 2, ...LOST },
      { number: 3, ...guardEvent({ kind: 'more', pid: undefined, verdict: 'observed' }) },
    ]);
    assert.equal(archive.latest(), 3);
  });

  test('events are read page by page', (t) => {
    const archive = make(t, 100);
    archive.append(
      [1, 2, 3, 4, 5].map((port) => guardEvent({ port })),
      EVENT_TIME,
    );
    const ports = (query: Partial<EventQuery>) => all(archive, query).map(({ port }) => port);
    assert.deepEqual(ports({ limit: 2 }), [1, 2]);
    assert.deepEqual(ports({ after: 2, limit: 2 }), [3, 4]);
    assert.deepEqual(ports({ after: 4, limit: 2 }), [5]);
    assert.deepEqual(ports({ after: 5 }), []);
  });

  test('queries select events', (t) => {
    const archive = make(t, 100);
    const other = { uid: 0, job: 'WEB', protocol: 'udp', port: 53, timeMs: EVENT_TIME + 1 } as const;
    archive.append([guardEvent(), guardEvent(other), LOST], EVENT_TIME);
    const numbers = (query: Partial<EventQuery>) => all(archive, query).map(({ number }) => number);
    assert.deepEqual(numbers({ uid: 1000 }), [1]);
    assert.deepEqual(numbers({ uid: 0 }), [2]);
    assert.deepEqual(numbers({ job: 'WEB' }), [2]);
    assert.deepEqual(numbers({ protocol: 'tcp' }), [1]);
    const ports = (first: number, last = first, protocol?: Protocol) => [{ first, last, protocol }];
    assert.deepEqual(numbers({ ports: ports(53) }), [2]);
    assert.deepEqual(numbers({ ports: ports(53), uid: 1000 }), []);
    assert.deepEqual(numbers({ ports: ports(53, 53, 'tcp') }), []);
    assert.deepEqual(numbers({ ports: ports(53, 80) }), [1, 2]);
    assert.deepEqual(numbers({ ports: [...ports(80, 80, 'tcp'), ...ports(54, 79)] }), [1]);
    assert.deepEqual(numbers({ sinceMs: EVENT_TIME + 1 }), [2]);
    assert.deepEqual(numbers({ sinceMs: EVENT_TIME }), [1, 2, 3]);
  });
  boundCases(make);
}

/** Lost events, and the deletion of events. */
function boundCases(make: (t: TestContext, max: number) => EventArchive): void {
  test('the number of lost events is stored with added events, for one guard', (t) => {
    const archive = make(t, 100);
    archive.append([LOST], EVENT_TIME, { guard: 'one', count: 4711 });
    assert.deepEqual([archive.lost('one'), archive.lost('two')], [4711, 0]);
    archive.append([], EVENT_TIME, { guard: 'two', count: 5 });
    assert.deepEqual([archive.lost('one'), archive.lost('two')], [0, 5]);
    archive.append([guardEvent()], EVENT_TIME);
    assert.equal(archive.lost('two'), 5);
  });

  test('old events are deleted, and no number is reused', (t) => {
    const archive = make(t, 3);
    archive.append([guardEvent(), guardEvent({ timeMs: EVENT_TIME + 1 })], EVENT_TIME);
    const later = EVENT_TIME + GUARD_EVENT_AGE_MAX_MS + 1;
    archive.append([guardEvent({ timeMs: later })], later);
    assert.deepEqual(
      all(archive).map(({ number }) => number),
      [2, 3],
    );
    archive.append([], later + GUARD_EVENT_AGE_MAX_MS + 1);
    const much = later + GUARD_EVENT_AGE_MAX_MS + 1;
    archive.append(
      [guardEvent({ timeMs: much }), guardEvent({ timeMs: much }), guardEvent({ timeMs: much })],
      much,
    );
    assert.deepEqual(
      all(archive).map(({ number }) => number),
      [4, 5, 6],
    );
  });

  test('if there are too many, the oldest of the user who has most are deleted', (t) => {
    const archive = make(t, 20);
    archive.append([guardEvent({ uid: 1 }), guardEvent({ uid: 2 }), LOST], EVENT_TIME);
    for (let i = 0; i < 100; i++) archive.append([guardEvent({ uid: 3 })], EVENT_TIME);
    const events = all(archive);
    assert.ok(events.length >= 15 && events.length <= 20, `${events.length}`);
    assert.deepEqual(
      events.slice(0, 3).map(({ number }) => number),
      [1, 2, 3],
    );
    assert.deepEqual(events.at(-1)?.number, 103);
    const numbers = events.slice(3).map(({ number }) => number);
    assert.equal(
      (numbers.at(-1) ?? 0) - (numbers[0] ?? 0),
      numbers.length - 1,
      'the newest of the user are kept',
    );
  });

  test('also if too many are added at once', (t) => {
    const archive = make(t, 10);
    const events = Array.from({ length: 35 }, (_, i) => guardEvent({ uid: i % 2, port: i + 1 }));
    archive.append(events, EVENT_TIME);
    const kept = all(archive);
    assert.ok(kept.length <= 10 && kept.length >= 8, `${kept.length}`);
    for (const uid of [0, 1]) {
      const portsOf = (some: readonly NewGuardEvent[]) =>
        some.filter((each) => each.uid === uid).map(({ port }) => port);
      assert.ok(portsOf(kept).length >= 4);
      assert.deepEqual(portsOf(kept), portsOf(events).slice(-portsOf(kept).length));
    }
  });
}
