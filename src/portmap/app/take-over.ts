// Taking the place of a running rpcbind: what it has registered becomes registrations of ours, and it is stopped.

import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { SETTINGS_MAX_BYTES, UID_MAX } from '../../base/limits.ts';
import { parseNetId } from '../../base/netid.ts';
import { PORTMAP_PORT, parseDecimal } from '../../base/port.ts';
import type { Files, ProcessInfo } from '../../host/host.ts';
import { parseServiceAddress } from '../../wire/uaddr.ts';
import type { Registration } from '../core/registrations.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import type { Rpcb } from '../wire/rpcbind.ts';
import type { AddressLeft, CarriedAddresses } from './carried-addresses.ts';
import type { PortmapSettings } from './settings.ts';
import type { ParseSettings } from './settings-edit.ts';

/** What is carried over, and what cannot be because it is no registration. */
interface CarriedEntries {
  readonly entries: readonly Registration[];
  readonly left: readonly Rpcb[];
}

/** An owner as rpcbind shows it: "superuser", a uid, or "unknown", whose entries only root can change from then on. */
function ownerOf(text: string): number | undefined {
  return text === 'superuser' ? 0 : parseDecimal(text, UID_MAX);
}

/** The registrations of a list of rpcbind's, without its own. */
export function carriedEntries(list: readonly Rpcb[]): CarriedEntries {
  const entries: Registration[] = [];
  const left: Rpcb[] = [];
  for (const entry of list) {
    const { program, version, address, owner } = entry;
    if (program === PORTMAP_PROGRAM) continue;
    const netid = parseNetId(entry.netid);
    const place = netid && parseServiceAddress(netid, address);
    if (!place) left.push(entry);
    else entries.push({ program, version, netid, ...place, owner: ownerOf(owner), builtIn: false });
  }
  return { entries, left };
}

/** How rpcbind is stopped: by systemd where it runs there, else by a signal. */
type StopMethod = { readonly command: readonly string[] } | { readonly signal: ProcessInfo };

export interface TakeOver {
  readonly rpcbind: ProcessInfo;
  readonly stop: StopMethod;
  readonly carried: CarriedEntries;
  readonly addresses: CarriedAddresses;
}

/** What rpcbind is found and stopped with. */
export interface TakeOverDeps {
  /** The processes that have the sockets of a port mapper. */
  readonly holders: () => readonly ProcessInfo[];
  /** Whether systemd is the first process: it would start again what was only killed. */
  readonly isSystemdBooted: boolean;
  /** What rpcbind has registered. */
  readonly registrations: () => Promise<readonly Rpcb[]>;
  /** The addresses of its sockets: how it was started does not matter, nor whether systemd opened them for it. */
  readonly addressesOf: (rpcbind: ProcessInfo) => CarriedAddresses;
  /** Runs a command to its end; returns why it failed. */
  readonly run: (argv: readonly string[]) => string | undefined;
  /** Sends SIGTERM. Throws where there is no such process, or it is not ours to end. */
  readonly terminate: (pid: number) => void;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
}

/** rpcbind ends at once when it receives SIGTERM. */
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 20;

/**
 * Plans to take the place of the port mapper that runs; nothing is changed. Throws PortreeveError (refused)
 * `NO_PORT_MAPPER` where there is none, and `IS_PORTREEVE`.
 */
export async function planTakeOver(deps: TakeOverDeps): Promise<TakeOver> {
  // systemd holds the socket as well, where it has opened it for rpcbind.
  const rpcbind = deps.holders().find(({ pid }) => pid !== 1);
  if (!rpcbind) {
    const hint = 'There is nothing to be taken over. Start portreeve with: portreeve serve';
    throw new PortreeveError('NO_PORT_MAPPER', 'no port mapper runs on this host', hint);
  }
  const { name, pid } = rpcbind;
  if (name.startsWith('portreeve')) {
    const message = `portreeve (pid ${pid}) is the port mapper`;
    throw new PortreeveError('IS_PORTREEVE', message, 'Look at it with: portreeve status');
  }
  const command = ['systemctl', 'stop', 'rpcbind.socket', 'rpcbind.service'];
  const stop: StopMethod = deps.isSystemdBooted ? { command } : { signal: rpcbind };
  const carried = carriedEntries(await deps.registrations());
  return { rpcbind, stop, carried, addresses: deps.addressesOf(rpcbind) };
}

