// Replaces a running rpcbind: reads its registrations and addresses, stops it, and records the addresses.

import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { SETTINGS_MAX_BYTES, UID_MAX } from '../../base/limits.ts';
import { parseNetId } from '../../base/netid.ts';
import { PORTMAP_PORT, parseDecimal } from '../../base/port.ts';
import type { Files, ProcessInfo } from '../../host/host.ts';
import { counted } from '../../kit/text.ts';
import { parseServiceAddress } from '../../wire/uaddr.ts';
import type { Registration } from '../core/registrations.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import type { Rpcb } from '../wire/rpcbind.ts';
import type { CarriedAddresses, SkippedAddress } from './carried-addresses.ts';
import type { PortmapSettings } from './settings.ts';
import type { ParseSettings } from './settings-edit.ts';

/** The registrations that are carried over, and the entries that are skipped because they are not valid. */
interface CarriedEntries {
  readonly entries: readonly Registration[];
  readonly skipped: readonly Rpcb[];
}

/** Parses an owner as rpcbind shows it: "superuser", a uid, or "unknown". */
function ownerOf(text: string): number | undefined {
  return text === 'superuser' ? 0 : parseDecimal(text, UID_MAX);
}

/** Converts the entries of rpcbind, without those of rpcbind itself. */
export function carriedEntries(list: readonly Rpcb[]): CarriedEntries {
  const entries: Registration[] = [];
  const skipped: Rpcb[] = [];
  for (const entry of list) {
    const { program, version, address, owner } = entry;
    if (program === PORTMAP_PROGRAM) continue;
    const netid = parseNetId(entry.netid);
    const place = netid && parseServiceAddress(netid, address);
    if (!place) skipped.push(entry);
    else entries.push({ program, version, netid, ...place, owner: ownerOf(owner), builtIn: false });
  }
  return { entries, skipped };
}

/** How rpcbind is stopped: by systemctl if systemd is running, else by a signal. */
type StopMethod = { readonly command: readonly string[] } | { readonly signal: ProcessInfo };

export interface TakeOver {
  readonly rpcbind: ProcessInfo;
  readonly stop: StopMethod;
  readonly carried: CarriedEntries;
  readonly addresses: CarriedAddresses;
}

export interface TakeOverDeps {
  /** The processes that hold the sockets of a port mapper. */
  readonly holders: () => readonly ProcessInfo[];
  /** Whether systemd is pid 1: it would restart a service that is killed. */
  readonly isSystemdBooted: boolean;
  /** The registrations of rpcbind. */
  readonly registrations: () => Promise<readonly Rpcb[]>;
  /** The addresses of its sockets, whether it opened them or systemd did. */
  readonly addressesOf: (rpcbind: ProcessInfo) => CarriedAddresses;
  /** Runs a command to completion; returns why it failed. */
  readonly run: (argv: readonly string[]) => string | undefined;
  /** Sends SIGTERM. Throws if there is no such process, or permission is denied. */
  readonly terminate: (pid: number) => void;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
}

/** Ample: rpcbind ends at once on SIGTERM. */
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 20;

/**
 * Plans the replacement of the running port mapper, and changes nothing. Throws PortreeveError (refused)
 * `NO_PORT_MAPPER` if none is running, and `IS_PORTREEVE`.
 */
export async function planTakeOver(deps: TakeOverDeps): Promise<TakeOver> {
  // With socket activation systemd (pid 1) holds the socket, too.
  const rpcbind = deps.holders().find(({ pid }) => pid !== 1);
  if (!rpcbind) {
    const hint = 'There is nothing to replace. To start portreeve: portreeve serve';
    throw new PortreeveError('NO_PORT_MAPPER', 'no port mapper is running on this host', hint);
  }
  const { name, pid } = rpcbind;
  if (name.startsWith('portreeve')) {
    const message = `portreeve (pid ${pid}) is already the port mapper of this host`;
    throw new PortreeveError('IS_PORTREEVE', message, 'To show its status: portreeve status');
  }
  const command = ['systemctl', 'stop', 'rpcbind.socket', 'rpcbind.service'];
  const stop: StopMethod = deps.isSystemdBooted ? { command } : { signal: rpcbind };
  const carried = carriedEntries(await deps.registrations());
  return { rpcbind, stop, carried, addresses: deps.addressesOf(rpcbind) };
}

