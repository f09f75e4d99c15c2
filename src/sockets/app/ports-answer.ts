// Answers which ports are held, by whom and what they are called: as records, or as a table for people.
import type { OpenSocket, SocketState } from '../../base/open-socket.ts';
import { type AskedPorts, isInRange } from '../../base/port.ts';
import { type Column, type TableStyle, tableText } from '../../base/table.ts';
import type { Seen } from '../core/seen.ts';
import { type NameDeps, type PortNames, portNames, type ReservedFor } from './port-names.ts';
import { type PortRecord, portRecord } from './port-records.ts';
import { addressText, endText, type InterfaceName, ownerText, stateText } from './port-words.ts';
import type { PortsAsked, PortsQuestion } from './ports-asked.ts';
import { type SeeDeps, seeSockets } from './see.ts';

/** What is looked with. */
export interface PortsDeps extends SeeDeps {
  readonly names: () => Promise<PortNames>;
  readonly interfaceName: InterfaceName;
}

/** The names from these sources, gathered once. */
export function namesBy(deps: NameDeps): () => Promise<PortNames> {
  let names: Promise<PortNames> | undefined;
  return () => {
    names ??= portNames(deps);
    return names;
  };
}

/** A socket with what is said of its port. */
export interface NamedRecord extends PortRecord {
  readonly name: string | null;
  readonly programs: readonly string[];
  readonly reservations: readonly ReservedFor[];
}

/** What there is to say about what was seen. */
export interface PortsSummary {
  /** How many sockets there are, and how many of them somebody has whom we could not see. */
  readonly shown: number;
  readonly hidden: number;
  /** How many processes did not let us look. */
  readonly notSeen: number;
  /** What could not be read of the names, and why. */
  readonly problems: readonly string[];
}

/** Sockets as records, in the order of their ports. */
export interface PortsRecords extends PortsSummary {
  readonly ports: readonly NamedRecord[];
}

/** Sockets as lines with a heading. */
export interface PortsTable extends PortsSummary {
  readonly table: string;
}

/** Throws what OpenSockets.list() throws. */
export async function portsRecords(deps: PortsDeps, question: PortsQuestion): Promise<PortsRecords> {
  const { records, ...summary } = await look(deps, question, true);
  const names = await deps.names();
  return { ...summary, problems: names.problems, ports: records.map((record) => named(record, names)) };
}

/** Throws what OpenSockets.list() throws. */
export async function portsTable(
  deps: PortsDeps,
  question: PortsQuestion,
  shape: TableStyle,
): Promise<PortsTable> {
  const { records, ...summary } = await look(deps, question, false);
  const names = await deps.names();
  const columns = columnsOf(records, names, deps.interfaceName, question.which === 'all');
  const table = records.length === 0 ? '' : tableText(columns, records, shape);
  return { ...summary, problems: names.problems, table };
}

async function look(deps: PortsDeps, question: PortsQuestion, isFull: boolean) {
  const seen: Seen = seePorts(deps, question);
  const records = seen.sockets.map((socket) => portRecord(socket, isFull));
  const { owner } = question;
  const wanted = sorted(owner === undefined ? records : records.filter((record) => isOwnedBy(record, owner)));
  let hidden = 0;
  for (const { inode, owners } of wanted) if (inode !== 0 && owners.length === 0) hidden++;
  return { records: wanted, shown: wanted.length, hidden, notSeen: seen.notSeen };
}

/** TCP that listens, UDP that is bound and not connected; TCP that is bound and does not listen. */
const LISTENING: readonly SocketState[] = ['LISTEN', 'UNCONNECTED'];
const STATES: Readonly<Record<PortsAsked['which'], readonly SocketState[] | undefined>> = {
  listening: LISTENING,
  holding: [...LISTENING, 'BOUND'],
  all: undefined,
};

/** Looks for them. Throws what OpenSockets.list() throws. */
export function seePorts(deps: SeeDeps, { which, ports }: PortsAsked): Seen {
  const [only, ...others] = ports;
  const port = only && others.length === 0 && only.first === only.last ? only.first : undefined;
  const protocols = new Set(ports.map(({ protocol }) => protocol));
  const [protocol] = protocols.size === 1 ? protocols : [];
  return seeSockets(deps, { states: STATES[which], port, protocol }, (socket) => isAsked(socket, ports));
}

function isAsked({ protocol, local }: OpenSocket, ports: readonly AskedPorts[]): boolean {
  return ports.length === 0 || ports.some((range) => isInRange(local.port, protocol, range));
}

/** With what is said of its port. */
export function named(record: PortRecord, names: PortNames): NamedRecord {
  const { port, protocol } = record;
  return {
    ...record,
    name: names.nameOf(port, protocol) ?? null,
    programs: names.programsOf(port, protocol),
    reservations: names.reservationsOf(port, protocol),
  };
}

/** Whether a word names who has it: a process by its number or name, a user, a unit, a container's id, a job. */
export function isOwnedBy(record: PortRecord, word: string): boolean {
  const { owners, user, uid, unit, container, job } = record;
  return (
    owners.some(({ pid, name }) => name === word || `${pid}` === word) ||
    [user, `uid ${uid}`, unit, unit?.replace(/\.service$/, ''), job].includes(word) ||
    (container !== null && isContainerId(word, container.id))
  );
}

/** As docker takes them: in full, or the first digits. */
function isContainerId(word: string, id: string): boolean {
  return word !== '' && (word.length < id.length ? id.startsWith(word) : word.startsWith(id));
}

/** More sockets than this no host has. */
const SOCKETS_MAX = 2 ** 24;

/** By port, TCP first; what others can reach before connections; IPv4 first, then by address. */
function sorted(records: readonly PortRecord[]): PortRecord[] {
  // Numbers are sorted much faster than records are: each is the place of a record, and its index.
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

/** Sorts those at the end that have the same place. */
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

/** Columns in which nothing would stand are left out. */
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
