// Ports that should be a service's and that the kernel can give, or has given, to any client.

import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { rangesOfPorts } from '../../../../text/port-list.ts';
import { endText } from '../../explain/holder-text.ts';
import { check } from '../check.ts';
import {
  type Facts,
  type Listener,
  only,
  placeOf,
  portsText,
  useText,
  whereText,
  whoText,
} from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

export const RESERVATION_EPHEMERAL = check({
  code: 'RESERVATION_EPHEMERAL',
  title: 'a reserved port can be given to any client',
  severities: ['warning'],
  why: 'a client that the kernel gives the port keeps the server from starting, and ss -ltn does not show it',
  explanation: [
    'The profile in force reserves a port inside net.ipv4.ip_local_port_range that is not in ' +
      'net.ipv4.ip_local_reserved_ports. connect(2), and bind(2) to port 0, can be given that port at any moment.',
    'While such a client is connected, and for 60 seconds afterwards if it was the first to close, bind(2) of the ' +
      'server fails with EADDRINUSE, whatever options the server sets.',
    'A guard that enforces the profile keeps the list itself, in every network namespace in which it holds. ' +
      FIX_RESERVES,
  ],
  run: (facts) => [...assignableHere(facts), ...assignableElsewhere(facts)],
});

/** What is reserved for no one is nobody's loss. */
function assignableHere(facts: Facts): Found[] {
  const { inForce, kernel } = facts.snapshot;
  return (inForce?.profile.reservations ?? []).flatMap((reservation): Found[] => {
    if (isForNobody(useText(reservation))) return [];
    const ports = facts.givenOf(reservation);
    if (ports.length === 0) return [];
    const all = ports.map(portsText).join(', ');
    const seen =
      `${placeOf(reservation)} reserves ${all}/${reservation.protocol} for ${useText(reservation)}, and the kernel ` +
      `gives ${portsText(kernel.ephemeral)} to clients`;
    const advice = inForce?.guard === 'enforce' ? '' : 'A guard does the same: portreeve guard enforce.';
    return [{ seen, ports, protocol: reservation.protocol, ...facts.mending(ports, advice) }];
  });
}

/** In the other network namespaces in which the profile holds. */
function assignableElsewhere({ snapshot }: Facts): Found[] {
  return snapshot.assignable.map(({ name, ports, reason }): Found => {
    const ranges = rangesOfPorts(new Set(ports));
    const what = ports
      ? `the kernel may assign ${ranges.map(portsText).join(', ')}, which the profile reserves`
      : `it is not known whether the kernel assigns reserved ports: ${reason}`;
    return {
      seen: `in the network namespace ${name} ${what}`,
      ports: ranges,
      advice: 'portreeve guard enforce writes its list, or reports why it cannot.',
    };
  });
}

const isForNobody = (use: string): boolean => use === 'RESERVED' || use === 'INTCLIEN';

export const SERVICE_EPHEMERAL = check({
  code: 'SERVICE_EPHEMERAL',
  title: 'a service listens on a port that can be given to any client',
  severities: ['warning'],
  why: 'when the service is restarted a client may have the port, and it does not start',
  explanation: [
    'A socket listens inside net.ipv4.ip_local_port_range, its port is not in ' +
      'net.ipv4.ip_local_reserved_ports, and the port is a fixed one: the command line of the program or ' +
      '/etc/services names it. One that the profile reserves is told by RESERVATION_EPHEMERAL.',
    'As long as it listens nobody else gets the port. Between its end and its next start anybody can.',
    `${FIX_RESERVES} A port below the range does as well: portreeve suggest names some.`,
  ],
  run: (facts) =>
    assignableListeners(facts).flatMap(({ listener, seen, because }): Found[] => {
      if (because === undefined) return [];
      const { port, protocol } = listener;
      const [what, range] = seen;
      const ports = only(port);
      return [{ seen: `${what}, ${because}, and ${range}`, ports, protocol, ...facts.mending(ports) }];
    }),
});

export const LISTENER_EPHEMERAL = check({
  code: 'LISTENER_EPHEMERAL',
  title: 'a socket listens in the range of clients',
  severities: ['info'],
  why: 'a client can have its port at the next start',
  explanation: [
    'A socket listens inside net.ipv4.ip_local_port_range, and nothing says whether the program or the kernel ' +
      'chose the port. Programs that ask for port 0 and tell others what they got are in order.',
    'If the port is meant to be always the same, choose one below the range, or reserve it.',
  ],
  run: (facts) =>
    assignableListeners(facts).flatMap(({ listener, seen, because }): Found[] => {
      if (because !== undefined || isChosen(facts, listener)) return [];
      const { port, protocol } = listener;
      const advice = `If the port is meant to be always the same: reserve it, or ${facts.wayOut}.`;
      return [{ seen: seen.join(', and '), ports: only(port), protocol, advice }];
    }),
});

/** A listener whose port the kernel can give to any client. */
interface AssignableListener {
  readonly listener: Listener;
  /** Who listens, and what the kernel does: half a sentence each. */
  readonly seen: readonly [listens: string, range: string];
  /** Why the port is the same each time; undefined where the kernel may have chosen it. */
  readonly because: string | undefined;
}

