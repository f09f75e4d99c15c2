// Lists sockets with their owners and port names, as records or as a table.
import type { OpenSocket, SocketState } from '../../base/open-socket.ts';
import { isInRange, type RequestedPorts } from '../../base/port.ts';
import { type Column, type TableStyle, tableText } from '../../base/table.ts';
import type { SocketSnapshot } from '../core/socket-snapshot.ts';
import { type NameDeps, type PortNames, portNames, type ReservedFor } from './port-names.ts';
import { type PortRecord, portRecord } from './port-records.ts';
import { addressText, endText, type InterfaceName, ownerText, stateText } from './port-text.ts';
import type { PortsFilter, PortsQuery } from './ports-query.ts';
import { readSockets, type SocketDeps } from './read-sockets.ts';

export interface PortsDeps extends SocketDeps {
  readonly names: () => Promise<PortNames>;
  readonly interfaceName: InterfaceName;
}

/** Reads the names on first use. */
export function namesBy(deps: NameDeps): () => Promise<PortNames> {
  let names: Promise<PortNames> | undefined;
  return () => {
    names ??= portNames(deps);
    return names;
  };
}

/** A socket with the names of its port. */
export interface NamedRecord extends PortRecord {
  readonly name: string | null;
  readonly programs: readonly string[];
  readonly reservations: readonly ReservedFor[];
}

export interface PortsSummary {
  /** The number of sockets. */
  readonly shown: number;
  /** The number of those whose owner is unknown. */
  readonly hiddenOwners: number;
  /** The number of processes whose sockets could not be read. */
  readonly hiddenProcesses: number;
  /** Messages about sources of names that could not be read. */
  readonly problems: readonly string[];
}

/** Sorted by port. */
export interface PortsRecords extends PortsSummary {
  readonly ports: readonly NamedRecord[];
}

export interface PortsTable extends PortsSummary {
  readonly table: string;
}

/** Throws what OpenSockets.list() throws. */
export async function portsRecords(deps: PortsDeps, query: PortsQuery): Promise<PortsRecords> {
  const { records, ...summary } = select(deps, query, true);
  const names = await deps.names();
  return { ...summary, problems: names.problems, ports: records.map((record) => named(record, names)) };
}

/** Throws what OpenSockets.list() throws. */
export async function portsTable(deps: PortsDeps, query: PortsQuery, shape: TableStyle): Promise<PortsTable> {
  const { records, ...summary } = select(deps, query, false);
  const names = await deps.names();
  const columns = columnsOf(records, names, deps.interfaceName, query.which === 'all');
  const table = records.length === 0 ? '' : tableText(columns, records, shape);
  return { ...summary, problems: names.problems, table };
}

function select(deps: PortsDeps, query: PortsQuery, isFull: boolean) {
  const seen: SocketSnapshot = readPorts(deps, query);
  const records = seen.sockets.map((socket) => portRecord(socket, isFull));
  const { owner } = query;
  const wanted = sorted(owner === undefined ? records : records.filter((record) => isOwnedBy(record, owner)));
  let hiddenOwners = 0;
  for (const { inode, owners } of wanted) if (inode !== 0 && owners.length === 0) hiddenOwners++;
  return { records: wanted, shown: wanted.length, hiddenOwners, hiddenProcesses: seen.hiddenProcesses };
}

/** TCP sockets that listen, and UDP sockets that are not connected. */
const LISTENING: readonly SocketState[] = ['LISTEN', 'UNCONNECTED'];
const STATES: Readonly<Record<PortsFilter['which'], readonly SocketState[] | undefined>> = {
  listening: LISTENING,
  holding: [...LISTENING, 'BOUND'],
  all: undefined,
};

/** Throws what OpenSockets.list() throws. */
export function readPorts(deps: SocketDeps, { which, ports }: PortsFilter): SocketSnapshot {
  const [only, ...others] = ports;
  const port = only && others.length === 0 && only.first === only.last ? only.first : undefined;
  const protocols = new Set(ports.map(({ protocol }) => protocol));
  const [protocol] = protocols.size === 1 ? protocols : [];
  return readSockets(deps, { states: STATES[which], port, protocol }, (socket) => isInRanges(socket, ports));
}

function isInRanges({ protocol, local }: OpenSocket, ports: readonly RequestedPorts[]): boolean {
  return ports.length === 0 || ports.some((range) => isInRange(local.port, protocol, range));
}