/** Stops it and waits until it has ended. Throws PortreeveError `NOT_STOPPED` (environment) if it does not. */
export async function stopRpcbind(deps: TakeOverDeps, { rpcbind, stop }: TakeOver): Promise<void> {
  const { clock } = deps;
  const failure = 'command' in stop ? deps.run(stop.command) : terminated(deps, rpcbind.pid);
  if (failure !== undefined) throw notStopped(rpcbind, failure);
  const deadline = clock.monotonic() + STOP_TIMEOUT_MS;
  // Its sockets, not its pid: a zombie still has a pid, but holds no socket.
  while (deps.holders().some(({ pid }) => pid === rpcbind.pid)) {
    if (clock.monotonic() > deadline) throw notStopped(rpcbind, 'it is still running');
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
}

function terminated({ terminate }: TakeOverDeps, pid: number): string | undefined {
  try {
    terminate(pid);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function notStopped({ name, pid }: ProcessInfo, why: string): PortreeveError {
  const message = `${name} (pid ${pid}) could not be stopped: ${why.trim()}`;
  const hint = 'Nothing was changed. Stop it manually. Then, to start portreeve: portreeve serve';
  return new PortreeveError('NOT_STOPPED', message, hint);
}

/** The settings that determine where to listen. */
export interface Listening extends Pick<PortmapSettings, 'addresses' | 'addressesFrom' | 'isListenSet'> {
  /** portreeve.toml. */
  readonly file: string;
}

/** Where to listen, the source of the addresses, and whether they are recorded for later starts. */
interface ListenPlan {
  readonly listen: readonly IpAddress[];
  readonly from: Listening['addressesFrom'];
  readonly skipped: readonly SkippedAddress[];
  /** The settings file to which the addresses are written; undefined if that is not necessary. */
  readonly record: string | undefined;
}

function listenPlan({ skipped }: CarriedAddresses, listening: Listening): ListenPlan {
  const { addresses: listen, addressesFrom: from, file, isListenSet } = listening;
  return { listen, from, skipped, record: isListenSet || listen.every(isLoopback) ? undefined : file };
}

/** The result of recordListen(), with a message for the log. */
interface ListenRecord {
  readonly isWritten: boolean;
  readonly message: string;
}

interface ListenRecordDeps {
  readonly parseSettings: ParseSettings;
  readonly files: Pick<Files, 'readText'>;
  /** Creates the file, or replaces the existing one. Throws PortreeveError (environment). */
  readonly write: (path: string, text: string, isThere: boolean) => void;
}

/**
 * Writes the addresses to portreeve.toml, so that later starts listen on them and the administrator can change them
 * there. If that fails, the message has the line that is missing. Undefined if nothing has to be written.
 */
export async function recordListen(
  { files, write, parseSettings }: ListenRecordDeps,
  { addresses }: TakeOver,
  listening: Listening,
): Promise<ListenRecord | undefined> {
  const { listen, record: path } = listenPlan(addresses, listening);
  if (path === undefined) return undefined;
  const { listenSetting, withListen } = await import('./settings-edit.ts');
  const texts = listen.map(formatIp);
  try {
    const text = files.readText(path, SETTINGS_MAX_BYTES);
    write(path, await withListen(text ?? '', path, texts, parseSettings), text !== undefined);
    return { isWritten: true, message: `wrote the addresses to ${path}, [portmap]: ${listenSetting(texts)}` };
  } catch (thrown) {
    const needed = `without [portmap] ${listenSetting(texts)} the next start listens on loopback only`;
    const message = `could not write the addresses to ${path}: ${messageOf(thrown)}; ${needed}`;
    return { isWritten: false, message };
  }
}

const FROM: Readonly<Record<ListenPlan['from'], string>> = {
  'command line': 'from --listen',
  settings: 'from [portmap] listen',
  rpcbind: 'as it does now',
  default: 'as it does now',
};

function listenLines({ listen, from, skipped, record }: ListenPlan): string[] {
  const where = listen.length > 0 ? `loopback, ${listen.map(formatIp).join(', ')}` : 'loopback only';
  const isCarried = from === 'rpcbind' || from === 'default';
  const exceptions = isCarried ? skipped : [];
  const end = exceptions.length > 0 ? ', except:' : '.';
  return [
    `3. Listen on port ${PORTMAP_PORT} of ${where}, ${FROM[from]}${end}`,
    ...exceptions.map(({ endpoint, why }) => `   ${endpoint}, because ${why}`),
    ...(record === undefined
      ? []
      : [`   The addresses are written to ${record}, [portmap] listen, for later starts.`]),
  ];
}

/** The plan as `--dry-run` prints it. */
export function takeOverText({ rpcbind, stop, carried, addresses }: TakeOver, listening: Listening): string {
  const { entries, skipped } = carried;
  const how = 'command' in stop ? stop.command.join(' ') : `SIGTERM to pid ${stop.signal.pid}`;
  const users = new Set(entries.map(({ owner }) => owner ?? 'unknown'));
  const counts = `${counted(entries.length, 'registration')} of ${counted(users.size, 'user')}`;
  const lines = [
    `${rpcbind.name} (pid ${rpcbind.pid}) is the port mapper of this host.`,
    `1. Read its ${counts}. No RPC server has to be restarted.`,
    ...skipped.map(
      (entry) => `   not valid, and skipped: program ${entry.program} ${entry.netid} ${entry.address}`,
    ),
    `2. Stop it: ${how}.`,
    ...listenLines(listenPlan(addresses, listening)),
    `4. Serve these registrations${entries.length > 0 ? ':' : '.'}`,
    ...entries.map((entry) => `   ${entryText(entry)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function entryText({ program, version, netid, address, port, owner }: Registration): string {
  const where = typeof address === 'string' ? address : `${formatIp(address)} port ${port}`;
  const who = owner === undefined ? 'owner unknown' : `uid ${owner}`;
  return `program ${program} version ${version} ${netid} ${where}, ${who}`;
}
