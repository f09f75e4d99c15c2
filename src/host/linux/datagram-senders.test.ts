// Tests of identifying the sender of a datagram by its age and the owner of its port.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip } from '../../../test/support/service.ts';
import { LATE_CHECKS_PER_BATCH_MAX, SENDER_AGE_MAX_MS } from '../../base/limits.ts';
import type { SenderRefusal } from '../../base/peer.ts';
import { DatagramSenders, microseconds } from './datagram-senders.ts';
import type { DatagramOwner } from './socket-table.ts';

const ALICE = 1000;
const PORT = 40_000;
const LOOPBACK = ip('127.0.0.1');
const MAX_US = SENDER_AGE_MAX_MS * 1000;
const LATE = { refused: 'LATE' };

/** A host with a given socket owner, time, and reason to refuse root. */
class Fixture {
  owner: DatagramOwner | undefined;
  lookups = 0;
  nowUs = 1_000_000;
  rootRefusal: SenderRefusal | undefined;
  readonly senders = new DatagramSenders({
    table: {
      datagramSender: () => {
        this.lookups++;
        return this.owner;
      },
    },
    rootPorts: { refusal: () => this.rootRefusal },
    nowUs: () => this.nowUs,
  });

  /** The sender of a datagram that waited `waitedUs`. */
  after(waitedUs: number | undefined, address = LOOPBACK, port = PORT) {
    this.senders.begin();
    return this.inBatch(waitedUs, address, port);
  }

  /** The next datagram of the same batch. */
  inBatch(waitedUs: number | undefined, address = LOOPBACK, port = PORT) {
    const sentUs = waitedUs === undefined ? undefined : this.nowUs - waitedUs;
    return this.senders.senderOf(address, port, sentUs);
  }
}

function fixtureWith(uid: number, cookie = 7, isExclusive = true): Fixture {
  const fixture = new Fixture();
  fixture.owner = { uid, cookie, isExclusive };
  return fixture;
}

describe('the sender of a datagram', () => {
  const cases: Record<string, [waitedUs: number | undefined, expected: object]> = {
    'of a new datagram is the owner of the port': [0, { uid: ALICE }],
    'of a datagram of maximum age is the owner of the port': [MAX_US, { uid: ALICE }],
    'of an older datagram is not identified': [MAX_US + 1, LATE],
    'of a datagram from the future is not identified': [-1, LATE],
    'of a datagram without a receive time is not identified': [undefined, LATE],
  };
  for (const [name, [waitedUs, expected]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(fixtureWith(ALICE).after(waitedUs), expected));
  }

  test('from an unused port, or from another host, is unknown', () => {
    assert.deepEqual(new Fixture().after(0), { refused: 'UNKNOWN' });
    assert.deepEqual(fixtureWith(ALICE).after(0, ip('192.0.2.1')), { refused: 'UNKNOWN' });
  });
});

describe('the sender of a late datagram', () => {
  test('is identified on a retransmission if its socket had been observed before', () => {
    const fixture = fixtureWith(ALICE);
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    fixture.nowUs += 200 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US), { uid: ALICE });
    assert.equal(fixture.senders.late, 1);
  });

  test('is not identified if it was sent before the first observation of the socket', () => {
    const fixture = fixtureWith(ALICE);
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    fixture.nowUs += 50 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    assert.deepEqual(fixture.after(undefined), LATE);
  });

  for (const [name, change] of Object.entries({
    'another socket has the port now': { cookie: 8 },
    'a socket of another user has the port now': { uid: 1001, cookie: 8 },
    'another socket could share the port': { isExclusive: false },
  })) {
    test(`is not identified if ${name}`, () => {
      const fixture = fixtureWith(ALICE);
      const first = fixture.owner ?? assert.fail();
      fixture.after(100 * MAX_US);
      fixture.nowUs += 200 * MAX_US;
      fixture.owner = { ...first, ...change };
      assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    });
  }

  test('is not identified if another socket could have shared the port at the first observation', () => {
    const fixture = fixtureWith(ALICE, 7, false);
    fixture.after(100 * MAX_US);
    fixture.nowUs += 200 * MAX_US;
    fixture.owner = { uid: ALICE, cookie: 7, isExclusive: true };
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
  });

  test('is not identified by an observation of the other address family', () => {
    const fixture = fixtureWith(ALICE);
    fixture.after(100 * MAX_US);
    fixture.nowUs += 200 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US, ip('::1')), LATE);
  });
});

