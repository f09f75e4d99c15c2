// `portreeve ports`: which ports are held, by whom, and what they are called.
import type { PortRecord, PortsSeen } from '../app/doctor/port-records.ts';
import { type PortsAsked, parsePortWords } from '../app/doctor/ports-asked.ts';
import { EXIT_CODES, PortreeveError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { type PortNames, portNamesHere } from './port-names.ts';
import { lookAtPorts } from './ports-look.ts';
import { addressText, endText, ownerText, stateText } from './ports-text.ts';
import { type Column, formatTable, json } from './text.ts';

export interface PortsOptions {
  readonly listening?: boolean;
  readonly all?: boolean;
  readonly owner?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly runtime?: string;
  readonly state?: string;
}

export async function portsCommand(words: readonly string[], options: PortsOptions, io: Io): Promise<number> {
  const asked = askedOf(words, options);
  if (options.watch) {
    const { watchPorts } = await import('./ports-watch.ts');
    return await watchPorts(asked, options, io);
  }
  const seen = await lookAtPorts(asked, { runtime: options.runtime, isFull: options.json ?? false }, io);
  const ports = sorted(seen.ports.filter((port) => isOwnedBy(port, options.owner)));
  const names = await portNamesHere(options, io);
  if (options.json) {
    io.out(json({ notSeen: seen.notSeen, ports: ports.map((port) => namedRecord(port, names)) }));
  } else {
    io.out(tableOf(io, ports, names, asked.which === 'all'));
    tellUnseen(io, { ...seen, ports });
  }
  const isQuestion = words.length > 0 || options.owner !== undefined;
  return ports.length === 0 && isQuestion ? EXIT_CODES.refused : 0;
}

/** Throws PortreeveError (usage) `PORT_INVALID` and `USAGE`. */
function askedOf(words: readonly string[], { listening, all }: PortsOptions): PortsAsked {
  if (listening && all) {
    const message = 'either --listening or --all';
    throw new PortreeveError('usage', 'USAGE', message, 'See: portreeve ports --help');
  }
  const which = all ? 'all' : listening ? 'listening' : 'holding';
  return { which, ports: words.map(parsePortWords) };
}

/** Whether a word names who has it: a process by its number or name, a user, a unit, a container's id, a job. */
export function isOwnedBy(record: PortRecord, word: string | undefined): boolean {
  if (word === undefined) return true;
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

/** By port, TCP first, then by family and address; a listener before its connections. */
function sorted(ports: readonly PortRecord[]): PortRecord[] {
  return ports.toSorted(
    (a, b) =>
      a.port - b.port ||
      compare(a.protocol, b.protocol) ||
      compare(rank(a), rank(b)) ||
      compare(a.address, b.address),
  );
}

const rank = ({ remote, address }: PortRecord) => (remote ? 2 : 0) + (address.includes(':') ? 1 : 0);

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** With what is said of its port. */
export function namedRecord(record: PortRecord, names: PortNames) {
  const { port, protocol } = record;
  return {
    ...record,
    name: names.nameOf(port, protocol) ?? null,
    programs: names.programsOf(port, protocol),
    reservations: names.reservationsOf(port, protocol),
  };
}

/** Columns in which nothing would stand are left out. */
function tableOf(io: Io, ports: readonly PortRecord[], names: PortNames, withRemote: boolean): string {
  if (ports.length === 0) return 'nothing\n';
  const optional = [
    { title: 'NAME', text: ({ port, protocol }) => names.nameOf(port, protocol) ?? '' },
    { title: 'PROGRAM', text: ({ port, protocol }) => names.programsOf(port, protocol).join(', ') },
    {
      title: 'RESERVED FOR',
      text: ({ port, protocol }) =>
        names
          .reservationsOf(port, protocol)
          .map(({ jobname }) => jobname)
          .join(', '),
    },
  ] satisfies Column<PortRecord>[];
  return formatTable(
    io,
    [...COLUMNS, ...(withRemote ? [REMOTE] : []), OWNER, ...optional.filter(({ text }) => ports.some(text))],
    ports,
  );
}

const COLUMNS: readonly Column<PortRecord>[] = [
  { title: 'PROTOCOL', text: ({ protocol }) => protocol },
  { title: 'ADDRESS', text: addressText },
  { title: 'PORT', text: ({ port }) => `${port}`, isNumber: true },
  { title: 'STATE', text: stateText },
];
const REMOTE: Column<PortRecord> = { title: 'REMOTE', text: ({ remote }) => (remote ? endText(remote) : '') };
const OWNER: Column<PortRecord> = { title: 'OWNER', text: ownerText };

/** Says that somebody else could see more. */
function tellUnseen(io: Io, { ports, notSeen }: PortsSeen): void {
  const count = ports.filter(({ inode, owners }) => inode !== 0 && owners.length === 0).length;
  if (count === 0 || io.uid === 0) return;
  const sockets = count === 1 ? 'one socket was not seen' : `${count} sockets were not seen`;
  const processes = notSeen === 0 ? '' : `: ${notSeen} processes did not let us look`;
  io.err(`portreeve: the holder of ${sockets}${processes}. Root sees more.\n`);
}
