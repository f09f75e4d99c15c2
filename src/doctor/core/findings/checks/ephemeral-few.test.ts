// What counts as in use: connections in TIME_WAIT only while connect(2) does not take their ports again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kernel, range, snapshot, socket } from '../../../../../test/support/doctor/snapshots.ts';
import type { TimeWaitReuse } from '../snapshot.ts';
import { examineSnapshot } from './all.ts';

/** 63 of 64 ports are in TIME_WAIT; what is told then: its severity, and of whom. */
function reported(address: string, expiresMs: number, reusesTimeWait: TimeWaitReuse): string[] {
  const sockets = Array.from({ length: 63 }, (_, index) =>
    socket(`TIME_WAIT tcp ${address}:${33_000 + index}`, { to: `${address}:443`, expiresMs }),
  );
  const narrow = kernel({ ephemeral: range(33_000, 33_063) });
  return examineSnapshot(snapshot({ sockets, kernel: narrow, reusesTimeWait }))
    .filter(({ code }) => code === 'EPHEMERAL_FEW')
    .map(({ severity, seen }) => `${severity} ${seen.split(' 63 ')[0]}`);
}

const ANYBODY = ['warning for bind(2) to port 0 of TCP'];
const toItself = (address: string) => [`error from ${address} to ${address}:443`];

describe('in TIME_WAIT', () => {
  test('of the loopback they are used again after a second', () => {
    assert.deepEqual(reported('127.0.0.1', 59_001, 'loopback'), toItself('127.0.0.1'));
    assert.deepEqual(reported('127.0.0.1', 59_000, 'loopback'), ANYBODY);
  });

  test('all are, or none, where it is set so', () => {
    assert.deepEqual(reported('192.0.2.9', 1000, 'all'), ANYBODY);
    assert.deepEqual(reported('192.0.2.9', 1000, 'loopback'), toItself('192.0.2.9'));
    assert.deepEqual(reported('127.0.0.1', 1000, 'none'), toItself('127.0.0.1'));
  });
});
