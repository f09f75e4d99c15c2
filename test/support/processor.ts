/** How much of the processor a hostile text may take: what else runs on the machine does not count. */

import assert from 'node:assert/strict';

/** Several times what the longest text takes, and far less than a time that grows with the square of the length. */
const USER_US_MAX = 5_000_000;

/** Begins to count the time of the processor; the function that it gives fails if it was more than a text may take. */
export function processorBound(): () => void {
  const before = process.threadCpuUsage();
  return () => {
    const { user } = process.threadCpuUsage(before);
    assert.ok(user < USER_US_MAX, `it took ${user} µs of the processor`);
  };
}
