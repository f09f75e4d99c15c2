/** Tests the statistics of GETSTAT: counted for each version, in bounded memory. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STATISTICS_ADDRESSES_MAX } from '../../base/limits.ts';
import { Statistics } from './statistics.ts';

const UDP = 0;
const TCP = 1;

describe('the addresses that were looked up', () => {
  test('are counted by program, version and transport, newest first', () => {
    const statistics = new Statistics();
    const v2 = statistics.of(2);
    v2.lookup(100003, 3, UDP, true);
    v2.lookup(100003, 3, UDP, false);
    v2.lookup(100003, 3, TCP, true);
    v2.lookup(100003, 4, TCP, true);
    v2.lookup(100003, 3, UDP, true);
    assert.deepEqual(v2.snapshot().addresses, [
      { program: 100003, version: 4, success: 1, failure: 0, netid: 'tcp' },
      { program: 100003, version: 3, success: 1, failure: 0, netid: 'tcp' },
      { program: 100003, version: 3, success: 2, failure: 1, netid: 'udp' },
    ]);
  });

  test('are at most 64 for each version; a new one replaces the oldest', () => {
    const statistics = new Statistics();
    const v3 = statistics.of(3);
    for (let program = 1; program <= STATISTICS_ADDRESSES_MAX; program++) v3.lookup(program, 1, UDP, true);
    assert.equal(v3.snapshot().addresses.at(-1)?.program, 1);
    v3.lookup(1000, 1, UDP, true);
    const programs = v3.snapshot().addresses.map(({ program }) => program);
    assert.deepEqual([programs.length, programs[0], programs.at(-1)], [STATISTICS_ADDRESSES_MAX, 1000, 2]);
    v3.lookup(1, 1, UDP, true);
    assert.equal(v3.snapshot().addresses[0]?.success, 1, 'a replaced address starts again');
  });

  test('are still 64 after a hundred thousand', () => {
    const statistics = new Statistics();
    for (let program = 0; program < 100_000; program++) statistics.of(4).lookup(program, 1, UDP, false);
    assert.equal(statistics.of(4).snapshot().addresses.length, STATISTICS_ADDRESSES_MAX);
  });
});

test('each version has its own counters', () => {
  const statistics = new Statistics();
  statistics.of(2).sets++;
  statistics.of(3).unsets++;
  statistics.of(4).calls[12] = 5;
  const [v2, v3, v4] = statistics.snapshot();
  assert.deepEqual([v2?.sets, v2?.unsets, v3?.sets, v3?.unsets], [1, 0, 0, 1]);
  assert.deepEqual([v4?.calls.length, v4?.calls[12], v2?.calls[12]], [13, 5, 0]);
});
