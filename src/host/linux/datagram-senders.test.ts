// Tests whose a datagram is taken to be, by when it was sent and what was on its port when.
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

/** A host of which a test says what is on its ports, what time it is, and why root is not believed. */
class Fixture {
  owner: DatagramOwner | undefined;
  looks = 0;
  nowUs = 1_000_000;
  rootRefusal: SenderRefusal | undefined;
  readonly senders = new DatagramSenders({
    table: {
      datagramSender: () => {
        this.looks++;
        return this.owner;
      },
    },
    rootPorts: { refusal: () => this.rootRefusal },
    nowUs: () => this.nowUs,
  });

  /** Who sent what had waited so long. */
  after(waitedUs: number | undefined, address = LOOPBACK, port = PORT) {
    this.senders.begin();
    return this.inBatch(waitedUs, address, port);
  }

  /** The next one of the same batch. */
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

describe('a datagram', () => {
  const cases: Record<string, [waitedUs: number | undefined, expected: object]> = {
    'that has just come is that of who has the port': [0, { uid: ALICE }],
    'that has waited as long as it may is, too': [MAX_US, { uid: ALICE }],
    'that has waited longer is not': [MAX_US + 1, LATE],
    'from the future is not': [-1, LATE],
    'of which it is not told when it came is not': [undefined, LATE],
  };
  for (const [name, [waitedUs, expected]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(fixtureWith(ALICE).after(waitedUs), expected));
  }

  test('from a port on which nothing is, or from elsewhere, is nobody’s', () => {
    assert.deepEqual(new Fixture().after(0), { refused: 'UNKNOWN' });
    assert.deepEqual(fixtureWith(ALICE).after(0, ip('192.0.2.1')), { refused: 'UNKNOWN' });
  });
});

describe('one that has waited too long', () => {
  test('is believed when it is sent again from a socket that had been seen before', () => {
    const fixture = fixtureWith(ALICE);
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    fixture.nowUs += 200 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US), { uid: ALICE });
    assert.equal(fixture.senders.late, 1);
  });

  test('is not believed when it had been sent before the socket was seen first', () => {
    const fixture = fixtureWith(ALICE);
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    fixture.nowUs += 50 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    assert.deepEqual(fixture.after(undefined), LATE);
  });

  for (const [name, change] of Object.entries({
    'another socket has the port by now': { cookie: 8 },
    "another user's has": { uid: 1001, cookie: 8 },
    'another can be beside it': { isExclusive: false },
  })) {
    test(`is not believed when ${name}`, () => {
      const fixture = fixtureWith(ALICE);
      const first = fixture.owner ?? assert.fail();
      fixture.after(100 * MAX_US);
      fixture.nowUs += 200 * MAX_US;
      fixture.owner = { ...first, ...change };
      assert.deepEqual(fixture.after(100 * MAX_US), LATE);
    });
  }

  test('is not believed when another could have been beside it at first', () => {
    const fixture = fixtureWith(ALICE, 7, false);
    fixture.after(100 * MAX_US);
    fixture.nowUs += 200 * MAX_US;
    fixture.owner = { uid: ALICE, cookie: 7, isExclusive: true };
    assert.deepEqual(fixture.after(100 * MAX_US), LATE);
  });

  test('is not believed on the other family’s word', () => {
    const fixture = fixtureWith(ALICE);
    fixture.after(100 * MAX_US);
    fixture.nowUs += 200 * MAX_US;
    assert.deepEqual(fixture.after(100 * MAX_US, ip('::1')), LATE);
  });
});

describe('root', () => {
  test('is believed where its port says so', () => {
    assert.deepEqual(fixtureWith(0).after(0), { uid: 0 });
  });

  test('is refused where it does not, whatever the socket, and another user is not', () => {
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

  test('is not taken for the sender of what came too late', () => {
    const fixture = fixtureWith(0);
    assert.deepEqual(fixture.after(MAX_US + 1), LATE);
  });
});

test('a time is read to the microsecond, beyond 2038', () => {
  const view = new DataView(new ArrayBuffer(24));
  view.setBigInt64(8, 5_000_000_000n, true);
  view.setBigInt64(16, 999_999_999n, true);
  assert.equal(microseconds(view, 8), 5_000_000_000_999_999);
});

test('the clock is the one that the kernel stamps with', () => {
  const owner = { uid: ALICE, cookie: 7, isExclusive: true };
  const rootPorts = { refusal: () => undefined };
  const senders = new DatagramSenders({ table: { datagramSender: () => owner }, rootPorts });
  senders.begin();
  assert.deepEqual(senders.senderOf(LOOPBACK, PORT, Date.now() * 1000), { uid: ALICE });
});

describe('in a batch', () => {
  test('what comes from one port is looked for once, and each of it is judged by when it came', () => {
    const fixture = fixtureWith(ALICE);
    const senders = [fixture.after(0), fixture.inBatch(MAX_US + 1), fixture.inBatch(1)];
    assert.deepEqual(senders, [{ uid: ALICE }, LATE, { uid: ALICE }]);
    assert.equal(fixture.looks, 1);
    fixture.after(0);
    assert.equal(fixture.looks, 2, 'and anew in the next');
  });

  test('of what is too late only some is looked for, and what is not late always', () => {
    const fixture = fixtureWith(ALICE);
    fixture.senders.begin();
    for (let i = 0; i < 60; i++) assert.deepEqual(fixture.inBatch(2 * MAX_US, LOOPBACK, 1024 + i), LATE);
    assert.equal(fixture.looks, LATE_CHECKS_PER_BATCH_MAX);
    assert.equal(fixture.senders.late, 60);
    assert.deepEqual(fixture.inBatch(0, LOOPBACK, 2000), { uid: ALICE });
    // One that was seen before is looked for again.
    fixture.nowUs += 100 * MAX_US;
    fixture.senders.begin();
    for (let i = 0; i < 60; i++) fixture.inBatch(2 * MAX_US, LOOPBACK, 3000 + i);
    assert.deepEqual(fixture.inBatch(2 * MAX_US, LOOPBACK, 1024), { uid: ALICE });
  });
});
