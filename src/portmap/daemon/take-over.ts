// `portreeve portmap take-over`: reads what a running rpcbind has registered, stops it, and serves in its place.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { formatIp, isLoopback } from '../../base/address.ts';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { SETTINGS_MAX_BYTES } from '../../base/limits.ts';
import { PORTMAP_PORT } from '../../base/port.ts';
import type { Host, ProcessInfo } from '../../host/host.ts';
import { replaceFile } from '../../host/linux/files.ts';
import { putFile } from '../../host/linux/put-file.ts';
import type { Log } from '../../kit/log.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import { type CarriedAddresses, carriedAddresses } from '../app/carried-addresses.ts';
import { type PortmapSettings, RPCBIND_SOCKET } from '../app/settings.ts';
import type { ParseSettings } from '../app/settings-edit.ts';
import {
  type CarriedEntries,
  carriedEntries,
  type ListenPlan,
  planText,
  type StopMethod,
} from '../app/take-over.ts';
import { Portmap } from '../client/portmap.ts';

/** Where systemd runs, it would start again what was only killed (sd_booted(3)). */
const SYSTEMD_RUNS = '/run/systemd/system';
/** rpcbind ends at once when it is told to. */
const STOP_TIMEOUT_MS = 5000;
/** More than systemd gives a service that does not (DefaultTimeoutStopSec): what is given up here goes on there. */
const STOP_COMMAND_MS = 100_000;
const POLL_MS = 20;

/** What is to be done. */
export interface TakeOver {
  readonly rpcbind: ProcessInfo;
  readonly stop: StopMethod;
  readonly carried: CarriedEntries;
  readonly addresses: CarriedAddresses;
}

/** Where to listen, and the file that has to say so for later starts. */
export interface Listening {
  readonly settings: Pick<PortmapSettings, 'addresses' | 'addressesFrom' | 'isListenSet'>;
  /** The path of portreeve.toml. */
  readonly file: string;
}

/** What the addresses are recorded with. */
interface RecordDeps {
  readonly host: Pick<Host, 'files'>;
  readonly log: Pick<Log, 'info' | 'error'>;
  readonly parseSettings: ParseSettings;
}

/** The processes that have the sockets of a port mapper. */
function holdersOf(host: Host): ProcessInfo[] {
  return [
    ...host.sockets.holders({ path: RPCBIND_SOCKET }),
    ...host.sockets.holders({ protocol: 'udp', port: PORTMAP_PORT }),
  ];
}

/** Looks at the port mapper that runs. Throws PortreeveError (refused) `NO_PORT_MAPPER` if there is none. */
export async function planTakeOver(host: Host): Promise<TakeOver> {
  // systemd holds the socket besides, where it has opened it for rpcbind.
  const rpcbind = holdersOf(host).find(({ pid }) => pid !== 1);
  if (!rpcbind) {
    const hint = 'There is nothing to be taken over. Start portreeve with: portreeve serve';
    throw new PortreeveError('NO_PORT_MAPPER', 'no port mapper runs on this host', hint);
  }
  if (rpcbind.name.startsWith('portreeve')) {
    const hint = 'Look at it with: portreeve status';
    throw new PortreeveError('IS_PORTREEVE', `portreeve (pid ${rpcbind.pid}) is the port mapper`, hint);
  }
  const isService = existsSync(SYSTEMD_RUNS);
  const command = ['systemctl', 'stop', 'rpcbind.socket', 'rpcbind.service'];
  const stop: StopMethod = isService ? { command } : { signal: rpcbind };
  return { rpcbind, stop, carried: carriedEntries(await readList()), addresses: addressesOf(rpcbind) };
}

/** The addresses of its sockets: how it was started does not matter, nor whether systemd opened them for it. */
function addressesOf({ pid }: ProcessInfo): CarriedAddresses {
  const open = new LinuxOpenSockets();
  const sockets = open.list({ port: PORTMAP_PORT, states: ['LISTEN', 'UNCONNECTED'] });
  const { owners } = open.owners(new Set(sockets.map(({ inode }) => inode)));
  const own = sockets.filter(({ inode }) => owners.get(inode)?.some((owner) => owner.pid === pid));
  const present = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return carriedAddresses(
    own,
    present.map(({ address }) => address),
  );
}

/** What is to be listened on, and whether the settings have to say so from now on. */
function listenPlan({ addresses: { left } }: TakeOver, { settings, file }: Listening): ListenPlan {
  const { addresses: listen, addressesFrom: from, isListenSet } = settings;
  return { listen, from, left, record: isListenSet || listen.every(isLoopback) ? undefined : file };
}

/**
 * Has later starts listen where this one does: an administrator sees it in portreeve.toml, and can change it there.
 * Where the file cannot be written that is told, with what it would have to say.
 */
export async function recordListen(
  { host, log, parseSettings }: RecordDeps,
  takeOver: TakeOver,
  listening: Listening,
): Promise<void> {
  const { listen, record } = listenPlan(takeOver, listening);
  if (record === undefined) return;
  const { listenSetting, withListen } = await import('../app/settings-edit.ts');
  const addresses = listen.map(formatIp);
  try {
    const text = host.files.readText(record, SETTINGS_MAX_BYTES);
    const edited = await withListen(text ?? '', record, addresses, parseSettings);
    if (text === undefined) putFile(record, edited);
    else replaceFile(record, edited);
    log.info(`portmap: ${record} says from now on where to listen: ${listenSetting(addresses)}`);
  } catch (thrown) {
    const needed = `without [portmap] ${listenSetting(addresses)} the next start listens on loopback only`;
    log.error(`portmap: the addresses were not written into ${record}: ${messageOf(thrown)}; ${needed}`);
  }
}

async function readList() {
  await using mapper = new Portmap({ transport: 'local', path: RPCBIND_SOCKET });
  const list = await mapper.dump();
  return list.map((entry) => ({ ...entry, owner: entry.owner ?? 'unknown' }));
}

export function takeOverPlan(takeOver: TakeOver, listening: Listening): string {
  const { rpcbind, stop, carried } = takeOver;
  return planText(rpcbind, stop, carried, listenPlan(takeOver, listening));
}

/** Stops it and waits until it is gone. Throws PortreeveError `NOT_STOPPED` (world) if it does not go. */
export async function stopRpcbind(host: Host, { rpcbind, stop }: TakeOver): Promise<void> {
  if ('command' in stop) {
    const [program = '', ...args] = stop.command;
    const { status, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      timeout: STOP_COMMAND_MS,
    });
    if (status !== 0) throw notStopped(rpcbind, error?.message ?? stderr);
  } else {
    try {
      process.kill(rpcbind.pid, 'SIGTERM');
    } catch (thrown) {
      throw notStopped(rpcbind, messageOf(thrown));
    }
  }
  const deadline = host.clock.monotonic() + STOP_TIMEOUT_MS;
  while (isHolding(host, rpcbind)) {
    if (host.clock.monotonic() > deadline) throw notStopped(rpcbind, 'it still runs');
    await new Promise<void>((resolve) => host.clock.after(POLL_MS, resolve));
  }
}

/** A process that has ended and that nobody has waited for holds nothing any more. */
function isHolding(host: Host, { pid }: ProcessInfo): boolean {
  return holdersOf(host).some((holder) => holder.pid === pid);
}

function notStopped({ name, pid }: ProcessInfo, why: string): PortreeveError {
  const hint = 'Nothing was changed. Stop it yourself, and start portreeve with: portreeve serve';
  return new PortreeveError('NOT_STOPPED', `${name} (pid ${pid}) could not be stopped: ${why.trim()}`, hint);
}
