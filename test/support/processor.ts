// Limits the CPU time for processing a hostile text, independently of other processes on the host.

import assert from 'node:assert/strict';

/** Several times the CPU time for the longest text, and far less than quadratic time. */
const USER_US_MAX = 5_000_000;

/** Starts counting CPU time; the returned function fails if it exceeded the limit. */
export function processorBound(): () => void {
  const before = process.threadCpuUsage();
  return () => {
    const { user } = process.threadCpuUsage(before);
    assert.ok(user < USER_US_MAX, `it took ${user} µs of CPU time`);
  };
}
