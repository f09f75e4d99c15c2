// A scene with what several checks ask of it, worked out once: who listens where, what is reserved, what clients get.
import { isLoopback } from '../../../base/address.ts';
import type { SocketOwner } from '../../../base/open-socket.ts';
import { PORT_MAX, type PortRange, type Protocol } from '../../../base/port.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import { changeText, placeText } from '../../../profile/core/advice.ts';
import { KERNEL_JOB } from '../../../profile/core/inaddrany.ts';
import type { Reservation } from '../../../profile/core/rules.ts';
import { type JobNames, jobMatcher } from '../../../profile/core/table.ts';
import type { SeenSocket } from '../../../sockets/core/seen.ts';
import { endText, holderText } from '../explain/holder-text.ts';
import type { Found, Remedy } from './finding.ts';
import type { Snapshot } from './snapshot.ts';

/** The sockets that take what comes to a port: of TCP those that listen, of UDP those that are not connected. */
export interface Listener {
  readonly protocol: Protocol;
  readonly port: number;
  readonly sockets: readonly SeenSocket[];
}

/** No remedy takes more than this share of the range away from clients. */
const RESERVED_SHARE_MAX = 0.5;

/** Below here ports are for privileged programs (IPPORT_RESERVED of <netinet/in.h>). */
const PRIVILEGED_END = 1024;

const NO_PORTS: ReadonlyMap<number, string> = new Map();

/** From here on the files of systems name hardly a port: it is where Linux gives them to clients. */
const SYSTEMS_END = 32_768;
/** What the files of Debian, Red Hat, SUSE and Arch have there, and IANA has not, or not any more under that name. */
const OF_SYSTEMS: ReadonlySet<string> = new Set([
  'z-wave-s 44123',
  'pmcdproxy 44322',
  'pcp 44323',
  'mrt 50000',
  'dircproxy 57000',
  'tfido 60177',
  'fido 60179',
]);

