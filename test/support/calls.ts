/** Calls to the port mapper of a world of which a test says everything: by whom, from which socket, beside which. */

import { join } from 'node:path';
import type { NetId } from '../../src/base/netid.ts';
import { NO_PEERS } from './daemon.ts';
import type { Sandbox } from './sandbox.ts';

const PROGRAM = join(import.meta.dirname, 'make-calls.ts');

/** An entry of the port mapper. */
export interface Entry {
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
}

/** A socket that is there while a call is made. */
export interface Beside {
  readonly netid: Exclude<NetId, 'local'>;
  readonly uid: number;
  readonly address: string;
  readonly port: number;
}

/** One call. */
export interface Call {
  readonly via: NetId;
  readonly procedure: 'set' | 'unset';
  readonly entry: Entry;
  /** Who calls. */
  readonly uid: number;
  /** Who made the socket (and its connection) that he calls by; he himself, if nothing is said. */
  readonly socketOf?: number;
  /** The port that he calls from; the kernel's choice, if nothing is said. */
  readonly fromPort?: number;
  readonly beside?: readonly Beside[];
  /** He closes his socket as soon as the call is sent. */
  readonly isImpatient?: boolean;
}

/**
 * Makes the calls one after the other, in a process that `prefix` starts; gives what each was answered, null for
 * those that did not wait.
 */
export async function makeCalls(
  sandbox: Sandbox,
  calls: readonly Call[],
  prefix: readonly string[] = [],
): Promise<(boolean | null)[]> {
  const options = { input: JSON.stringify(calls), env: NO_PEERS };
  const { code, stdout, stderr } = await sandbox.run([...prefix, process.execPath, PROGRAM], options);
  if (code !== 0) throw new Error(`${PROGRAM}: ${code} ${stderr}`);
  return JSON.parse(stdout);
}