/** What the profile reserves is reported by RESERVATION_EPHEMERAL. */
function assignableListeners(facts: Facts): AssignableListener[] {
  const range = `the kernel gives ${portsText(facts.snapshot.kernel.ephemeral)} to clients`;
  return facts.listeners.flatMap((listener): AssignableListener[] => {
    const { port, protocol, sockets } = listener;
    const [socket] = sockets;
    if (!facts.isGiven(port) || !socket || facts.reservationsAt(port, protocol).length > 0) return [];
    const listens = `${whoText(socket)} listens on ${whereText(socket)}`;
    return [{ listener, seen: [listens, range], because: facts.fixedBecause(listener) }];
  });
}

/** Whether any port would have done: a client of UDP, and an RPC program, whose port is asked for. */
function isChosen(facts: Facts, { port, protocol }: Listener): boolean {
  return protocol === 'udp' || facts.registrationsAt(port, protocol).length > 0;
}

/** One for each port, the one that holds it longest. */
export const CLIENT_ON_PORT = check({
  code: 'CLIENT_ON_PORT',
  title: 'a client has the port of a service',
  severities: ['error'],
  why: 'the service cannot start before the client has gone; after TIME_WAIT that takes up to 60 seconds',
  explanation: [
    'A port that the profile reserves, or that /etc/services of this host gives to a service of its own, is ' +
      'held by a socket of somebody else that does not listen: the kernel has given it to a client. It is told ' +
      'only while nobody listens on the port.',
    'A socket in TIME_WAIT has no process; the port is free again when its time is up. ' +
      'net.ipv4.tcp_fin_timeout does not change that. Otherwise the connection has to be ended: portreeve who ' +
      'PORT names its process.',
    'Reserve the port, so that it does not happen again: see RESERVATION_EPHEMERAL.',
  ],
  run: (facts) => {
    const clients = new Map<string, { readonly seen: SeenSocket; readonly claim: string }>();
    for (const seen of facts.snapshot.seen.sockets) {
      const { local, protocol } = seen.socket;
      if (!facts.isEphemeral(local.port)) continue;
      const claim = claimOn(facts, seen);
      const key = `${local.port}/${protocol}`;
      if (claim === undefined || lastsLonger(clients.get(key)?.seen, seen)) continue;
      clients.set(key, { seen, claim });
    }
    return [...clients.values()].map(({ seen, claim }): Found => {
      const { local, remote, protocol } = seen.socket;
      const to = remote ? `, connected to ${endText(remote)}` : '';
      return {
        seen: `${claim}, and ${whereText(seen)} is held by ${whoText(seen)}${to}`,
        ports: only(local.port),
        protocol,
        advice:
          seen.socket.state === 'TIME_WAIT'
            ? 'Wait until the time is up; then start the service.'
            : `End the connection, then start the service: portreeve who ${local.port} names the process.`,
      };
    });
  },
});

function lastsLonger(a: SeenSocket | undefined, b: SeenSocket): boolean {
  if (!a) return false;
  const leftOf = ({ socket }: SeenSocket) =>
    socket.state === 'TIME_WAIT' ? (socket.expiresMs ?? 0) : Number.POSITIVE_INFINITY;
  return leftOf(a) >= leftOf(b);
}

/** Whose port it is that a client has, as half a sentence; undefined where it is nobody else's. */
function claimOn(facts: Facts, seen: SeenSocket): string | undefined {
  const { local, protocol, state } = seen.socket;
  if (state === 'LISTEN' || state === 'BOUND') return undefined;
  // A connection of the service has the port of its listener.
  const isServed = facts.listenerAt(local.port, protocol) !== undefined;
  if (isServed && state !== 'UNCONNECTED') return undefined;
  return reservedFor(facts, seen) ?? namedInServices(facts, seen);
}

function reservedFor(facts: Facts, seen: SeenSocket): string | undefined {
  const { socket, owners } = seen;
  const reservations = facts.reservationsAt(socket.local.port, socket.protocol);
  const [first] = reservations;
  if (!first || isForNobody(useText(first))) return undefined;
  const isKnown = owners.length > 0 || socket.uid !== undefined;
  if (isKnown && reservations.some((each) => facts.lets(each, seen))) return undefined;
  // Data connections of an FTP server outlive their listener.
  const isLeft = !isKnown && (first.use.kind === 'AUTHPORT' || !isOutgoing(facts, seen));
  return isLeft ? undefined : `${placeOf(first)} reserves the port for ${useText(first)}`;
}

/** A socket that is not connected may be that of the service. */
function namedInServices(facts: Facts, seen: SeenSocket): string | undefined {
  const { local, protocol, state } = seen.socket;
  if (state === 'UNCONNECTED' || !isOutgoing(facts, seen)) return undefined;
  const entry = facts.servicesAt(local.port, protocol).find((each) => facts.isOfThisHost(each));
  return entry && `/etc/services:${entry.line} gives the port to ${entry.name}`;
}

/**
 * Whether a connection was made from here rather than to here: the port at its other end is none of a client, or a
 * socket of this host listens there.
 */
function isOutgoing(facts: Facts, { socket }: SeenSocket): boolean {
  const { remote, protocol } = socket;
  if (remote === undefined) return protocol === 'udp';
  return !facts.isEphemeral(remote.port) || facts.listenerAt(remote.port, protocol) !== undefined;
}
