// `portreeve serve`: starts what portreeve does on this host, in the foreground, until a signal ends it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { directoriesOf } from '../app/directories.ts';
import { requireNoAccessRules } from '../app/open-network.ts';
import { type DaemonStatus, LOOK_SOCKET } from '../app/status.ts';
import { PortreeveError } from '../base/errors.ts';
import type { Port } from '../base/port.ts';
import type { Host, Lock } from '../host/host.ts';
import { linuxHost } from '../host/linux/linux-host.ts';
import { greeting } from './greeting.ts';
import { type Log, openLog } from './log.ts';
import { LookServer } from './look.ts';
import { Portmap } from './portmap.ts';
import { requireRuntimeDirectory } from './runtime-directory.ts';
import { type ServeOptions, type Settings, settle } from './settings.ts';

export type { ServeOptions } from './settings.ts';

/** Where the daemon's words go. */
export interface ServeIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The port that `npm start` takes where 111 cannot be had. */
const FALLBACK_PORT = 7111 as Port;

/** Runs the daemon; gives the exit code when it has ended. Throws PortreeveError if it cannot start. */
export async function serve(options: ServeOptions, io: ServeIo): Promise<number> {
  process.title = 'portreeve';
  const host = linuxHost();
  const isStopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const settings = await settle(options, directoriesOf(host.uid, io.env), host.uid, host.files);
  requireNoAccessRules(settings.listen, host.files);
  requireRuntimeDirectory(settings.runtime, host.uid);
  const lock = takeDaemonLock(host, settings.runtime);
  const log = openLog(io.err, process.stderr.isTTY === true);
  try {
    await runUntil(isStopped, host, settings, log, io);
  } finally {
    lock.release();
  }
  return 0;
}

async function runUntil(
  isStopped: Promise<void>,
  host: Host,
  settings: Settings,
  log: Log,
  io: ServeIo,
): Promise<void> {
  const { portmap, obstacle } = openPortmap(host, settings, log);
  const status = async (): Promise<DaemonStatus> => ({
    version: VERSION,
    pid: process.pid,
    since: STARTED,
    runtime: settings.runtime,
    portmap: await portmap.report(),
  });
  const look = new LookServer(join(settings.runtime, LOOK_SOCKET), { '/v1/status': status });
  try {
    await look.open();
    await Promise.race([portmap.start(), isStopped]);
    io.out(greeting(VERSION, portmap.endpoints, obstacle));
    await isStopped;
    log.info('portreeve: stopping');
  } finally {
    await Promise.all([look.close(), portmap.stop()]);
  }
}

/** Opens portmap where it is wanted or, where that fails and a fallback is allowed, on another port of loopback. */
function openPortmap(
  host: Host,
  settings: Settings,
  log: Log,
): { portmap: Portmap; obstacle: string | undefined } {
  const options = { host, log, codeDirectory: join(settings.runtime, 'code'), uid: settings.uid };
  const { listen, port, localPath, runtime, fallback } = settings;
  try {
    return { portmap: new Portmap(options, { addresses: listen, port, localPath }), obstacle: undefined };
  } catch (thrown) {
    const isInTheWay =
      thrown instanceof PortreeveError && ['ENDPOINT_TAKEN', 'ENDPOINT_DENIED'].includes(thrown.code);
    if (!fallback || !isInTheWay) throw thrown;
    const instead = { addresses: [], port: FALLBACK_PORT, localPath: join(runtime, 'rpcbind.sock') };
    return { portmap: new Portmap(options, instead), obstacle: thrown.message };
  }
}

function takeDaemonLock(host: Host, runtime: string): Lock {
  const lock = host.files.takeLock(join(runtime, 'portreeve.lock'));
  if (!('heldBy' in lock)) return lock;
  const hint =
    'Look at it with: portreeve status. Another one beside it needs --runtime, --port and --local of its own.';
  throw new PortreeveError(
    'world',
    'ALREADY_RUNNING',
    `portreeve is already running (pid ${lock.heldBy})`,
    hint,
    {
      pid: lock.heldBy,
      runtime,
    },
  );
}

const STARTED = new Date().toISOString();

/** The version in package.json, which lies above src/ and dist/. */
const VERSION: string = JSON.parse(
  readFileSync(join(dirname(dirname(import.meta.dirname)), 'package.json'), 'utf8'),
).version;
