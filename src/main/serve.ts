// `portreeve serve`: starts what portreeve does on this host, in the foreground, until a signal ends it.
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf, PortreeveError } from '../base/errors.ts';
import { PORTMAP_JOB } from '../base/job.ts';
import type { Port } from '../base/port.ts';
import { GUARD_PATH } from '../guard/app/report.ts';
import { DaemonGuard } from '../guard/daemon/guard.ts';
import type { Host, Lock } from '../host/host.ts';
import { linuxHost } from '../host/linux/linux-host.ts';
import { notifyManager } from '../host/linux/notify.ts';
import { directoriesOf } from '../kit/directories.ts';
import { type Log, openLog } from '../kit/log.ts';
import { LOOK_MODE, LookServer, type Looks, type Streams } from '../kit/look-server.ts';
import { DAEMON_TITLE } from '../kit/own-daemon.ts';
import { requireRuntimeDirectory } from '../kit/runtime-directory.ts';
import { type DaemonStatus, LOOK_SOCKET, ROOT_LOOK_SOCKET } from '../kit/status-report.ts';
import { endpointText, type IpEndpoint, type ListenRequest, planEndpoints } from '../portmap/app/listen.ts';
import { requireNoAccessRules } from '../portmap/app/open-network.ts';
import type { Registration } from '../portmap/core/registrations.ts';
import { Portmap, type PortmapOptions } from '../portmap/daemon/portmap.ts';
import {
  planTakeOver,
  recordListen,
  stopRpcbind,
  type TakeOver,
  takeOverPlan,
} from '../portmap/daemon/take-over.ts';
import { PORTS_PATH } from '../sockets/app/ports-asked.ts';
import { PortsLook } from '../sockets/daemon/ports.ts';
import { greeting } from './greeting.ts';
import { type ServeOptions, type Settings, settle } from './settings.ts';

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
  process.title = DAEMON_TITLE;
  const host = linuxHost();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const takeOver = options.takeOver ? await planTakeOver(host) : undefined;
  const readSettings = async () => {
    const directories = directoriesOf(host.uid, io.env);
    const settings = await settle(options, directories, host.uid, host.files, takeOver?.addresses.listen);
    requireNoAccessRules(settings.listen, host.files);
    return settings;
  };
  const settings = await readSettings();
  if (takeOver && options.dryRun) {
    io.out(takeOverPlan(takeOver, settings));
    return 0;
  }
  requireRuntimeDirectory(settings.runtime, host.uid);
  const lock = takeDaemonLock(host, settings.runtime);
  try {
    const log = openLog(io.err, process.stderr.isTTY === true);
    const { runtime, state, pins } = settings;
    const guardParts = {
      host,
      log,
      runtime,
      state,
      pins,
      readSettings: async () => (await readSettings()).guard,
    };
    const guard = new DaemonGuard(guardParts, settings.guard);
    const opened = await openAsPortmap({ host, log, settings, guard }, takeOver);
    // Its clients wait: what is for later is written when they are answered.
    const onReady = async () => {
      if (takeOver) await recordListen({ host, log, settings, takeOver });
    };
    const isStopped = stop.signal;
    await run(
      { host, log, io, settings, readSettings, isStopped, stop: () => stop.abort(), guard, onReady },
      opened,
    );
  } finally {
    lock.release();
  }
  return 0;
}

/** What the daemon runs with. */
interface Surroundings {
  readonly host: Host;
  readonly log: Log;
  readonly io: ServeIo;
  readonly settings: Settings;
  readonly readSettings: () => Promise<Settings>;
  readonly isStopped: AbortSignal;
  readonly stop: () => void;
  readonly guard: DaemonGuard;
  /** Called when portmap answers for the first time. */
  readonly onReady: () => Promise<void>;
}

/** Portmap, and why it does not listen where it was wanted. */
interface OpenedPortmap {
  readonly portmap: Portmap;
  readonly obstacle: string | undefined;
}

async function run(around: Surroundings, { portmap, obstacle }: OpenedPortmap): Promise<void> {
  const { settings, log, io, isStopped, guard } = around;
  const status = async (): Promise<DaemonStatus> => ({
    version: VERSION,
    pid: process.pid,
    since: STARTED,
    runtime: settings.runtime,
    portmap: await portmap.report(),
    guard: guard.report(),
  });
  const looks = { '/v1/status': status, [GUARD_PATH]: () => guard.look() };
  const ports = new PortsLook({
    state: settings.state,
    files: guard.files,
    portmap: () => localEndpoint(portmap),
  });
  const streams = { ...guard.streams, [PORTS_PATH]: ports.answer };
  const servers = lookServers(around, looks, streams);
  // A terminal that is closed sends it as well: there it means what it has always meant.
  const reload = () => (process.stdin.isTTY ? around.stop() : void reread(around, portmap));
  process.on('SIGHUP', reload);
  try {
    await Promise.all([...servers.map((server) => server.open()), guard.start()]);
    notifyManager('READY=1', io.env);
    await Promise.race([portmap.start(), aborted(isStopped)]);
    if (!isStopped.aborted) {
      await around.onReady();
      io.out(greeting(VERSION, portmap.endpoints, obstacle));
    }
    // What was compiled is kept for the next start also where this one will be killed.
    flushCompileCache();
    await aborted(isStopped);
    notifyManager('STOPPING=1', io.env);
    log.info('portreeve: stopping');
  } finally {
    process.off('SIGHUP', reload);
    await Promise.all([...servers.map((server) => server.close()), guard.stop(), portmap.stop()]);
  }
}

