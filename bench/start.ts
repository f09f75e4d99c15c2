/** How long a port mapper takes from its start to its first answer over UDP. */

import { join } from 'node:path';
import type { Peers } from '../test/support/peers.ts';
import { openSandbox, type RealServer, startServer } from './measure.ts';

/** Asks in a process of its own, so that this one does not have to. */
const FIRST_ANSWER = join(import.meta.dirname, 'first-answer.ts');
const TIMEOUT_MS = 10_000;

/** In milliseconds, in a fresh world. */
export async function startMs(peers: Peers, server: RealServer): Promise<number> {
  const sandbox = await openSandbox(peers);
  try {
    const asker = sandbox.start([process.execPath, FIRST_ANSWER], { env: { LD_LIBRARY_PATH: '' } });
    await asker.waitForOutput(/asking/);
    const [beginSeconds, beginNs] = process.hrtime();
    startServer(sandbox, server);
    const [, time = ''] = await asker.waitForOutput(/answered (\S+)\n/, TIMEOUT_MS);
    const [seconds, ns]: [number, number] = JSON.parse(time);
    return (seconds - beginSeconds) * 1e3 + (ns - beginNs) / 1e6;
  } finally {
    await sandbox.close();
  }
}
