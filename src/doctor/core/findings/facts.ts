// A snapshot with indexes that several checks share: listeners, reservations, services, registrations, and which ports
// the kernel may assign as ephemeral ports.
import { isLoopback } from '../../../base/address.ts';
import type { SocketOwner } from '../../../base/open-socket.ts';
import { PORT_MAX, type PortRange, type Protocol } from '../../../base/port.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import { changeText, placeText } from '../../../profile/core/advice.ts';
import { KERNEL_JOB } from '../../../profile/core/inaddrany.ts';
import type { Reservation } from '../../../profile/core/rules.ts';
import { type JobNames, jobMatcher } from '../../../profile/core/table.ts';
import type { ListedSocket } from '../../../sockets/core/socket-snapshot.ts';
import { endText, holderText } from '../explain/holder-text.ts';
import type { Found, Remedy } from './finding.ts';
import type { Snapshot } from './snapshot.ts';

/** The sockets that receive what is sent to a port: listening TCP sockets, and unconnected UDP sockets. */
export interface Listener {
  readonly protocol: Protocol;
  readonly port: number;
  readonly sockets: readonly ListedSocket[];
}

/** The maximum share of the ephemeral range that remedies may reserve. */
const RESERVED_SHARE_MAX = 0.5;

/** IPPORT_RESERVED of <netinet/in.h>. */
const PRIVILEGED_END = 1024;

const NO_PORTS: ReadonlyMap<number, string> = new Map();

/** The start of the ephemeral range of Linux. Few entries of a distribution's /etc/services name a port above it. */
const DISTRIBUTION_END = 32_768;
/** The entries above it in the files of Debian, Red Hat, SUSE and Arch that IANA does not list, or not by that name. */
const DISTRIBUTION_SERVICES: ReadonlySet<string> = new Set([
  'z-wave-s 44123',
  'pmcdproxy 44322',
  'pcp 44323',
  'mrt 50000',
  'dircproxy 57000',
  'tfido 60177',
  'fido 60179',
]);

