/** Starts the port mapper under test, portreeve or Debian's rpcbind, in a sandbox. */

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bringPeers, type Peers } from './peers.ts';
import { needs, type Probe, probe } from './probe.ts';
import { type Running, Sandbox, type SandboxOptions, until } from './sandbox.ts';

const PORTREEVE = join(import.meta.dirname, '../../bin/portreeve');

/** The port mapper under test. `INTEROP_PORTMAP=rpcbind` validates the tests against the original. */
export const KIND = process.env['INTEROP_PORTMAP'] === 'rpcbind' ? 'rpcbind' : 'portreeve';

export interface PortmapOptions {
  readonly kind?: 'portreeve' | 'rpcbind';
  /** Addresses in addition to loopback; rpcbind always listens on every address. */
  readonly listen?: readonly string[];
}

/** Starts a port mapper and waits until it answers on its Unix socket. */
export async function startPortmap(sandbox: Sandbox, options: PortmapOptions = {}): Promise<Running> {
  const kind = options.kind ?? KIND;
  const running = kind === 'rpcbind' ? startRpcbind(sandbox) : startPortreeve(sandbox, options.listen);
  await until(`${running.name} to answer`, async () => {
    if (running.outcome !== undefined) throw new Error(`${running.name} ended:\n${running.output}`);
    return (await sandbox.run(['rpcinfo', '-s'])).code === 0;
  });
  return running;
}

function startRpcbind(sandbox: Sandbox): Running {
  return sandbox.start(['rpcbind', '-f']);
}

function startPortreeve(sandbox: Sandbox, addresses: readonly string[] = []): Running {
  const listen = addresses.flatMap((address) => ['--listen', address]);
  // The libraries of the peers must not be used by portreeve.
  return sandbox.start([PORTREEVE, 'serve', ...listen], { env: { LD_LIBRARY_PATH: '' } });
}

export interface Setup {
  readonly peers: Peers;
  readonly sandbox: Sandbox;
  readonly portmap: Running;
}

/** For behavior that only portreeve has. */
export const ONLY_PORTREEVE: Probe =
  KIND === 'portreeve' ? { ok: true } : { ok: false, reason: 'rpcbind does not do this' };

export interface SetupOptions extends SandboxOptions {
  /** Addresses of the port mapper in addition to loopback. */
  readonly listen?: readonly string[];
  /** Addresses of the sandbox in addition to loopback, with prefix lengths. */
  readonly addresses?: readonly string[];
  /** Requirements of the test in addition to a sandbox and the peers. */
  readonly probes?: readonly Probe[];
}

/** A sandbox with the peers and a port mapper, which ends with the test; undefined if the test is skipped. */
export async function setup(t: TestContext, options: SetupOptions = {}): Promise<Setup | undefined> {
  if (!needs(t, probe.root(), probe.netns(), ...(options.probes ?? []))) return undefined;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return undefined;
  const sandbox = await Sandbox.open(t, { ...options, peers });
  for (const [index, address] of (options.addresses ?? []).entries()) {
    await sandbox.addAddress(address, `net${index}`);
  }
  const portmap = await startPortmap(sandbox, options.listen === undefined ? {} : { listen: options.listen });
  return { peers, sandbox, portmap };
}

/** The lines that rpcinfo prints below its heading, with single spaces. */
export async function rpcinfo(sandbox: Sandbox, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await sandbox.run(['rpcinfo', ...args]);
  if (code !== 0) throw new Error(`rpcinfo ${args.join(' ')}: ${code} ${stderr}`);
  return stdout.trimEnd().split('\n').slice(1).map(squeezed);
}

/** Waits until `rpcinfo` lists a program `count` times, and returns these lines, sorted. */
export function registered(sandbox: Sandbox, program: number, count: number): Promise<string[]> {
  return until(`program ${program} to be registered ${count} times`, async () => {
    const rows = await listed(sandbox, program);
    return rows.length === count && rows;
  });
}

/** Waits until `rpcinfo` no longer lists a program. */
export function unregistered(sandbox: Sandbox, program: number): Promise<true> {
  return until(`program ${program} to be gone`, async () => (await listed(sandbox, program)).length === 0);
}

/** The lines of a program in the output of `rpcinfo` with these arguments, sorted. */
export async function listed(sandbox: Sandbox, program: number, ...args: string[]): Promise<string[]> {
  return (await rpcinfo(sandbox, ...args)).filter((row) => row.startsWith(`${program} `)).sort();
}

export function squeezed(line: string): string {
  return line.trim().replace(/\s+/g, ' ');
}