export function named(record: PortRecord, names: PortNames): NamedRecord {
  const { port, protocol } = record;
  return {
    ...record,
    name: names.nameOf(port, protocol) ?? null,
    programs: names.programsOf(port, protocol),
    reservations: names.reservationsOf(port, protocol),
  };
}

/** Whether a word names the owner: by process name or pid, user, unit, container id, or job. */
export function isOwnedBy(record: PortRecord, word: string): boolean {
  const { owners, user, uid, unit, container, job } = record;
  return (
    owners.some(({ pid, name }) => name === word || `${pid}` === word) ||
    [user, `uid ${uid}`, unit, unit?.replace(/\.service$/, ''), job].includes(word) ||
    (container !== null && isContainerId(word, container.id))
  );
}

/** As docker accepts them: in full or abbreviated. */
function isContainerId(word: string, id: string): boolean {
  return word !== '' && (word.length < id.length ? id.startsWith(word) : word.startsWith(id));
}

/** More than any host has. */
const SOCKETS_MAX = 2 ** 24;

/** By port; TCP before UDP, listeners before connections, IPv4 before IPv6; then by address. */
function sorted(records: readonly PortRecord[]): PortRecord[] {
  // Sorting numbers is much faster than sorting records. Each number combines a record's rank and index.
  const keys = Float64Array.from(records, (record, index) => placeOf(record) * SOCKETS_MAX + index).sort();
  const result: PortRecord[] = [];
  let place = -1;
  let firstAt = 0;
  for (const key of keys) {
    const next = Math.floor(key / SOCKETS_MAX);
    if (next !== place) {
      sortFrom(result, firstAt);
      firstAt = result.length;
      place = next;
    }
    const record = records[key % SOCKETS_MAX];
    if (record) result.push(record);
  }
  sortFrom(result, firstAt);
  return result;
}

function placeOf({ port, protocol, remote, address }: PortRecord): number {
  return port * 8 + (protocol === 'tcp' ? 0 : 4) + (remote ? 2 : 0) + (address.includes(':') ? 1 : 0);
}

/** Sorts the records from `at` on, which have the same rank. */
function sortFrom(records: PortRecord[], at: number): void {
  if (records.length - at < 2) return;
  for (const record of records.splice(at).sort(byAddress)) records.push(record);
}

function byAddress(a: PortRecord, b: PortRecord): number {
  return (
    compare(a.address, b.address) ||
    compare(a.remote?.address ?? '', b.remote?.address ?? '') ||
    (a.remote?.port ?? 0) - (b.remote?.port ?? 0) ||
    a.inode - b.inode
  );
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Optional columns are omitted if they are empty. */
function columnsOf(
  records: readonly PortRecord[],
  names: PortNames,
  interfaceName: InterfaceName,
  withRemote: boolean,
): Column<PortRecord>[] {
  const optional = OPTIONAL.map(
    ([title, text]): Column<PortRecord> => ({
      title,
      text: ({ port, protocol }) => text(names, port, protocol),
    }),
  );
  return [
    { title: 'PROTOCOL', text: ({ protocol }) => protocol },
    { title: 'ADDRESS', text: (record) => addressText(record, interfaceName) },
    { title: 'PORT', text: ({ port }) => `${port}`, isNumber: true },
    { title: 'STATE', text: stateText },
    ...(withRemote ? [REMOTE] : []),
    { title: 'OWNER', text: ownerText },
    ...optional.filter(({ text }) => records.some((record) => text(record) !== '')),
  ];
}

const REMOTE: Column<PortRecord> = { title: 'REMOTE', text: ({ remote }) => (remote ? endText(remote) : '') };

type TextOf = (names: PortNames, port: number, protocol: PortRecord['protocol']) => string;
const OPTIONAL: readonly (readonly [title: string, text: TextOf])[] = [
  ['NAME', (names, port, protocol) => names.nameOf(port, protocol) ?? ''],
  ['PROGRAM', (names, port, protocol) => names.programsOf(port, protocol).join(', ')],
  ['RESERVED FOR', (names, port, protocol) => reservedText(names.reservationsOf(port, protocol))],
];

function reservedText(reservations: readonly ReservedFor[]): string {
  return reservations.map(({ jobname }) => jobname).join(', ');
}
