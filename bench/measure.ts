// One measurement: a port mapper in a new sandbox, mappings with sockets, and load.

import { readFile } from 'node:fs/promises';
import { parseDecimal } from '../src/base/port.ts';
import { PORTREEVE } from '../test/support/daemon.ts';
import type { Peers } from '../test/support/peers.ts';
import { type Running, Sandbox, until } from '../test/support/sandbox.ts';
import type { Programs } from './programs.ts';

/** A port mapper, or the responder, which shows the cost of the system calls alone. */
export type Server = RealServer | 'responder';
export type RealServer = 'rpcbind' | 'portreeve';

/** The output of the loader. */
interface LoadResult {
  /** Correct replies within `seconds`. */
  readonly ops: number;
  readonly seconds: number;
  /** Wrong replies, and calls without a reply within a second. */
  readonly bad: number;
  readonly lost: number;
  /** Replies to calls that had timed out. */
  readonly late: number;
  /** SETs and UNSETs answered in addition to the calls. */
  readonly changed: number;
  /** Entries in a reply to DUMP. */
  readonly entries: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU time of the server's processes, and of the loader. */
  readonly serverSeconds: number;
  readonly loaderSeconds: number;
  /** The share of time in which each core was busy, for any reason. */
  readonly serverCore: number;
  readonly loaderCore: number;
}

export interface Sample extends LoadResult {
  readonly rssPortmapMb: number;
  readonly rssTreeMb: number;
  /** The share of a core used by other processes on this machine; the larger one of the two cores. */
  readonly interference: number;
}

export interface Bench {
  readonly peers: Peers;
  readonly programs: Programs;
  readonly seconds: number;
}

const SERVER_CORE = '0';
const LOADER_CORE = '1';
/** Time before the measurement starts: caches fill, and code is compiled. */
const WARM_SECONDS = 0.5;
/** Above the ports of the mappings. */
const CLIENT_PORTS = '16000 65535';
const HOLD_MS = 60_000;
const START_MS = 20_000;
const PID_MAX = 2 ** 22;
const KB_MAX = 2 ** 31;

/** As libwrap0 installs them on Debian: only comments, which rpcbind reads for every request over IP. */
const ACCESS_FILE =
  '# Who may reach the services of this host: see hosts_access(5). There are no rules here.\n'.repeat(9);
const FILES = { '/etc/hosts.allow': ACCESS_FILE, '/etc/hosts.deny': ACCESS_FILE };

const COMMANDS: Readonly<Record<RealServer, readonly string[]>> = {
  rpcbind: ['rpcbind', '-f'],
  portreeve: [PORTREEVE, 'serve'],
};

/** Creates a sandbox with the files of a Debian host. The caller closes it. */
export function openSandbox(peers: Peers): Promise<Sandbox> {
  // The sandbox ends with this process at the latest, so no cleanup is registered.
  return Sandbox.open({ after: () => undefined }, { peers, files: FILES });
}

/** Starts a server in a sandbox. The peers' libraries are hidden from portreeve, which must not depend on them. */
export function startServer(sandbox: Sandbox, server: RealServer, wrapper: readonly string[] = []): Running {
  const env = server === 'portreeve' ? { LD_LIBRARY_PATH: '' } : {};
  // Collecting its output would use CPU time of the measured cores.
  const quiet = ['sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh'];
  return sandbox.start([...quiet, ...wrapper, ...COMMANDS[server]], { env });
}

/** Measures one load on one server with a number of mappings. */
export async function measure(
  bench: Bench,
  server: Server,
  mappings: number,
  loadArguments: readonly string[],
): Promise<Sample> {
  const { programs, peers, seconds } = bench;
  const sandbox = await openSandbox(peers);
  try {
    await sandbox.run(['sh', '-c', `echo "${CLIENT_PORTS}" >/proc/sys/net/ipv4/ip_local_port_range`]);
    const count = server === 'responder' ? 1 : mappings / 2;
    const running = await startPinned(sandbox, server, programs, count);
    const tree = await processTree(running);
    const argv = [
      ...['--programs', `${count}`, '--warm', `${WARM_SECONDS}`, '--seconds', `${seconds}`],
      ...['--core', LOADER_CORE, '--server-core', SERVER_CORE],
      ...tree.flatMap(({ innerPid }) => ['--pid', `${innerPid}`]),
    ];
    const timeout = (seconds + WARM_SECONDS) * 1000 + START_MS;
    const { code, stdout, stderr } = await sandbox.run([programs.load, ...loadArguments, ...argv], {
      timeout,
    });
    if (code !== 0) throw new Error(`the loader on ${server}: ${stderr}`);
    const result: LoadResult = JSON.parse(stdout);
    return { ...result, ...(await memory(tree)), interference: interferenceShare(result) };
  } finally {
    await sandbox.close();
  }
}

async function startPinned(
  sandbox: Sandbox,
  server: Server,
  programs: Programs,
  count: number,
): Promise<Running> {
  const pinned = ['taskset', '--cpu-list', SERVER_CORE];
  if (server === 'responder') {
    const running = sandbox.start([...pinned, programs.responder]);
    await running.waitForOutput(/ready/);
    return running;
  }
  const running = startServer(sandbox, server, pinned);
  // The holder exits when its input ends, with the sandbox.
  const holder = sandbox.start([
    'sh',
    '-c',
    `exec sleep infinity | exec "$0" "$1"`,
    programs.hold,
    `${count}`,
  ]);
  await holder.waitForOutput(/holding/, HOLD_MS);
  return running;
}

interface TreeProcess {
  /** The pid here, and in the sandbox. */
  readonly pid: number;
  readonly innerPid: number;
  readonly command: string;
}

async function processTree(running: Running): Promise<TreeProcess[]> {
  const root = await until(`${running.name} to start`, () => running.pid());
  return descendants(root);
}

async function descendants(pid: number): Promise<TreeProcess[]> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
  const innerPid = parseDecimal(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1] ?? '', PID_MAX);
  if (innerPid === undefined) throw new Error(`process ${pid} is not in a sandbox`);
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const below: TreeProcess[] = [];
  for (const child of children) {
    const childPid = parseDecimal(child, PID_MAX);
    if (childPid !== undefined) below.push(...(await descendants(childPid)));
  }
  return [{ pid, innerPid, command }, ...below];
}

/** portreeve's process that answers. rpcbind and the responder are single processes. */
const PORTMAP_PROCESS = /^portreeve: portmap|portmap-process/;

async function memory(tree: readonly TreeProcess[]): Promise<Pick<Sample, 'rssPortmapMb' | 'rssTreeMb'>> {
  const sizes = await Promise.all(tree.map(({ pid }) => residentMb(pid)));
  const portmap = tree.findIndex(({ command }) => PORTMAP_PROCESS.test(command));
  return {
    rssPortmapMb: sizes[Math.max(portmap, 0)] ?? 0,
    rssTreeMb: sizes.reduce((sum, size) => sum + size, 0),
  };
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (parseDecimal(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? '', KB_MAX) ?? 0) / 1024;
}

function interferenceShare(result: LoadResult): number {
  const { serverCore, loaderCore, serverSeconds, loaderSeconds, seconds } = result;
  return Math.max(0, serverCore - serverSeconds / seconds, loaderCore - loaderSeconds / seconds);
}
