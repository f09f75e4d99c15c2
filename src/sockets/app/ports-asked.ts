// Which sockets somebody asks for: as he types it, and as a path on look.sock.
import { PortreeveError } from '../../base/errors.ts';
import { PORT_MAX, PORT_MIN, type Protocol, parseDecimal } from '../../base/port.ts';
import type { TableLook } from '../../base/table.ts';

/** The path on look.sock under which the daemon tells of sockets. */
export const PORTS_PATH = '/v1/ports';

/** Ports of one protocol, or of all. */
export interface PortWords {
  readonly first: number;
  readonly last: number;
  readonly protocol: Protocol | undefined;
}

/** What is asked for. */
export interface PortsAsked {
  /** Those that listen, those that hold a port for others to reach, or all. */
  readonly which: 'listening' | 'holding' | 'all';
  /** Local ports; all if there are none. */
  readonly ports: readonly PortWords[];
}

const WORD = /^([0-9]{1,10})(?:-([0-9]{1,10}))?(?:\/(tcp|udp))?$/;

/** Reads "80", "8000-8100", "53/udp". Throws PortreeveError `PORT_INVALID` (usage). */
export function parsePortWords(text: string): PortWords {
  const [, from = '', to = from, protocol] = WORD.exec(text) ?? [];
  const first = parseDecimal(from, PORT_MAX) ?? 0;
  const last = parseDecimal(to, PORT_MAX) ?? 0;
  if (first >= PORT_MIN && first <= last) {
    return { first, last, protocol: protocol === 'tcp' || protocol === 'udp' ? protocol : undefined };
  }
  const hint = 'A port is a number from 1 to 65535, or a range such as 8000-8100; /tcp or /udp may follow.';
  throw new PortreeveError('usage', 'PORT_INVALID', `"${text}" is not a port`, hint, { value: text });
}

function wordsText({ first, last, protocol }: PortWords): string {
  return `${first === last ? first : `${first}-${last}`}${protocol === undefined ? '' : `/${protocol}`}`;
}

/** Which sockets are wanted of those. */
export interface PortsQuestion extends PortsAsked {
  /** Whoever has them: see isOwnedBy(); undefined: anybody. */
  readonly owner: string | undefined;
}

/** Whoever asks the daemon. What is told is of the network and the processes that the daemon sees. */
export interface PortsAsker {
  /** His namespaces, as namespaces(7) has them: "net:[4026531840]", "pid:[4026531836]"; undefined: any. */
  readonly net: string | undefined;
  readonly pid: string | undefined;
  /** Where it is to be shown as a table; undefined: as records. */
  readonly table: TableLook | undefined;
}

/** The question as a path with parameters. */
export function portsPath({ which, ports, owner }: PortsQuestion, { net, pid, table }: PortsAsker): string {
  const said = {
    which,
    ports: ports.length > 0 ? ports.map(wordsText).join(',') : undefined,
    ...{ owner, net, pid },
    as: table && 'table',
    width: table?.width?.toString(),
    bold: table?.isBold ? '1' : undefined,
  };
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(said)) if (value !== undefined) parameters.set(key, value);
  return `${PORTS_PATH}?${parameters}`;
}

/** What a path asks for. */
export interface PortsRequest extends PortsAsker {
  readonly question: PortsQuestion;
}

/** Reads such a path; a text says what is wrong with it. Without parameters it asks for all that hold a port. */
export function parsePortsPath(path: string): PortsRequest | string {
  const said = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(path.split('?')[1] ?? '')) {
    const isLegal = Object.hasOwn(LEGAL, key) ? LEGAL[key] : undefined;
    if (!isLegal) return `there is no parameter ${key}; there are ${Object.keys(LEGAL).join(', ')}`;
    if (!isLegal(value)) return `${key} cannot be "${value}"`;
    said.set(key, value);
  }
  const which = WHICH.find((each) => each === said.get('which')) ?? 'holding';
  const ports = said.get('ports')?.split(',').map(parsePortWords) ?? [];
  const width = said.has('width') ? parseDecimal(said.get('width') ?? '', WIDTH_MAX) : undefined;
  return {
    question: { which, ports, owner: said.get('owner') },
    net: said.get('net'),
    pid: said.get('pid'),
    table: said.has('as') ? { width, isBold: said.has('bold') } : undefined,
  };
}

const WHICH = ['listening', 'holding', 'all'] as const;
/** Wider is no terminal. */
const WIDTH_MAX = 65_535;

/** What each parameter can be. */
const LEGAL: Readonly<Record<string, (text: string) => boolean>> = {
  which: (text) => WHICH.some((which) => which === text),
  ports: (text) => text.split(',').every(isPortWords),
  owner: () => true,
  net: () => true,
  pid: () => true,
  as: (text) => text === 'table',
  width: (text) => parseDecimal(text, WIDTH_MAX) !== undefined,
  bold: (text) => text === '1',
};

function isPortWords(text: string): boolean {
  try {
    parsePortWords(text);
    return true;
  } catch {
    return false;
  }
}
