// `portreeve portmap list`: what a port mapper has registered, in lines that an administrator can read.
import { formatIp } from '../base/address.ts';
import { PortreeveError } from '../base/errors.ts';
import { NETIDS, netIdInfo, parseNetId } from '../base/netid.ts';
import {
  hostPortText,
  Portmap,
  type PortmapEntry,
  type PortmapTarget,
  parseUaddr,
  RpcError,
} from '../client/index.ts';
import { askDaemon } from './daemon-status.ts';
import type { Io } from './io.ts';
import { type PortmapHost, parsePortmapHost, parseTimeout } from './portmap-host.ts';
import { hostRpcNames } from './rpc-names.ts';
import { type Column, formatTable, json } from './text.ts';

export interface PortmapListOptions {
  readonly json?: boolean;
  readonly timeout?: string;
}

export async function portmapListCommand(
  host: string | undefined,
  options: PortmapListOptions,
  io: Io,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const entries =
    host === undefined
      ? await firstDump(await targetsHere(io), timeoutMs, HINT_HERE)
      : await firstDump([targetOf(parsePortmapHost(host))], timeoutMs, HINT_THERE);
  const names = hostRpcNames();
  const mappings = entries.map((entry) => mappingOf(entry, names.nameOf(entry.program)));
  io.out(options.json ? json(mappings) : formatTable(io, COLUMNS, rowsOf(mappings)));
  return 0;
}

const HINT_HERE = 'Is one running (systemctl status rpcbind)? portreeve is one: portreeve serve';
const HINT_THERE = 'Is a port mapper running there, and do firewalls let its port through?';

/** Where rpcbind is asked on its own host. */
const USUAL_TARGETS: readonly PortmapTarget[] = [
  { transport: 'local', path: '/run/rpcbind.sock' },
  { transport: 'tcp', host: '127.0.0.1' },
];

/** The running daemon's port mapper, as far as there is one, then the usual places. */
async function targetsHere(io: Io): Promise<PortmapTarget[]> {
  const { sockets } = await askDaemon(io, undefined).then(
    ({ portmap }) => portmap,
    () => ({ sockets: [] }),
  );
  const local = sockets.filter(({ netid }) => netid === 'local');
  const tcp = sockets.filter(({ netid }) => netid === 'tcp' || netid === 'tcp6');
  const ofDaemon = [...local, ...tcp].map(({ endpoint }) => targetOf(parsePortmapHost(endpoint)));
  return [...ofDaemon, ...USUAL_TARGETS];
}

function targetOf(host: PortmapHost): PortmapTarget {
  if (host.kind === 'local') return { transport: 'local', path: host.path };
  return { transport: 'tcp', host: host.host, port: host.port };
}

/** What the first port mapper that answers lists. Throws PortreeveError (world) `PORTMAP_SILENT` if none does. */
async function firstDump(
  targets: readonly PortmapTarget[],
  timeoutMs: number,
  hint: string,
): Promise<PortmapEntry[]> {
  const reasons: string[] = [];
  for (const target of targets) {
    await using portmap = new Portmap(target, { timeoutMs });
    try {
      return await portmap.dump();
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
      reasons.push(thrown.message);
    }
  }
  const message = ['no port mapper lists its mappings:', ...new Set(reasons)].join('\n  ');
  throw new PortreeveError('world', 'PORTMAP_SILENT', message, hint);
}

/** A mapping as `--json` prints it. */
interface Mapping {
  readonly program: number;
  readonly name: string | null;
  readonly version: number;
  readonly netid: string;
  /** The universal address. */
  readonly address: string;
  /** Its parts; null for a Unix socket. */
  readonly host: string | null;
  readonly port: number | null;
  readonly owner: string | null;
}

function mappingOf(entry: PortmapEntry, name: string | undefined): Mapping {
  const { program, version, netid, address, owner } = entry;
  const endpoint = parseUaddr(address);
  const host = endpoint ? formatIp(endpoint.address) : null;
  const port = endpoint?.port ?? null;
  return { program, name: name ?? null, version, netid, address, host, port, owner: owner ?? null };
}

/** The versions of a program at one address. */
interface Row extends Omit<Mapping, 'version'> {
  readonly versions: number[];
}

function rowsOf(mappings: readonly Mapping[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { version, ...rest } of mappings) {
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

/** "2-4" for 2, 3 and 4; "1,3" for 1 and 3. */
export function versionsText(versions: readonly number[]): string {
  const sorted = [...new Set(versions)].sort((a, b) => a - b);
  const runs: [first: number, last: number][] = [];
  for (const version of sorted) {
    const run = runs.at(-1);
    if (run && run[1] === version - 1) run[1] = version;
    else runs.push([version, version]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
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