/** What the checks work with. */
export class Facts {
  readonly snapshot: Snapshot;
  /** By protocol and port, ascending. */
  readonly listeners: readonly Listener[];
  /** How many ports the kernel can give to clients. */
  readonly givenCount: number;
  readonly #listeners = new Map<string, Listener>();
  readonly #reservations: Readonly<Record<Protocol, (Reservation[] | undefined)[]>> = { tcp: [], udp: [] };
  readonly #services = new Map<string, ServiceEntry[]>();
  readonly #registrations = new Map<string, RegisteredProgram[]>();
  /** 1 for each port that a remedy keeps from clients. */
  readonly #planned = new Uint8Array(PORT_MAX + 1);
  #plannedCount = 0;
  /** 1 for each port that the kernel gives to no client. */
  readonly #kept = new Uint8Array(PORT_MAX + 1);

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.listeners = listenersOf(snapshot.seen.sockets);
    for (const listener of this.listeners)
      this.#listeners.set(keyOf(listener.port, listener.protocol), listener);
    for (const { first, last } of snapshot.kernel.reserved) this.#kept.fill(1, first, last + 1);
    this.givenCount = countOf(this.givenOf(snapshot.kernel.ephemeral));
    for (const reservation of snapshot.inForce?.profile.reservations ?? []) this.#addReservation(reservation);
    for (const entry of snapshot.services.entries)
      put(this.#services, `${entry.port}/${entry.protocol}`, entry);
    for (const one of snapshot.registrations ?? [])
      put(this.#registrations, keyOf(one.port, one.protocol), one);
  }

  listenerAt(port: number, protocol: Protocol): Listener | undefined {
    return this.#listeners.get(keyOf(port, protocol));
  }

  /** The reservations of a port, in the order in which they are asked. */
  reservationsAt(port: number, protocol: Protocol): readonly Reservation[] {
    return this.#reservations[protocol][port] ?? [];
  }

  servicesAt(port: number, protocol: Protocol): readonly ServiceEntry[] {
    return this.#services.get(keyOf(port, protocol)) ?? [];
  }

  registrationsAt(port: number, protocol: Protocol): readonly RegisteredProgram[] {
    return this.#registrations.get(keyOf(port, protocol)) ?? [];
  }

  /** Whether a port is in the range from which clients get theirs. */
  isEphemeral(port: number): boolean {
    const { first, last } = this.snapshot.kernel.ephemeral;
    return port >= first && port <= last;
  }

  /** Whether the kernel can give a port to any client. */
  isGiven(port: number): boolean {
    return this.isEphemeral(port) && this.#kept[port] === 0;
  }

  /** What is left to do where ports in the range of clients are not to be reserved. */
  get wayOut(): string {
    const { first } = this.snapshot.kernel.ephemeral;
    return first > PRIVILEGED_END
      ? `choose ports below ${first}`
      : 'narrow the range (net.ipv4.ip_local_port_range)';
  }

  /** The parts of a range that the kernel can give to any client. */
  givenOf({ first, last }: PortRange): PortRange[] {
    const { ephemeral } = this.snapshot.kernel;
    const both = { first: Math.max(first, ephemeral.first), last: Math.min(last, ephemeral.last) };
    return partsWithout(both, (port) => this.#kept[port] === 1);
  }

  /**
   * Plans to keep ports from clients; undefined where that would, with what was planned before, take more than half of
   * them.
   */
  reserving(ports: readonly PortRange[]): Remedy | undefined {
    const more = ports
      .flatMap((part) => this.givenOf(part))
      .map((part) => ({ part, count: this.#unplanned(part) }));
    const left = this.givenCount - this.#plannedCount - more.reduce((sum, { count }) => sum + count, 0);
    if (left < countOf([this.snapshot.kernel.ephemeral]) * (1 - RESERVED_SHARE_MAX)) return undefined;
    for (const { part, count } of more) {
      this.#planned.fill(1, part.first, part.last + 1);
      this.#plannedCount += count;
    }
    return { reserve: ports, blacklist: NO_PORTS };
  }

  /** What to do about ports that are to be kept from clients, with what can be done besides. */
  mending(ports: readonly PortRange[], besides = ''): Pick<Found, 'advice' | 'remedy'> {
    const remedy = this.reserving(ports);
    if (remedy) return { advice: besides, remedy };
    return { advice: `To reserve them would leave too few ports for clients: ${this.wayOut}.`, remedy };
  }

  /** How many ports of a range no remedy keeps yet. */
  #unplanned({ first, last }: PortRange): number {
    let count = 0;
    for (let port = first; port <= last; port++) if (this.#planned[port] === 0) count++;
    return count;
  }

  /** Why a listener's port is the same each time, as half a sentence; undefined where nothing says so. */
  fixedBecause(listener: Listener): string | undefined {
    const { port, protocol } = listener;
    const [reservation] = this.reservationsAt(port, protocol);
    if (reservation) return `${placeOf(reservation)} reserves the port`;
    // Of UDP it may be a client's: the many names of the system are no sign that it is a service.
    const services = this.servicesAt(port, protocol);
    const service = services.find((entry) => protocol === 'tcp' || this.isOfThisHost(entry));
    if (service) return `/etc/services calls the port ${service.name}`;
    const owner = ownerNaming(listener);
    return owner && `the command line of ${owner.name} names the port`;
  }

  /**
   * Whether an administrator has put an entry into /etc/services: below the mark or, where there is none, where systems
   * have none.
   */
  isOfThisHost({ name, port, protocol, line }: ServiceEntry): boolean {
    const { services, ianaNames } = this.snapshot;
    if (services.localFrom !== undefined) return line >= services.localFrom;
    if (port < SYSTEMS_END || !(protocol === 'tcp' || protocol === 'udp')) return false;
    return (
      !OF_SYSTEMS.has(`${name} ${port}`) && !ianaNames(port, protocol).some((each) => isSameName(each, name))
    );
  }

  /** Whether a reservation lets a job have its port. AUTHPORT is taken to let everybody: whom it lets is not known. */
  lets({ use }: Reservation, { job, aliases = [] }: JobNames): boolean {
    if (use.kind !== 'JOB') return use.kind === 'AUTHPORT';
    const matches = jobMatcher(use.pattern, { omvsJob: this.snapshot.inForce?.omvsJob ?? KERNEL_JOB });
    return [job, ...aliases].some(matches);
  }

  /** What is to be changed in the profile so that all who have a port get it when they bind it again. */
  keepingHolders({ port, protocol, sockets }: Listener): string {
    const entries = this.reservationsAt(port, protocol);
    const all = [...new Set(sockets.map(({ job }) => job))];
    const refused = sockets.filter((seen) => !entries.some((each) => this.lets(each, seen)));
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

function listenersOf(sockets: readonly SeenSocket[]): Listener[] {
  const groups = new Map<string, SeenSocket[]>();
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

/** Who has the port of his listener in his command line. */
export function ownerNaming({ port, sockets }: Listener): SocketOwner | undefined {
  const word = new RegExp(`(?<![0-9.])${port}(?![0-9.])`);
  // Docker's proxy has it there whoever has chosen it.
  const owners = sockets.filter(({ forwardsTo }) => forwardsTo === undefined).flatMap(({ owners }) => owners);
  return owners.find(({ command }) => word.test(command));
}

/** Whether two names of a service are spellings of one. */
export function isSameName(one: string, other: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return plain(one) === plain(other);
}

/** The parts of a range that are left when some ports are taken out. */
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

/** How many ports ranges have. */
export function countOf(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** "40000", "40000-40009". */
export function portsText({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** A port as ranges. */
export function only(port: number): PortRange[] {
  return [{ first: port, last: port }];
}

/** The statement of a reservation: "profile.tcpip:7". */
export function placeOf({ source }: Reservation): string {
  return placeText(source);
}

/** Whose a reservation is: "WEB". */
export function useText({ use }: Reservation): string {
  return use.kind === 'JOB' ? use.pattern : use.kind;
}

/** Where a socket is: "0.0.0.0:80/tcp". */
export function whereText({ socket }: SeenSocket): string {
  return `${endText(socket.local)}/${socket.protocol}`;
}

const MS_PER_SECOND = 1000;

/** Whose a socket is, as far as it can be seen; of one in TIME_WAIT, how long the kernel keeps it. */
export function whoText(seen: SeenSocket): string {
  const { socket } = seen;
  if (socket.state === 'TIME_WAIT') {
    const seconds = Math.ceil((socket.expiresMs ?? 0) / MS_PER_SECOND);
    return `nobody any more, and the kernel keeps it for ${seconds} s (TIME_WAIT)`;
  }
  return holderText(seen) ?? 'a program that cannot be seen';
}

/** A service of the system manager; that of a user's manager, and a session, have programs of all kinds. */
const SERVICE = /^(?!user@).*\.service$/;

/** Whether two sockets are of the same program, as far as it can be seen: processes of one user can be of two. */
export function isSameHolder(a: SeenSocket, b: SeenSocket): boolean {
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

/** Whether other hosts can reach it, as far as its address goes. */
export function isOpen({ socket }: SeenSocket): boolean {
  return !isLoopback(socket.local.address);
}
