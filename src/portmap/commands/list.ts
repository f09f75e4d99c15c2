// `portreeve portmap list`: prints the registrations of a port mapper.
import { formatIp, hostPortText } from '../../base/address.ts';
import { NETIDS, netIdInfo, parseNetId } from '../../base/netid.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, json } from '../../kit/text.ts';
import { parseUaddr } from '../../wire/uaddr.ts';
import type { PortmapEntry } from '../client/portmap.ts';
import { parseTimeout } from './host.ts';
import type { PortmapListOptions } from './index.ts';
import { queryPortmap } from './query.ts';
import { hostRpcNames } from './rpc-names.ts';
import { versionsText } from './versions.ts';

export async function portmapListCommand(
  host: string | undefined,
  options: PortmapListOptions,
  io: Io,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const entries = await queryPortmap(host, timeoutMs, io, (portmap) => portmap.dump());
  const names = hostRpcNames();
  const listed = entries.map((entry) => listedEntry(entry, names.nameOf(entry.program)));
  io.out(options.json ? json(listed) : formatTable(io, COLUMNS, rowsOf(listed)));
  return 0;
}

/** A registration as `--json` prints it. */
interface ListedEntry {
  readonly program: number;
  readonly name: string | null;
  readonly version: number;
  readonly netid: string;
  /** The universal address. */
  readonly address: string;
  /** The parts of the address; null for a Unix socket. */
  readonly host: string | null;
  readonly port: number | null;
  readonly owner: string | null;
}

function listedEntry(entry: PortmapEntry, name: string | undefined): ListedEntry {
  const { program, version, netid, address, owner } = entry;
  const endpoint = parseUaddr(address);
  const host = endpoint ? formatIp(endpoint.address) : null;
  const port = endpoint?.port ?? null;
  return { program, name: name ?? null, version, netid, address, host, port, owner: owner ?? null };
}

/** The versions of a program at one address. */
interface Row extends Omit<ListedEntry, 'version'> {
  readonly versions: number[];
}

function rowsOf(entries: readonly ListedEntry[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { version, ...rest } of entries) {
    const key = JSON.stringify([rest.program, rest.netid, rest.address, rest.owner]);
    const row = rows.get(key) ?? { ...rest, versions: [] };
    row.versions.push(version);
    rows.set(key, row);
  }
  return [...rows.values()].sort((a, b) => a.program - b.program || rank(a.netid) - rank(b.netid));
}

function rank(netid: string): number {
  const known = parseNetId(netid);
  return known ? netIdInfo(known).index : NETIDS.length;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'PROGRAM', text: ({ program }) => `${program}`, isNumber: true },
  { title: 'NAME', text: ({ name }) => name ?? '-' },
  { title: 'VERSIONS', text: ({ versions }) => versionsText(versions) },
  { title: 'NETID', text: ({ netid }) => netid },
  {
    title: 'ADDRESS',
    text: ({ host, port, address }) => (host && port ? hostPortText(host, port) : address),
  },
  { title: 'OWNER', text: ({ owner }) => owner ?? '-' },
];