/** Stops it and waits until it is gone. Throws PortreeveError `NOT_STOPPED` (environment) where it does not go. */
export async function stopRpcbind(deps: TakeOverDeps, { rpcbind, stop }: TakeOver): Promise<void> {
  const { clock } = deps;
  const failure = 'command' in stop ? deps.run(stop.command) : terminated(deps, rpcbind.pid);
  if (failure !== undefined) throw notStopped(rpcbind, failure);
  const deadline = clock.monotonic() + STOP_TIMEOUT_MS;
  // A process that has ended and that nobody has waited for holds nothing any more.
  while (deps.holders().some(({ pid }) => pid === rpcbind.pid)) {
    if (clock.monotonic() > deadline) throw notStopped(rpcbind, 'it still runs');
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
  const hint = 'Nothing was changed. Stop it yourself, and start portreeve with: portreeve serve';
  return new PortreeveError('NOT_STOPPED', message, hint);
}

/** What the settings say of where to listen. */
export interface Listening extends Pick<PortmapSettings, 'addresses' | 'addressesFrom' | 'isListenSet'> {
  /** portreeve.toml. */
  readonly file: string;
}

/** Where it is listened, who has said so, and whether that is kept for later starts. */
interface ListenPlan {
  readonly listen: readonly IpAddress[];
  readonly from: Listening['addressesFrom'];
  readonly left: readonly AddressLeft[];
  /** The settings file into which the addresses are written; undefined where none has to be. */
  readonly record: string | undefined;
}

function listenPlan({ left }: CarriedAddresses, listening: Listening): ListenPlan {
  const { addresses: listen, addressesFrom: from, file, isListenSet } = listening;
  return { listen, from, left, record: isListenSet || listen.every(isLoopback) ? undefined : file };
}

/** What became of the record: a sentence for the log. */
interface ListenRecord {
  readonly isWritten: boolean;
  readonly message: string;
}

/** What the addresses are recorded with. */
interface ListenRecordDeps {
  readonly parseSettings: ParseSettings;
  readonly files: Pick<Files, 'readText'>;
  /** Makes a file, or replaces the one that is there. Throws PortreeveError (environment). */
  readonly write: (path: string, text: string, isThere: boolean) => void;
}

/**
 * Has later starts listen where this one does: an administrator sees it in portreeve.toml, and can change it there.
 * Where the file cannot be written the record says so, with what it would have to have. Undefined where none is needed.
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
    return { isWritten: true, message: `${path} says from now on where to listen: ${listenSetting(texts)}` };
  } catch (thrown) {
    const needed = `without [portmap] ${listenSetting(texts)} the next start listens on loopback only`;
    const message = `the addresses were not written into ${path}: ${messageOf(thrown)}; ${needed}`;
    return { isWritten: false, message };
  }
}

const FROM: Readonly<Record<ListenPlan['from'], string>> = {
  'command line': 'as --listen says',
  settings: 'as [portmap] listen says',
  rpcbind: 'as it does now',
  default: 'as it does now',
};

function listenLines({ listen, from, left, record }: ListenPlan): string[] {
  const where = listen.length > 0 ? `loopback, ${listen.map(formatIp).join(', ')}` : 'loopback only';
  const isCarried = from === 'rpcbind' || from === 'default';
  const how = isCarried && left.length > 0 ? 'as far as it does now' : FROM[from];
  return [
    `3. Listen on port ${PORTMAP_PORT} of ${where}, ${how}.`,
    ...(isCarried ? left.map(({ endpoint, why }) => `   not taken over: ${endpoint}, because ${why}`) : []),
    ...(record === undefined
      ? []
      : [`   The addresses are written into ${record}, [portmap] listen, for later starts.`]),
  ];
}

/** The plan in sentences, as `--dry-run` shows it. */
export function takeOverText({ rpcbind, stop, carried, addresses }: TakeOver, listening: Listening): string {
  const { entries, left } = carried;
  const how = 'command' in stop ? stop.command.join(' ') : `SIGTERM to pid ${stop.signal.pid}`;
  const users = new Set(entries.map(({ owner }) => owner ?? 'unknown'));
  const lines = [
    `${rpcbind.name} (pid ${rpcbind.pid}) is the port mapper of this host.`,
    `1. Read its registrations: ${entries.length}, of ${users.size} users; no server has to be restarted.`,
    ...left.map(
      (entry) =>
        `   left behind, because it is none: program ${entry.program} ${entry.netid} ${entry.address}`,
    ),
    `2. Stop it: ${how}.`,
    ...listenLines(listenPlan(addresses, listening)),
    '4. Serve, with these registrations.',
    ...entries.map((entry) => `   ${entryText(entry)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function entryText({ program, version, netid, address, port, owner }: Registration): string {
  const where = typeof address === 'string' ? address : `${formatIp(address)} port ${port}`;
  return `program ${program} version ${version} ${netid} ${where}, ${owner === undefined ? 'unknown' : `uid ${owner}`}`;
}