export class Facts {
  readonly snapshot: Snapshot;
  /** By protocol and port, ascending. */
  readonly listeners: readonly Listener[];
  /** The number of ephemeral ports that are not reserved. */
  readonly assignableCount: number;
  readonly #listeners = new Map<string, Listener>();
  readonly #reservations: Readonly<Record<Protocol, (Reservation[] | undefined)[]>> = { tcp: [], udp: [] };
  readonly #services = new Map<string, ServiceEntry[]>();
  readonly #registrations = new Map<string, RegisteredProgram[]>();
  /** 1 for each port that a remedy reserves. */
  readonly #planned = new Uint8Array(PORT_MAX + 1);
  #plannedCount = 0;
  /** 1 for each port in net.ipv4.ip_local_reserved_ports. */
  readonly #reserved = new Uint8Array(PORT_MAX + 1);

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.listeners = listenersOf(snapshot.seen.sockets);
    for (const listener of this.listeners)
      this.#listeners.set(keyOf(listener.port, listener.protocol), listener);
    for (const { first, last } of snapshot.kernel.reserved) this.#reserved.fill(1, first, last + 1);
    this.assignableCount = countOf(this.assignableOf(snapshot.kernel.ephemeral));
    for (const reservation of snapshot.inForce?.profile.reservations ?? []) this.#addReservation(reservation);
    for (const entry of snapshot.services.entries)
      put(this.#services, `${entry.port}/${entry.protocol}`, entry);
    for (const one of snapshot.registrations ?? [])
      put(this.#registrations, keyOf(one.port, one.protocol), one);
  }

  listenerAt(port: number, protocol: Protocol): Listener | undefined {
    return this.#listeners.get(keyOf(port, protocol));
  }

  /** The reservations of a port, in the order in which they apply. */
  reservationsAt(port: number, protocol: Protocol): readonly Reservation[] {
    return this.#reservations[protocol][port] ?? [];
  }

  servicesAt(port: number, protocol: Protocol): readonly ServiceEntry[] {
    return this.#services.get(keyOf(port, protocol)) ?? [];
  }

  registrationsAt(port: number, protocol: Protocol): readonly RegisteredProgram[] {
    return this.#registrations.get(keyOf(port, protocol)) ?? [];
  }

  /** Whether a port is in the ephemeral range. */
  isEphemeral(port: number): boolean {
    const { first, last } = this.snapshot.kernel.ephemeral;
    return port >= first && port <= last;
  }

  /** Whether the kernel can assign a port as an ephemeral port. */
  isAssignable(port: number): boolean {
    return this.isEphemeral(port) && this.#reserved[port] === 0;
  }

  /** The alternative to reserving ports of the ephemeral range. */
  get alternative(): string {
    const { first } = this.snapshot.kernel.ephemeral;
    return first > PRIVILEGED_END
      ? `choose ports below ${first}`
      : 'narrow the range (net.ipv4.ip_local_port_range)';
  }

  /** The parts of a range that the kernel can assign as ephemeral ports. */
  assignableOf({ first, last }: PortRange): PortRange[] {
    const { ephemeral } = this.snapshot.kernel;
    const both = { first: Math.max(first, ephemeral.first), last: Math.min(last, ephemeral.last) };
    return partsWithout(both, (port) => this.#reserved[port] === 1);
  }

  /** Plans to reserve ports; undefined where all planned reservations would exceed the maximum share of the range. */
  planReservation(ports: readonly PortRange[]): Remedy | undefined {
    const more = ports
      .flatMap((part) => this.assignableOf(part))
      .map((part) => ({ part, count: this.#unplanned(part) }));
    const left = this.assignableCount - this.#plannedCount - more.reduce((sum, { count }) => sum + count, 0);
    if (left < countOf([this.snapshot.kernel.ephemeral]) * (1 - RESERVED_SHARE_MAX)) return undefined;
    for (const { part, count } of more) {
      this.#planned.fill(1, part.first, part.last + 1);
      this.#plannedCount += count;
    }
    return { reserve: ports, blacklist: NO_PORTS };
  }

  /** The remedy and advice for ports that should be reserved. */
  reserveAdvice(ports: readonly PortRange[], moreAdvice = ''): Pick<Found, 'advice' | 'remedy'> {
    const remedy = this.planReservation(ports);
    if (remedy) return { advice: moreAdvice, remedy };
    return { advice: `Reserving them would leave too few ephemeral ports: ${this.alternative}.`, remedy };
  }

  /** The number of ports of a range that no remedy reserves yet. */
  #unplanned({ first, last }: PortRange): number {
    let count = 0;
    for (let port = first; port <= last; port++) if (this.#planned[port] === 0) count++;
    return count;
  }

  /** Why the port of a listener is a fixed one, as a clause; undefined where there is no sign of that. */
  fixedPortReason(listener: Listener): string | undefined {
    const { port, protocol } = listener;
    const [reservation] = this.reservationsAt(port, protocol);
    if (reservation) return `${placeOf(reservation)} reserves the port`;
    // A UDP socket may be a client on an ephemeral port: an entry of the distribution is no sign that it is a service.
    const services = this.servicesAt(port, protocol);
    const service = services.find((entry) => protocol === 'tcp' || this.isLocalEntry(entry));
    if (service) return `/etc/services assigns the port to ${service.name}`;
    const owner = ownerNamingPort(listener);
    return owner && `the command line of ${owner.name} contains the port`;
  }

  /**
   * Whether an administrator added an entry to /etc/services: after the line "# Local services" or, without that line,
   * one that neither IANA nor a distribution has.
   */
  isLocalEntry({ name, port, protocol, line }: ServiceEntry): boolean {
    const { services, ianaNames } = this.snapshot;
    if (services.localFrom !== undefined) return line >= services.localFrom;
    if (port < DISTRIBUTION_END || !(protocol === 'tcp' || protocol === 'udp')) return false;
    return (
      !DISTRIBUTION_SERVICES.has(`${name} ${port}`) &&
      !ianaNames(port, protocol).some((each) => isSameName(each, name))
    );
  }

  /** Whether a reservation permits a job. AUTHPORT is assumed to permit every job, because its jobs are not known. */
  permits({ use }: Reservation, { job, aliases = [] }: JobNames): boolean {
    if (use.kind !== 'JOB') return use.kind === 'AUTHPORT';
    const matches = jobMatcher(use.pattern, { omvsJob: this.snapshot.inForce?.omvsJob ?? KERNEL_JOB });
    return [job, ...aliases].some(matches);
  }

  /** The change of the profile that permits all current holders of a port to bind it again. */
  statementForHolders({ port, protocol, sockets }: Listener): string {
    const entries = this.reservationsAt(port, protocol);
    const all = [...new Set(sockets.map(({ job }) => job))];
    const refused = sockets.filter((seen) => !entries.some((each) => this.permits(each, seen)));
    const missing = [...new Set(refused.map(({ job }) => job))];
    return changeText(port, protocol, { all, missing }, entries);
  }

  #addReservation(reservation: Reservation): void {
    const { protocol, first, last, isRange } = reservation;
    const at = this.#reservations[protocol];
    if (!isRange) at[first] = [...(at[first] ?? []), reservation];
    else {
      const own = [reservation];
      for (let port: number = first; port <= last; port++) at[port] = own;
    }
  }
}

function listenersOf(sockets: readonly ListedSocket[]): Listener[] {
  const groups = new Map<string, ListedSocket[]>();
  for (const seen of sockets) {
    const { state, local, protocol } = seen.socket;
    if (state === 'LISTEN' || state === 'UNCONNECTED') put(groups, keyOf(local.port, protocol), seen);
  }
  return [...groups.values()]
    .flatMap((own): Listener[] => {
      const [first] = own;
      return first ? [{ protocol: first.socket.protocol, port: first.socket.local.port, sockets: own }] : [];
    })
    .toSorted((a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol));
}

function keyOf(port: number, protocol: Protocol): string {
  return `${port}/${protocol}`;
}

function put<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** The owner whose command line contains the port of the listener. */
export function ownerNamingPort({ port, sockets }: Listener): SocketOwner | undefined {
  const word = new RegExp(`(?<![0-9.])${port}(?![0-9.])`);
  // The command line of Docker's proxy always contains the port, even if Docker chose it.
  const owners = sockets.filter(({ forwardsTo }) => forwardsTo === undefined).flatMap(({ owners }) => owners);
  return owners.find(({ command }) => word.test(command));
}

/** Whether two service names differ only in spelling. */
export function isSameName(one: string, other: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return plain(one) === plain(other);
}

/** The parts of a range that remain when some ports are removed. */
export function partsWithout({ first, last }: PortRange, isOut: (port: number) => boolean): PortRange[] {
  const parts: PortRange[] = [];
  for (let port = first; port <= last; port++) {
    if (isOut(port)) continue;
    const part = parts.at(-1);
    if (part?.last === port - 1) parts[parts.length - 1] = { first: part.first, last: port };
    else parts.push({ first: port, last: port });
  }
  return parts;
}

/** The total number of ports in the ranges. */
export function countOf(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** "40000", "40000-40009". */
export function portsText({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** The ranges that consist of one port. */
export function only(port: number): PortRange[] {
  return [{ first: port, last: port }];
}

/** The statement of a reservation: "profile.tcpip:7". */
export function placeOf({ source }: Reservation): string {
  return placeText(source);
}

/** The job of a reservation, or its kind: "WEB", "RESERVED". */
export function useText({ use }: Reservation): string {
  return use.kind === 'JOB' ? use.pattern : use.kind;
}

/** The local address of a socket: "0.0.0.0:80/tcp". */
export function socketText({ socket }: ListedSocket): string {
  return `${endText(socket.local)}/${socket.protocol}`;
}

const MS_PER_SECOND = 1000;

/** The owner of a socket; for a socket in TIME_WAIT, how long the kernel keeps it. */
export function ownerText(seen: ListedSocket): string {
  const { socket } = seen;
  if (socket.state === 'TIME_WAIT') {
    const seconds = Math.ceil((socket.expiresMs ?? 0) / MS_PER_SECOND);
    return `a closed connection for ${seconds} s more (TIME_WAIT)`;
  }
  return holderText(seen) ?? 'an unknown program';
}

/** A service of the system manager. A user manager or a session contains unrelated programs. */
const SERVICE = /^(?!user@).*\.service$/;

/** Whether two sockets belong to the same program, as far as that can be determined. */
export function isSameHolder(a: ListedSocket, b: ListedSocket): boolean {
  const isSameUser = a.socket.uid === b.socket.uid;
  const [one] = a.owners;
  const [other] = b.owners;
  if (!one || !other) return isSameUser && a.socket.cgroupId === b.socket.cgroupId;
  const pids = new Set(a.owners.map(({ pid }) => pid));
  if (b.owners.some(({ pid }) => pids.has(pid))) return true;
  if (a.container || b.container) return a.container?.id === b.container?.id;
  if (a.forwardsTo && b.forwardsTo) return endText(a.forwardsTo) === endText(b.forwardsTo);
  if (a.unit !== undefined && SERVICE.test(a.unit)) return a.unit === b.unit;
  return isSameUser && one.command === other.command;
}

/** Whether the address of a socket is reachable from other hosts. */
export function isReachable({ socket }: ListedSocket): boolean {
  return !isLoopback(socket.local.address);
}
