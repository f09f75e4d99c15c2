/** Calls to the port mapper of a sandbox, by a given user, from a given socket, while other sockets are open. */

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

/** A socket that is open while a call is made. */
export interface OtherSocket {
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
  /** The uid of the caller. */
  readonly uid: number;
  /** The uid that creates the socket and its connection; that of the caller by default. */
  readonly socketOf?: number;
  /** The source port; the kernel's choice by default. */
  readonly fromPort?: number;
  readonly others?: readonly OtherSocket[];
  /** The caller closes its socket as soon as the call is sent. */
  readonly isImpatient?: boolean;
}

/**
 * Makes the calls in order, in a process that `prefix` starts; returns the answer of each, null for a call that did not
 * wait for one.
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
