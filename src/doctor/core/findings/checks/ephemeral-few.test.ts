// Ports in TIME_WAIT count as in use only while connect(2) cannot reuse them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kernel, range, snapshot, socket } from '../../../../../test/support/doctor/snapshots.ts';
import type { TimeWaitReuse } from '../snapshot.ts';
import { examineSnapshot } from './all.ts';

/** The severity and the purpose that are reported if 63 of 64 ports are in TIME_WAIT. */
function reported(address: string, expiresMs: number, reusesTimeWait: TimeWaitReuse): string[] {
  const sockets = Array.from({ length: 63 }, (_, index) =>
    socket(`TIME_WAIT tcp ${address}:${33_000 + index}`, { to: `${address}:443`, expiresMs }),
  );
  const narrow = kernel({ ephemeral: range(33_000, 33_063) });
  return examineSnapshot(snapshot({ sockets, kernel: narrow, reusesTimeWait }))
    .filter(({ code }) => code === 'EPHEMERAL_FEW')
    .map(({ severity, what }) => `${severity} ${what.split(', 63 ')[0]}`);
}

const FOR_BIND = ['warning for bind(2) to TCP port 0'];
const toItself = (address: string) => [`error from ${address} to ${address}:443`];

describe('ports in TIME_WAIT', () => {
  test('can be reused after a second on the loopback', () => {
    assert.deepEqual(reported('127.0.0.1', 59_001, 'loopback'), toItself('127.0.0.1'));
    assert.deepEqual(reported('127.0.0.1', 59_000, 'loopback'), FOR_BIND);
  });

  test('can be reused for all connections, or none, depending on the setting', () => {
    assert.deepEqual(reported('192.0.2.9', 1000, 'all'), FOR_BIND);
    assert.deepEqual(reported('192.0.2.9', 1000, 'loopback'), toItself('192.0.2.9'));
    assert.deepEqual(reported('127.0.0.1', 1000, 'none'), toItself('127.0.0.1'));
  });
});
