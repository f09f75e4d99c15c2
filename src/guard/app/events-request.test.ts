// Requests for events as a path, and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { guardEvent, LOST } from '../../../test/support/event-archive-cases.ts';
import { PORTS_REQUESTED_MAX } from '../../base/limits.ts';
import type { Protocol } from '../../base/port.ts';
import { EVENTS_PATH, type EventsRequest, eventLine, eventsPath, parseEventsPath } from './events-request.ts';

const portRange = fc
  .tuple(fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 0, max: 65535 }))
  .chain(([one, other]) =>
    fc
      .constantFrom<Protocol | undefined>('tcp', 'udp', undefined)
      .map((protocol) => ({ first: Math.min(one, other), last: Math.max(one, other), protocol })),
  );

test('a request survives conversion to a path and back', () => {
  const request: fc.Arbitrary<EventsRequest> = fc.record(
    {
      isFollowing: fc.boolean(),
      sinceMs: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
      job: fc.stringMatching(/^[A-Z0-9@#$_.-]{1,64}$/),
      protocol: fc.constantFrom('tcp', 'udp'),
      ports: fc.array(portRange, { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: ['isFollowing'] },
  );
  fc.assert(fc.property(request, (one) => assert.deepEqual(parseEventsPath(eventsPath(one)), { ...one })));
});

test('a request without conditions is the path alone', () => {
  assert.equal(eventsPath({ isFollowing: false }), EVENTS_PATH);
  assert.deepEqual(parseEventsPath(EVENTS_PATH), { isFollowing: false });
});

test('an invalid request is reported, not thrown', () => {
  assert.equal(parseEventsPath(`${EVENTS_PATH}?port=0x50`), '"0x50" is not a value of port');
  assert.match(
    `${parseEventsPath(`${EVENTS_PATH}?port=${'80,'.repeat(PORTS_REQUESTED_MAX)}80`)}`,
    / is not a value of port$/,
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.ok(['string', 'object'].includes(typeof parseEventsPath(`${EVENTS_PATH}?${text}`)));
    }),
  );
});

test('a line of JSON has all fields in a fixed order, and null for what is unknown', () => {
  assert.equal(
    JSON.stringify(eventLine({ number: 7, ...guardEvent({ command: 'python3' }) })),
    '{"number":7,"time":"2026-01-01T00:00:00.123Z","kind":"bind","count":1,"verdict":"refused",' +
      '"reason":"RESERVED_FOR_OTHERS","job":"ALICE","uid":1000,"user":"alice","pid":4711,"command":"python3",' +
      '"protocol":"tcp","address":"2001:db8::7","port":80,"errno":"EACCES",' +
      '"rule":{"file":"/etc/portreeve/profile.tcpip","line":12,"text":"80 TCP WEB"},"revision":3}',
  );
  assert.equal(
    JSON.stringify(eventLine({ number: 8, ...LOST })),
    '{"number":8,"time":"2026-01-01T00:00:00.123Z","kind":"lost","count":4711,"verdict":null,"reason":null,' +
      '"job":null,"uid":null,"user":null,"pid":null,"command":null,"protocol":null,"address":null,"port":null,' +
      '"errno":null,"rule":null,"revision":null}',
  );
});
