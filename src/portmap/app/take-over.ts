// Taking the place of a running rpcbind: what it has registered, made into registrations of ours.
import { formatIp, type IpAddress } from '../../base/address.ts';
import { UID_MAX } from '../../base/limits.ts';
import { parseNetId } from '../../base/netid.ts';
import { PORTMAP_PORT, parseDecimal } from '../../base/port.ts';
import type { ProcessInfo } from '../../host/host.ts';
import { parseServiceAddress } from '../../wire/uaddr.ts';
import type { Registration } from '../core/registrations.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import type { Rpcb } from '../wire/rpcbind.ts';
import type { AddressLeft } from './carried-addresses.ts';

/** What is carried over, and what cannot be because it is no registration. */
export interface CarriedEntries {
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
export type StopMethod = { readonly command: readonly string[] } | { readonly signal: ProcessInfo };

/** Where it is listened, who has said so, and whether that is kept for later starts. */
export interface ListenPlan {
  readonly listen: readonly IpAddress[];
  readonly from: 'command line' | 'settings' | 'rpcbind' | 'default';
  readonly left: readonly AddressLeft[];
  /** The settings file into which the addresses are written; undefined where none has to be. */
  readonly record: string | undefined;
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
export function planText(
  rpcbind: ProcessInfo,
  stop: StopMethod,
  { entries, left }: CarriedEntries,
  listen: ListenPlan,
): string {
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
    ...listenLines(listen),
    '4. Serve, with these registrations.',
    ...entries.map((entry) => `   ${entryText(entry)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function entryText({ program, version, netid, address, port, owner }: Registration): string {
  const where = typeof address === 'string' ? address : `${formatIp(address)} port ${port}`;
  return `program ${program} version ${version} ${netid} ${where}, ${owner === undefined ? 'unknown' : `uid ${owner}`}`;
}
