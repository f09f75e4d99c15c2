/** Helpers for tests of the daemon: its status, its processes, and load. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonStatus } from '../../src/main/status.ts';
import { type Running, type RunOptions, type Sandbox, until } from './sandbox.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const PORTREEVE = join(ROOT, 'bin/portreeve');
/** The libraries of the peers must not be used by portreeve. */
export const NO_PEERS = { LD_LIBRARY_PATH: '' };

/** Runs a portreeve command to completion. */
export function portreeve(sandbox: Sandbox, args: readonly string[], options: RunOptions = {}) {
  return sandbox.run([PORTREEVE, ...args], { ...options, env: { ...NO_PEERS, ...options.env } });
}

/** Starts `portreeve serve` and waits until it is ready. */
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
 * The fields of /proc/PID/task/TID/status with the privileges of a thread, for each thread of a process in the
 * sandbox.
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

/** Whether a process of the sandbox is running; a zombie is not. */
export async function isRunning(sandbox: Sandbox, pid: number | null): Promise<boolean> {
  const text = await readFile(sandbox.path(`/proc/${pid}/status`), 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[ZX]/m.test(text);
}

/** Waits until a portmap process other than `pid` is running. */
export function otherPortmap(sandbox: Sandbox, pid: number | null): Promise<DaemonStatus> {
  return until('another portmap process', async () => {
    const now = await status(sandbox);
    return now.portmap.state === 'running' && now.portmap.pid !== pid && now;
  });
}

/** Calls without a pause, over UDP and TCP, until it is stopped or ten seconds have passed. */
export async function startLoad(sandbox: Sandbox): Promise<Running> {
  const load = sandbox.start([process.execPath, join(import.meta.dirname, 'load.ts')], { env: NO_PEERS });
  await load.waitForOutput(/answered/);
  return load;
}
