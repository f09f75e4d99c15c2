/** Tests that of a flood of changes the first of each second are reported, and the others are counted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS_PER_SECOND_MAX } from '../../base/limits.ts';
import { type EventCounts, EventGate, type EventKind, type PortmapEvent } from './events.ts';

function gate() {
  const reported: EventKind[] = [];
  const counts: EventCounts[] = [];
  const events = new EventGate({
    onEvent: ({ what }) => reported.push(what),
    onSuppressed: (more) => counts.push(more),
    onFault: assert.fail,
  });
  const happen = (what: EventKind, times: number): void => {
    for (let i = 0; i < times; i++) if (events.admits(what)) events.report(event(what));
  };
  return { events, reported, counts, happen };
}

function event(what: EventKind): PortmapEvent {
  const place = { program: 1, version: 1, netid: 'udp', address: '0.0.0.0.8.1' };
  return { ...place, what, reason: '', uid: 0, from: 'local' };
}

test('up to the limit of a second, events of a kind are reported; the others are counted', () => {
  const { events, reported, counts, happen } = gate();
  events.tick(0);
  happen('set', EVENTS_PER_SECOND_MAX + 7);
  assert.equal(reported.length, EVENTS_PER_SECOND_MAX);
  events.tick(999);
  assert.deepEqual(counts, []);
  events.tick(1000);
  assert.deepEqual(counts, [{ set: 7, unset: 0, refused: 0, dropped: 0 }]);
});

test('a flood of one kind suppresses no other kind', () => {
  const { reported, happen } = gate();
  happen('refused', 10_000);
  happen('set', 1);
  happen('unset', 1);
  happen('dropped', 1);
  assert.deepEqual(reported.slice(EVENTS_PER_SECOND_MAX), ['set', 'unset', 'dropped']);
});

test('each second starts again, and a quiet one reports nothing', () => {
  const { events, reported, counts, happen } = gate();
  events.tick(0);
  happen('set', EVENTS_PER_SECOND_MAX + 1);
  events.tick(1000);
  happen('set', EVENTS_PER_SECOND_MAX);
  events.tick(2000);
  events.tick(3000);
  assert.equal(reported.length, 2 * EVENTS_PER_SECOND_MAX);
  assert.equal(counts.length, 1);
});

test('a bug of portreeve is reported with its stack, at most one per second', () => {
  const stacks: string[] = [];
  const events = new EventGate({
    onEvent: () => assert.fail(),
    onSuppressed: () => assert.fail(),
    onFault: (stack) => stacks.push(stack),
  });
  events.tick(0);
  const fault = new TypeError('x is undefined');
  for (let i = 0; i < 10; i++) events.fault(fault);
  assert.deepEqual(stacks, [fault.stack]);
  events.tick(1000);
  events.fault('not even an error');
  assert.deepEqual(stacks, [fault.stack, 'not even an error']);
});
