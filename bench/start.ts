// Measures the time from the start of a port mapper to its first reply over UDP.

import { join } from 'node:path';
import type { Peers } from '../test/support/peers.ts';
import { openSandbox, type RealServer, startServer } from './measure.ts';

/** Sends the requests from a separate process. */
const FIRST_ANSWER = join(import.meta.dirname, 'first-answer.ts');
const TIMEOUT_MS = 10_000;

/** In milliseconds, in a new sandbox. */
export async function startMs(peers: Peers, server: RealServer): Promise<number> {
  const sandbox = await openSandbox(peers);
  try {
    const client = sandbox.start([process.execPath, FIRST_ANSWER], { env: { LD_LIBRARY_PATH: '' } });
    await client.waitForOutput(/asking/);
    const [beginSeconds, beginNs] = process.hrtime();
    startServer(sandbox, server);
    const [, time = ''] = await client.waitForOutput(/answered (\S+)\n/, TIMEOUT_MS);
    const [seconds, ns]: [number, number] = JSON.parse(time);
    return (seconds - beginSeconds) * 1e3 + (ns - beginNs) / 1e6;
  } finally {
    await sandbox.close();
  }
}