/** The runtime directory of another user than root is closed to everybody else as it is. */
function lookServers({ host, settings }: Surroundings, looks: Looks, streams: Streams): LookServer[] {
  const { runtime } = settings;
  const all = new LookServer(join(runtime, LOOK_SOCKET), looks, streams);
  if (host.uid !== 0) return [all];
  return [new LookServer(join(runtime, ROOT_LOOK_SOCKET), looks, streams, {}, LOOK_MODE.root), all];
}

/** The Unix socket that the port mapper answers on. */
function localEndpoint({ endpoints: { endpoints } }: Portmap): string | undefined {
  const local = endpoints.find(({ spec }) => spec.netid === 'local');
  return local && endpointText(local.spec);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** SIGHUP: reads portreeve.toml again and listens as it says; what is wrong with it is logged, and nothing changes. */
async function reread({ readSettings, log, guard }: Surroundings, portmap: Portmap): Promise<void> {
  try {
    const { listen, port, localPath, guard: guardSettings } = await readSettings();
    guard.asJob(PORTMAP_JOB, () => portmap.reconfigure({ addresses: listen, port, localPath }));
    guard.configure(guardSettings);
    const where = portmap.endpoints.endpoints.map(({ spec }) => endpointText(spec)).join(', ');
    log.info(`portreeve: the settings were read again; portmap listens on ${where}`);
  } catch (thrown) {
    const hint = thrown instanceof PortreeveError && thrown.hint !== '' ? `. ${thrown.hint}` : '';
    log.error(
      `portreeve: the settings were read again, and nothing was changed: ${messageOf(thrown)}${hint}`,
    );
  }
}

/**
 * Opens portmap as its job, in the place of another port mapper if need be. Where that fails, what the guard has
 * refused is recorded before we end.
 */
async function openAsPortmap(around: Opening, takeOver: TakeOver | undefined): Promise<OpenedPortmap> {
  const { host, guard } = around;
  try {
    if (takeOver) {
      guard.asJob(PORTMAP_JOB, () => requireGuardAllows(around));
      await stopRpcbind(host, takeOver);
    }
    return guard.asJob(PORTMAP_JOB, () => openPortmap(around, takeOver?.carried.entries ?? []));
  } catch (thrown) {
    guard.abandon();
    throw thrown;
  }
}

/** Throws before another port mapper is stopped in whose place we would not get our ports. */
function requireGuardAllows({ guard, settings: { listen, port, localPath } }: Opening): void {
  for (const { spec } of planEndpoints({ addresses: listen, port, localPath })) {
    const refusal = spec.netid === 'local' ? undefined : guard.refusalOf(spec);
    if (refusal) throw refusal;
  }
}

type Opening = Pick<Surroundings, 'host' | 'log' | 'settings' | 'guard'>;

/** What another port may help against. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['ENDPOINT_TAKEN', 'ENDPOINT_DENIED', 'GUARD_REFUSED']);

/** Opens portmap where it is wanted or, where that fails and a fallback is allowed, on another port of loopback. */
function openPortmap(
  { host, log, settings, guard }: Opening,
  carried: readonly Registration[],
): OpenedPortmap {
  const { listen, port, localPath, runtime, fallback, uid } = settings;
  const options = {
    host,
    log,
    runtime,
    uid,
    guard: (spec: IpEndpoint) => guard.refusalOf(spec),
    openGrantedPorts: () => guard.openGrantedPorts(),
  };
  try {
    const request = { addresses: listen, port, localPath };
    return { portmap: new Portmap(options, request, carried), obstacle: undefined };
  } catch (thrown) {
    const isInTheWay = thrown instanceof PortreeveError && IN_THE_WAY.has(thrown.code);
    if (!fallback || !isInTheWay) throw thrown;
    const instead = { addresses: [], port: FALLBACK_PORT, localPath: join(runtime, 'rpcbind.sock') };
    return { portmap: openFallback(options, instead, thrown.message), obstacle: thrown.message };
  }
}

/** Where the other port cannot be had either, both obstacles are named. */
function openFallback(options: PortmapOptions, request: ListenRequest, obstacle: string): Portmap {
  try {
    return new Portmap(options, request);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    throw new PortreeveError(thrown.code, `${obstacle}; and ${thrown.message}`, thrown.hint, thrown.data);
  }
}

function takeDaemonLock(host: Host, runtime: string): Lock {
  const lock = host.files.takeLock(join(runtime, 'portreeve.lock'));
  if (!('heldBy' in lock)) return lock;
  const hint =
    'Look at it with: portreeve status. Another one beside it needs --runtime, --port and --local of its own.';
  throw new PortreeveError(
    'ALREADY_RUNNING',
    lock.heldBy > 0 ? `portreeve is already running (pid ${lock.heldBy})` : 'portreeve is already running',
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
