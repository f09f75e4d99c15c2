/** What the tests of the daemon ask of it: its status, its processes, and load while something happens. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonStatus } from '../../src/main/status.ts';
import { type Running, type RunOptions, type Sandbox, until } from './sandbox.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const PORTREEVE = join(ROOT, 'bin/portreeve');
/** The peers' libraries are for the peers. */
export const NO_PEERS = { LD_LIBRARY_PATH: '' };

/** Runs a portreeve command to its end. */
export function portreeve(sandbox: Sandbox, args: readonly string[], options: RunOptions = {}) {
  return sandbox.run([PORTREEVE, ...args], { ...options, env: { ...NO_PEERS, ...options.env } });
}

/** Starts `portreeve serve` and waits until it says that it is ready. */
export async function serve(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Running> {
  const running = sandbox.start([PORTREEVE, 'serve', ...args], {
    ...options,
    env: { ...NO_PEERS, ...options.env },
  });
  await running.waitForOutput(/portmap is ready/);
  return running;
}

export async function status(sandbox: Sandbox): Promise<DaemonStatus> {
  const { code, stdout, stderr } = await portreeve(sandbox, ['status', '--json']);
  if (stdout === '') throw new Error(`portreeve status: ${code} ${stderr}`);
  return JSON.parse(stdout);
}

/**
 * The fields of /proc/PID/task/TID/status that tell what a thread may do, for each thread of a process of the
 * world.
 */
export async function threadPrivileges(sandbox: Sandbox, pid: number): Promise<Record<string, string>[]> {
  const directory = sandbox.path(`/proc/${pid}/task`);
  const wanted = /^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):[ \t]*(.*)$/gm;
  const threads = await readdir(directory);
  return Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(join(directory, thread, 'status'), 'utf8');
      return Object.fromEntries([...text.matchAll(wanted)].map(([, name, value]) => [name, value?.trim()]));
    }),
  );
}

/** Whether a process of the world runs; one that has ended and that nobody has waited for does not. */
export async function isRunning(sandbox: Sandbox, pid: number | null): Promise<boolean> {
  const text = await readFile(sandbox.path(`/proc/${pid}/status`), 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[ZX]/m.test(text);
}

/** Waits until the portmap process is a running one that is not `pid`. */
export function otherPortmap(sandbox: Sandbox, pid: number | null): Promise<DaemonStatus> {
  return until('another portmap process', async () => {
    const now = await status(sandbox);
    return now.portmap.state === 'running' && now.portmap.pid !== pid && now;
  });
}

/** Asks without a pause, over UDP and TCP, until it is stopped or ten seconds have gone by. */
export async function startLoad(sandbox: Sandbox): Promise<Running> {
  const load = sandbox.start([process.execPath, join(import.meta.dirname, 'load.ts')], { env: NO_PEERS });
  await load.waitForOutput(/answered/);
  return load;
}