describe('root as a sender', () => {
  test('is identified on a port that only root can use', () => {
    assert.deepEqual(fixtureWith(0).after(0), { uid: 0 });
  });

  test('is refused on other ports, also with a known socket, and another user is not', () => {
    const root = fixtureWith(0);
    root.rootRefusal = 'ROOT_PORT_UNPRIVILEGED';
    assert.deepEqual(root.after(0), { refused: 'ROOT_PORT_UNPRIVILEGED' });
    root.after(100 * MAX_US);
    root.nowUs += 200 * MAX_US;
    assert.deepEqual(root.after(100 * MAX_US), { refused: 'ROOT_PORT_UNPRIVILEGED' });
    const alice = fixtureWith(ALICE);
    alice.rootRefusal = 'ROOT_PORT_UNPRIVILEGED';
    assert.deepEqual(alice.after(0), { uid: ALICE });
  });

  test('is not identified for a late datagram', () => {
    const fixture = fixtureWith(0);
    assert.deepEqual(fixture.after(MAX_US + 1), LATE);
  });
});

test('a timestamp is converted to microseconds, beyond 2038', () => {
  const view = new DataView(new ArrayBuffer(24));
  view.setBigInt64(8, 5_000_000_000n, true);
  view.setBigInt64(16, 999_999_999n, true);
  assert.equal(microseconds(view, 8), 5_000_000_000_999_999);
});

test("the clock is that of the kernel's timestamps", () => {
  const owner = { uid: ALICE, cookie: 7, isExclusive: true };
  const rootPorts = { refusal: () => undefined };
  const senders = new DatagramSenders({ table: { datagramSender: () => owner }, rootPorts });
  senders.begin();
  assert.deepEqual(senders.senderOf(LOOPBACK, PORT, Date.now() * 1000), { uid: ALICE });
});

describe('within a batch', () => {
  test('a port is looked up once, and each of its datagrams is judged by its age', () => {
    const fixture = fixtureWith(ALICE);
    const senders = [fixture.after(0), fixture.inBatch(MAX_US + 1), fixture.inBatch(1)];
    assert.deepEqual(senders, [{ uid: ALICE }, LATE, { uid: ALICE }]);
    assert.equal(fixture.lookups, 1);
    fixture.after(0);
    assert.equal(fixture.lookups, 2, 'and again in the next batch');
  });

  test('the number of lookups for late datagrams is limited, and others are always looked up', () => {
    const fixture = fixtureWith(ALICE);
    fixture.senders.begin();
    for (let i = 0; i < 60; i++) assert.deepEqual(fixture.inBatch(2 * MAX_US, LOOPBACK, 1024 + i), LATE);
    assert.equal(fixture.lookups, LATE_CHECKS_PER_BATCH_MAX);
    assert.equal(fixture.senders.late, 60);
    assert.deepEqual(fixture.inBatch(0, LOOPBACK, 2000), { uid: ALICE });
    // A port that was observed before is looked up again.
    fixture.nowUs += 100 * MAX_US;
    fixture.senders.begin();
    for (let i = 0; i < 60; i++) fixture.inBatch(2 * MAX_US, LOOPBACK, 3000 + i);
    assert.deepEqual(fixture.inBatch(2 * MAX_US, LOOPBACK, 1024), { uid: ALICE });
  });
});
