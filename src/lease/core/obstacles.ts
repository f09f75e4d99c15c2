// What speaks against a port for a server that is to be here for years: who else could get it, has it or is meant to.

import type { OpenSocket } from '../../base/open-socket.ts';
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import { BAD_PORTS } from '../../names/core/browser-ports.ts';
import { DEFAULT_RANGES, type DefaultRange, defaultRangesOf } from '../../names/core/default-ranges.ts';
import { IANA_RANGES, type Iana } from '../../names/core/iana.ts';
import type { KernelPorts } from '../../names/core/kernel-ports.ts';
import type { ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { isEphemeralOn } from '../../names/core/stacks.ts';
import type { Reservation } from '../../profile/core/rules.ts';

/** What is known of the ports, and what is asked of one. */
export interface Constraints {
  /** A port has to be free for all of them. */
  readonly protocols: readonly Protocol[];
  /** No client of these systems may be given it. */
  readonly systems: readonly Stack[];
  /** Nor a client of this host; undefined where that is not asked for. */
  readonly ephemeral: KernelPorts['ephemeral'] | undefined;
  /** net.ipv4.ip_local_reserved_ports. */
  readonly kept: KernelPorts['reserved'];
  readonly iana: Pick<Iana, 'entries' | 'status' | 'taken'>;
  /** /etc/services. */
  readonly services: Pick<ServiceNames, 'entries' | 'entriesOf'>;
  /** Of the profile in force. */
  readonly reservations: readonly Reservation[];
  readonly sockets: readonly OpenSocket[];
}

/** One thing that speaks against a port. */
export type Obstacle =
  /** It is below 1024: binding it takes a privilege, and most of them are assigned. */
  | { readonly kind: 'low' }
  /** A system gives it to clients. */
  | { readonly kind: 'system'; readonly stack: Stack; readonly protocol: Protocol }
  /** This host gives it to clients. */
  | { readonly kind: 'host' }
  /** IANA has assigned it, or keeps it. */
  | {
      readonly kind: 'iana';
      readonly status: 'assigned' | 'reserved';
      readonly protocol: Protocol;
      readonly name: string;
    }
  /** /etc/services calls it something. */
  | { readonly kind: 'named'; readonly protocol: Protocol; readonly name: string; readonly line: number }
  /** A program may choose it. */
  | { readonly kind: 'pool'; readonly pool: DefaultRange }
  /** Browsers do not fetch from it. */
  | { readonly kind: 'browser'; readonly name: string }
  /** The profile gives it to somebody. */
  | { readonly kind: 'profile'; readonly reservation: Reservation }
  /** It is kept from clients, for a server that somebody has in mind. */
  | { readonly kind: 'kept' }
  /** A socket has it. */
  | { readonly kind: 'held'; readonly socket: OpenSocket };

/** Says what speaks against each port. */
export class Obstacles {
  readonly #constraints: Constraints;
  /** By "port/protocol": the first socket, one that listens before others. */
  readonly #held = new Map<string, OpenSocket>();
  /** For each port whether it is somebody's, and whether one of the systems, or this host, gives it to clients. */
  readonly #isTaken: Uint8Array;
  readonly #isGiven: Uint8Array;

  constructor(constraints: Constraints) {
    this.#constraints = constraints;
    for (const socket of constraints.sockets) {
      const key = `${socket.local.port}/${socket.protocol}`;
      if (!this.#held.has(key) || socket.state === 'LISTEN') this.#held.set(key, socket);
    }
    this.#isTaken = takenPorts(constraints);
    this.#isGiven = givenPorts(constraints);
  }

  /** Whether nothing speaks against a port. */
  isFree(port: number): boolean {
    return this.#isTaken[port] === 0 && this.#isGiven[port] === 0;
  }

  /** Whether nothing speaks against it but who gives it to clients. */
  isNobodys(port: number): boolean {
    return this.#isTaken[port] === 0;
  }

  /** Everything that speaks against a port; nothing where it can be had. */
  at(port: number): Obstacle[] {
    return [...this.clients(port), ...this.others(port)];
  }

  /** Who gives it to clients. */
  clients(port: number): Obstacle[] {
    const { systems, protocols, ephemeral } = this.#constraints;
    const found: Obstacle[] = [];
    if (ephemeral && isIn(ephemeral, port)) found.push({ kind: 'host' });
    for (const stack of systems) {
      const protocol = protocols.find((each) => isEphemeralOn(stack, port, each));
      if (protocol) found.push({ kind: 'system', stack, protocol });
    }
    return found;
  }

  /** What else there is: what does not go away when a system is left out. */
  others(port: number): Obstacle[] {
    const { protocols, kept } = this.#constraints;
    const found: Obstacle[] = port <= IANA_RANGES.system.last ? [{ kind: 'low' }] : [];
    for (const protocol of protocols) found.push(...this.#taken(port, protocol));
    for (const protocol of protocols) found.push(...this.#called(port, protocol));
    const pools = new Set(protocols.flatMap((protocol) => defaultRangesOf(port, protocol)));
    for (const pool of pools) found.push({ kind: 'pool', pool });
    const name = BAD_PORTS.get(port);
    if (name !== undefined) found.push({ kind: 'browser', name });
    // What the profile reserves the guard keeps from clients.
    const isReserved = found.some(({ kind }) => kind === 'profile');
    if (!isReserved && kept.some((range) => isIn(range, port))) found.push({ kind: 'kept' });
    return found;
  }

  /** Who has it on this host, or is to have it. */
  #taken(port: number, protocol: Protocol): Obstacle[] {
    const found: Obstacle[] = [];
    const socket = this.#held.get(`${port}/${protocol}`);
    if (socket) found.push({ kind: 'held', socket });
    const reservation = this.#constraints.reservations.find(
      (each) => each.protocol === protocol && isIn(each, port),
    );
    if (reservation) found.push({ kind: 'profile', reservation });
    return found;
  }

  /** Whose it is by a registry. */
  #called(port: number, protocol: Protocol): Obstacle[] {
    const { iana, services } = this.#constraints;
    const found: Obstacle[] = [];
    const status = iana.status(port, protocol);
    if (status === 'assigned' || status === 'reserved') {
      found.push({ kind: 'iana', status, protocol, name: iana.entries(port, protocol)[0]?.name ?? '' });
    }
    const [entry] = services.entriesOf(port, protocol);
    if (entry) found.push({ kind: 'named', protocol, name: entry.name, line: entry.line });
    return found;
  }
}

/** A 1 for each port for which `others` has anything: the same at once for all of them. */
function takenPorts({ protocols, kept, iana, services, reservations, sockets }: Constraints): Uint8Array {
  const taken = new Uint8Array(PORT_MAX + 1).fill(1, 0, IANA_RANGES.system.last + 1);
  const concerns = (protocol: string) => protocols.some((each) => each === protocol);
  const ranges = [
    ...kept,
    ...reservations.filter(({ protocol }) => concerns(protocol)),
    ...DEFAULT_RANGES.filter((pool) => pool.protocols.some(concerns)),
  ];
  for (const { first, last } of ranges) taken.fill(1, first, last + 1);
  const ports = [
    ...protocols.flatMap((protocol) => iana.taken(protocol)),
    ...services.entries.filter(({ protocol }) => concerns(protocol)).map(({ port }) => port),
    ...sockets.filter(({ protocol }) => concerns(protocol)).map(({ local }) => local.port),
    ...BAD_PORTS.keys(),
  ];
  for (const port of ports) taken[port] = 1;
  return taken;
}

/** A 1 for each port for which `clients` has anything. */
function givenPorts({ protocols, systems, ephemeral }: Constraints): Uint8Array {
  const given = new Uint8Array(PORT_MAX + 1);
  const ranges = systems.flatMap((stack) => protocols.map((protocol) => stack.ephemeral[protocol]));
  for (const { first, last } of ephemeral ? [...ranges, ephemeral] : ranges) given.fill(1, first, last + 1);
  return given;
}

function isIn({ first, last }: { readonly first: number; readonly last: number }, port: number): boolean {
  return first <= port && port <= last;
}
