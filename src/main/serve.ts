// `portreeve serve`: runs the daemon in the foreground until a signal ends it.
import { join, resolve } from 'node:path';
import { messageOf, PortreeveError } from '../base/errors.ts';
import type { Host, Lock } from '../host/host.ts';
import { linuxHost } from '../host/linux/linux-host.ts';
import { notifyManager } from '../host/linux/notify.ts';
import { PeerShares } from '../job/daemon/peer-shares.ts';
import { DAEMON_TITLE } from '../kit/daemon-names.ts';
import { directoriesOf } from '../kit/directories.ts';
import type { Io } from '../kit/io.ts';
import { openLog } from '../kit/log.ts';
import { requireRuntimeDirectory } from '../kit/runtime-directory.ts';
import { settingsPath } from '../kit/settings.ts';
import type { PortmapOptions } from '../portmap/app/settings.ts';
import { takeOverText } from '../portmap/app/take-over.ts';
import { resolvePortmapSettings } from '../portmap/daemon/service.ts';
import { planTakeOver } from '../portmap/daemon/take-over.ts';
import { Daemon } from './daemon.ts';
import { type ServiceContext, servicesOf } from './services.ts';
import { packageVersion } from './version.ts';

/** The options of `portreeve serve`, as they were typed. */
interface ServeOptions extends PortmapOptions {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
  readonly runtime?: string | undefined;
  /** Replace a running rpcbind and keep its registrations; `dryRun`: only print what would be done. */
  readonly takeOver?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** The directory of the guard's pins in bpffs, if it is not the default. */
  readonly pins?: string | undefined;
}

/** How long the last output may wait for its reader. */
const LAST_WORDS_MS = 300;

/** Runs the daemon; returns the exit code after it ended. Throws PortreeveError if it cannot start. */
export async function serveCommand(options: ServeOptions, io: Io): Promise<number> {
  const code = await serve(options, io);
  // A log reader that is stuck must not keep the process alive.
  setTimeout(() => process.exit(code), LAST_WORDS_MS).unref();
  return code;
}

async function serve(options: ServeOptions, io: Io): Promise<number> {
  process.title = DAEMON_TITLE;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const context = await contextOf(options, io);
  const { host, runtime, takeOver, file, version } = context;
  const settings = await context.readSettings();
  const services = servicesOf(context, settings);
  if (takeOver && options.dryRun) {
    io.out(takeOverText(takeOver, { ...resolvePortmapSettings(context, settings), file }));
    return 0;
  }
  requireRuntimeDirectory(runtime, host.uid);
  const lock = takeDaemonLock(host, runtime);
  try {
    const peers = { shareOf: new PeerShares().of };
    const daemon = new Daemon({ version, runtime, uid: host.uid, peers }, services, settings);
    await daemon.start();
    await run(daemon, { ...context, io, stop });
  } finally {
    lock.release();
  }
  return 0;
}

async function contextOf(options: ServeOptions, io: Io): Promise<ServiceContext> {
  const host = linuxHost();
  const directories = directoriesOf(host.uid, io.env);
  return {
    host,
    log: openLog(io.err, process.stderr.isTTY === true),
    version: packageVersion(),
    runtime: resolve(options.runtime ?? directories.runtime),
    state: resolve(options.state ?? directories.state),
    options,
    pins: options.pins,
    takeOver: options.takeOver ? await planTakeOver(host) : undefined,
    file: options.config ?? settingsPath(directories.config),
    readSettings: () => io.readSettings(options.config),
  };
}

/** The inputs and outputs of a running daemon. */
interface Running extends Pick<ServiceContext, 'log' | 'readSettings'> {
  readonly io: Io;
  readonly stop: AbortController;
}

/** Returns after a request to stop. */
async function run(daemon: Daemon, { log, readSettings, io, stop }: Running): Promise<void> {
  let reloaded = Promise.resolve();
  const reload = () => {
    // A terminal that closes also sends it, and means the end of the process.
    if (process.stdin.isTTY) stop.abort();
    else reloaded = reloaded.then(() => reread(daemon, { log, readSettings }));
  };
  process.on('SIGHUP', reload);
  try {
    notifyManager('READY=1', io.env);
    const texts = await Promise.race([daemon.ready(), aborted(stop.signal)]);
    for (const text of texts ?? []) io.out(text);
    await aborted(stop.signal);
    notifyManager('STOPPING=1', io.env);
    log.info('portreeve: stopping');
  } finally {
    process.off('SIGHUP', reload);
    await reloaded;
    await daemon.stop();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}

/** SIGHUP: applies portreeve.toml to all services, or logs why one refuses and changes nothing. */
async function reread(
  daemon: Daemon,
  { log, readSettings }: Pick<Running, 'log' | 'readSettings'>,
): Promise<void> {
  try {
    await daemon.reload(await readSettings());
    log.info(`portreeve: ${['reloaded the settings', ...daemon.summaries].join('; ')}`);
  } catch (thrown) {
    const hint = thrown instanceof PortreeveError && thrown.hint !== '' ? `. ${thrown.hint}` : '';
    log.error(
      `portreeve: the settings were not reloaded, and nothing was changed: ${messageOf(thrown)}${hint}`,
    );
  }
}

function takeDaemonLock(host: Host, runtime: string): Lock {
  const lock = host.files.takeLock(join(runtime, 'portreeve.lock'));
  if (!('heldBy' in lock)) return lock;
  const hint =
    'To inspect it: portreeve status. A second daemon needs different --runtime, --port and --local.';
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
