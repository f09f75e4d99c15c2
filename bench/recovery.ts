// Measures the time from kill -9 of the port mapper to its first complete reply, under load.

import { PortreeveError } from '../src/base/errors.ts';
import { type Round, runRounds, type Target } from '../test/support/crash.ts';
import type { Peers } from '../test/support/peers.ts';
import { openSandbox } from './measure.ts';

export interface Recovery {
  readonly killed: Target;
  readonly ms: number;
}

const ROUNDS = 100;
const SEED = 1;

/** Kills each process, and both, in turn. */
export async function measureRecoveries(peers: Peers, count = ROUNDS): Promise<Recovery[]> {
  const sandbox = await openSandbox(peers);
  try {
    const rounds = await runRounds(sandbox, count, SEED);
    if (!rounds.every(isWhole)) throw new PortreeveError('BUG', 'an acknowledged change was lost');
    return rounds.map(({ target, backAfterMs }) => ({ killed: target, ms: backAfterMs }));
  } finally {
    await sandbox.close();
  }
}

const isWhole = ({ lost, unexpected }: Round): boolean => lost.length + unexpected.length === 0;
