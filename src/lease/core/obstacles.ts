// The reasons against choosing a port for a permanent server: ephemeral ranges, registrations, reservations, sockets.

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

/** What a port must not conflict with. */
export interface Constraints {
  /** A port must be free for all of them. */
  readonly protocols: readonly Protocol[];
  /** It must not be in the ephemeral range of these systems. */
  readonly systems: readonly Stack[];
  /** The ephemeral range of this host; undefined to ignore it. */
  readonly ephemeral: KernelPorts['ephemeral'] | undefined;
  /** net.ipv4.ip_local_reserved_ports. */
  readonly reserved: KernelPorts['reserved'];
  readonly iana: Pick<Iana, 'entries' | 'status' | 'taken'>;
  /** /etc/services. */
  readonly services: Pick<ServiceNames, 'entries' | 'entriesOf'>;
  /** Of the profile in force. */
  readonly reservations: readonly Reservation[];
  readonly sockets: readonly OpenSocket[];
}

/** A reason against a port. */
export type Obstacle =
  /** It is below 1024: binding it needs privilege, and most of these ports are assigned. */
  | { readonly kind: 'low' }
  /** It is in the ephemeral range of a system. */
  | { readonly kind: 'system'; readonly stack: Stack; readonly protocol: Protocol }
  /** It is in the ephemeral range of this host. */
  | { readonly kind: 'host' }
  /** IANA has assigned or reserved it. */
  | {
      readonly kind: 'iana';
      readonly status: 'assigned' | 'reserved';
      readonly protocol: Protocol;
      readonly name: string;
    }
  /** It has a name in /etc/services. */
  | { readonly kind: 'service'; readonly protocol: Protocol; readonly name: string; readonly line: number }
  /** It is in the default range of well-known software. */
  | { readonly kind: 'default-range'; readonly range: DefaultRange }
  /** Browsers block it. */
  | { readonly kind: 'browser'; readonly name: string }
  /** The profile reserves it. */
  | { readonly kind: 'profile'; readonly reservation: Reservation }
  /** The kernel excludes it from automatic assignment, presumably for a server. */
  | { readonly kind: 'reserved' }
  | { readonly kind: 'in-use'; readonly socket: OpenSocket };

export class Obstacles {
  readonly #constraints: Constraints;
  /** By "port/protocol": one socket, preferably a listening one. */
  readonly #inUse = new Map<string, OpenSocket>();
  /** By port: 1 if it is in an ephemeral range, and 1 if anything else is against it. */
  readonly #isEphemeral: Uint8Array;
  readonly #isTaken: Uint8Array;

  constructor(constraints: Constraints) {
    this.#constraints = constraints;
    for (const socket of constraints.sockets) {
      const key = `${socket.local.port}/${socket.protocol}`;
      if (!this.#inUse.has(key) || socket.state === 'LISTEN') this.#inUse.set(key, socket);
    }
    this.#isTaken = takenPorts(constraints);
    this.#isEphemeral = ephemeralPorts(constraints);
  }

  isFree(port: number): boolean {
    return this.#isTaken[port] === 0 && this.#isEphemeral[port] === 0;
  }

  /** Whether nothing other than ephemeral ranges is against a port. */
  isOnlyEphemeral(port: number): boolean {
    return this.#isTaken[port] === 0;
  }

  /** All reasons against a port; empty if it is free. */
  at(port: number): Obstacle[] {
    return [...this.ephemeralRanges(port), ...this.others(port)];
  }

  ephemeralRanges(port: number): Obstacle[] {
    const { systems, protocols, ephemeral } = this.#constraints;
    const found: Obstacle[] = [];
    if (ephemeral && isIn(ephemeral, port)) found.push({ kind: 'host' });
    for (const stack of systems) {
      const protocol = protocols.find((each) => isEphemeralOn(stack, port, each));
      if (protocol) found.push({ kind: 'system', stack, protocol });
    }
    return found;
  }

  /** The reasons that remain when systems are excluded. */
  others(port: number): Obstacle[] {
    const { protocols, reserved } = this.#constraints;
    const found: Obstacle[] = port <= IANA_RANGES.system.last ? [{ kind: 'low' }] : [];
    for (const protocol of protocols) found.push(...this.#taken(port, protocol));
    for (const protocol of protocols) found.push(...this.#named(port, protocol));
    const ranges = new Set(protocols.flatMap((protocol) => defaultRangesOf(port, protocol)));
    for (const range of ranges) found.push({ kind: 'default-range', range });
    const name = BAD_PORTS.get(port);
    if (name !== undefined) found.push({ kind: 'browser', name });
    // The guard adds the ports of the profile to the kernel's list.
    const isReserved = found.some(({ kind }) => kind === 'profile');
    if (!isReserved && reserved.some((range) => isIn(range, port))) found.push({ kind: 'reserved' });
    return found;
  }

  /** Open sockets and reservations. */
  #taken(port: number, protocol: Protocol): Obstacle[] {
    const found: Obstacle[] = [];
    const socket = this.#inUse.get(`${port}/${protocol}`);
    if (socket) found.push({ kind: 'in-use', socket });
    const reservation = this.#constraints.reservations.find(
      (each) => each.protocol === protocol && isIn(each, port),
    );
    if (reservation) found.push({ kind: 'profile', reservation });
    return found;
  }

  /** IANA's registry and /etc/services. */
  #named(port: number, protocol: Protocol): Obstacle[] {
    const { iana, services } = this.#constraints;
    const found: Obstacle[] = [];
    const status = iana.status(port, protocol);
    if (status === 'assigned' || status === 'reserved') {
      found.push({ kind: 'iana', status, protocol, name: iana.entries(port, protocol)[0]?.name ?? '' });
    }
    const [entry] = services.entriesOf(port, protocol);
    if (entry) found.push({ kind: 'service', protocol, name: entry.name, line: entry.line });
    return found;
  }
}

/** By port: 1 if others() is not empty. Computed for all ports at once. */
function takenPorts({ protocols, reserved, iana, services, reservations, sockets }: Constraints): Uint8Array {
  const taken = new Uint8Array(PORT_MAX + 1).fill(1, 0, IANA_RANGES.system.last + 1);
  const concerns = (protocol: string) => protocols.some((each) => each === protocol);
  const ranges = [
    ...reserved,
    ...reservations.filter(({ protocol }) => concerns(protocol)),
    ...DEFAULT_RANGES.filter((range) => range.protocols.some(concerns)),
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

/** By port: 1 if ephemeralRanges() is not empty. */
function ephemeralPorts({ protocols, systems, ephemeral }: Constraints): Uint8Array {
  const ports = new Uint8Array(PORT_MAX + 1);
  const ranges = systems.flatMap((stack) => protocols.map((protocol) => stack.ephemeral[protocol]));
  for (const { first, last } of ephemeral ? [...ranges, ephemeral] : ranges) ports.fill(1, first, last + 1);
  return ports;
}

function isIn({ first, last }: { readonly first: number; readonly last: number }, port: number): boolean {
  return first <= port && port <= last;
}
