// The query of `portreeve ports`: which sockets to list, and its encoding as a path on status.sock.
import {
  isInRange,
  parseDecimal,
  portRangeText,
  type RequestedPorts,
  readPortList,
} from '../../base/port.ts';
import type { TableStyle } from '../../base/table.ts';
import type { PortsRecords } from './ports-answer.ts';

/** The path on status.sock. */
export const PORTS_PATH = '/v1/ports';

export interface PortsFilter {
  /** `listening`: reachable sockets. `holding`: those, and sockets that are only bound. */
  readonly which: 'listening' | 'holding' | 'all';
  /** Local ports; empty for all. */
  readonly ports: readonly RequestedPorts[];
}

export interface PortsQuery extends PortsFilter {
  /** Only sockets of this owner; see isOwnedBy(). */
  readonly owner: string | undefined;
}

/** The client. The daemon refuses one in another namespace, whose sockets it does not see. */
export interface PortsClient {
  /** Its namespaces as in namespaces(7): "net:[4026531840]", "pid:[4026531836]"; undefined: any. */
  readonly net: string | undefined;
  readonly pid: string | undefined;
  /** The layout of a table; undefined for records. */
  readonly table: TableStyle | undefined;
}

/** Encodes a query. */
export function portsPath({ which, ports, owner }: PortsQuery, { net, pid, table }: PortsClient): string {
  const values = {
    which,
    ports: ports.length > 0 ? ports.map(portRangeText).join(',') : undefined,
    ...{ owner, net, pid },
    as: table && 'table',
    width: table?.width?.toString(),
    bold: table?.isBold ? '1' : undefined,
  };
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) parameters.set(key, value);
  return `${PORTS_PATH}?${parameters}`;
}

export interface PortsRequest extends PortsClient {
  readonly query: PortsQuery;
}

/** Decodes a path, or returns an error message. The default is `which=holding`. */
export function parsePortsPath(path: string): PortsRequest | string {
  const values = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(path.split('?')[1] ?? '')) {
    const isLegal = Object.hasOwn(LEGAL, key) ? LEGAL[key] : undefined;
    if (!isLegal) return `unknown parameter ${key}; known parameters: ${Object.keys(LEGAL).join(', ')}`;
    if (!isLegal(value)) return `invalid value "${value}" for ${key}`;
    values.set(key, value);
  }
  const which = WHICH.find((each) => each === values.get('which')) ?? 'holding';
  const ports = readPortList(values.get('ports') ?? '') ?? [];
  const width = values.has('width') ? parseDecimal(values.get('width') ?? '', WIDTH_MAX) : undefined;
  return {
    query: { which, ports, owner: values.get('owner') },
    net: values.get('net'),
    pid: values.get('pid'),
    table: values.has('as') ? { width, isBold: values.has('bold') } : undefined,
  };
}

const WHICH = ['listening', 'holding', 'all'] as const;
/** The largest width that a terminal can report (TIOCGWINSZ). */
const WIDTH_MAX = 65_535;

/** The legal values of each parameter. */
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

type Held = Pick<PortsRecords, 'ports' | 'hiddenProcesses'>;

/** The sockets that hold each port; for a port that none holds, any connection with that local port. */
export async function holdersOf(
  ranges: readonly RequestedPorts[],
  read: (query: PortsQuery) => Promise<Held>,
): Promise<Held> {
  const holding = await read({ which: 'holding', ports: ranges, owner: undefined });
  const others = ranges.filter(
    (range) => !holding.ports.some(({ port, protocol }) => isInRange(port, protocol, range)),
  );
  if (others.length === 0) return holding;
  const { ports, hiddenProcesses } = await read({ which: 'all', ports: others, owner: undefined });
  return {
    ports: [...holding.ports, ...ports],
    hiddenProcesses: Math.max(holding.hiddenProcesses, hiddenProcesses),
  };
}
