// The environment of a measurement: machine, kernel, and versions of the compared programs.

import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Peers } from '../test/support/peers.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly kernel: string;
}

export function machine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
  };
}

/** Long enough to determine the idle share from clock ticks of 10 ms. */
const IDLE_MS = 300;
const IDLE_SHARE_MIN = 0.95;
/** A machine that is never idle is measured anyway. The results include the interference. */
const IDLE_TIMEOUT_MS = 10_000;

/** Waits until all cores are idle, or until the timeout. */
export async function waitForIdleCores(): Promise<void> {
  const idleMs = (): number[] => cpus().map(({ times }) => times.idle);
  const deadline = performance.now() + IDLE_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const [before, begin] = [idleMs(), performance.now()];
    await pause(IDLE_MS);
    const shares = idleMs().map((idle, core) => (idle - (before[core] ?? 0)) / (performance.now() - begin));
    if (shares.every((share) => share >= IDLE_SHARE_MIN)) return;
  }
}

export function versions(root: string, peers: Peers): Record<string, string> {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    node: process.version,
    portreeve: version,
    rpcbind: packageVersion(peers, 'rpcbind'),
    libtirpc: packageVersion(peers, 'libtirpc3'),
  };
}

/** The version at the top of the package's changelog. A rebuild has a separate changelog with a longer name. */
function packageVersion(peers: Peers, name: string): string {
  const directory = join(peers.root, 'usr/share/doc', name);
  const logs = readdirSync(directory).filter((file) => /^changelog\.Debian(\.\w+)?\.gz$/.test(file));
  const log = logs.toSorted((a, b) => b.length - a.length)[0];
  if (log === undefined) return 'unknown';
  const text = gunzipSync(readFileSync(join(directory, log))).toString('utf8');
  return /^\S+ \(([^)]+)\)/.exec(text)?.[1] ?? 'unknown';
}
