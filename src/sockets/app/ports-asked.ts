// Which sockets somebody asks for, the question as a path on status.sock, and what is asked for the holders of ports.
import { type AskedPorts, isInRange, parseDecimal, portRangeText, readPortList } from '../../base/port.ts';
import type { TableStyle } from '../../base/table.ts';
import type { PortsRecords } from './ports-answer.ts';

/** The path on status.sock under which the daemon tells of sockets. */
export const PORTS_PATH = '/v1/ports';

/** What is asked for. */
export interface PortsAsked {
  /** Those that listen, those that hold a port for others to reach, or all. */
  readonly which: 'listening' | 'holding' | 'all';
  /** Local ports; all if there are none. */
  readonly ports: readonly AskedPorts[];
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
  readonly table: TableStyle | undefined;
}

/** The question as a path with parameters. */
export function portsPath({ which, ports, owner }: PortsQuestion, { net, pid, table }: PortsAsker): string {
  const said = {
    which,
    ports: ports.length > 0 ? ports.map(portRangeText).join(',') : undefined,
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
  const ports = readPortList(said.get('ports') ?? '') ?? [];
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
  ports: (text) => readPortList(text) !== undefined,
  owner: () => true,
  net: () => true,
  pid: () => true,
  as: (text) => text === 'table',
  width: (text) => parseDecimal(text, WIDTH_MAX) !== undefined,
  bold: (text) => text === '1',
};

/** Sockets, and how many processes did not let us look. */
type Held = Pick<PortsRecords, 'ports' | 'notSeen'>;

/** Those who hold a port for others to reach or, where there is none, whoever it was given to as a client. */
export async function holdersOf(
  asked: readonly AskedPorts[],
  look: (question: PortsQuestion) => Promise<Held>,
): Promise<Held> {
  const holding = await look({ which: 'holding', ports: asked, owner: undefined });
  const others = asked.filter(
    (range) => !holding.ports.some(({ port, protocol }) => isInRange(port, protocol, range)),
  );
  if (others.length === 0) return holding;
  const { ports, notSeen } = await look({ which: 'all', ports: others, owner: undefined });
  return { ports: [...holding.ports, ...ports], notSeen: Math.max(holding.notSeen, notSeen) };
}
