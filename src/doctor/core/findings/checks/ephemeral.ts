// Checks for ports of services that the kernel can assign, or has assigned, to clients as ephemeral ports.

import type { ListedSocket } from '../../../../sockets/core/socket-snapshot.ts';
import { rangesOfPorts } from '../../../../text/port-list.ts';
import { endText } from '../../explain/holder-text.ts';
import { check } from '../check.ts';
import {
  type Facts,
  type Listener,
  only,
  ownerText,
  placeOf,
  portsText,
  socketText,
  useText,
} from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

export const RESERVATION_EPHEMERAL = check({
  code: 'RESERVATION_EPHEMERAL',
  title: 'a reserved port can be assigned as an ephemeral port',
  severities: ['warning'],
  why: 'a client that is assigned the port prevents the server from starting, and ss -ltn does not show the client',
  explanation: [
    'The profile in force reserves a port inside net.ipv4.ip_local_port_range that is not in ' +
      'net.ipv4.ip_local_reserved_ports. The kernel can assign it to a program that calls connect(2), or bind(2) ' +
      'with port 0, at any moment.',
    'While the client is connected, and for 60 seconds afterwards if it closed first, bind(2) of the server fails ' +
      'with EADDRINUSE, whatever options the server sets.',
    'A guard that enforces the profile maintains the list in every network namespace that it covers. ' +
      FIX_RESERVES,
  ],
  run: (facts) => [...assignableHere(facts), ...assignableElsewhere(facts)],
});

/** Ports reserved for no one have no service that could lose them. */
function assignableHere(facts: Facts): Found[] {
  const { inForce, kernel } = facts.snapshot;
  return (inForce?.profile.reservations ?? []).flatMap((reservation): Found[] => {
    if (isForNoOne(useText(reservation))) return [];
    const ports = facts.assignableOf(reservation);
    if (ports.length === 0) return [];
    const all = ports.map(portsText).join(', ');
    const what =
      `${placeOf(reservation)} reserves ${all}/${reservation.protocol} for ${useText(reservation)}, but the ` +
      `ephemeral range is ${portsText(kernel.ephemeral)}`;
    const advice =
      inForce?.guard === 'enforce' ? '' : 'Or let the guard reserve the ports: portreeve guard enforce';
    return [{ what, ports, protocol: reservation.protocol, ...facts.reserveAdvice(ports, advice) }];
  });
}

/** In the other network namespaces in which the profile is enforced. */
function assignableElsewhere({ snapshot }: Facts): Found[] {
  return snapshot.assignable.map(({ name, ports, reason }): Found => {
    const ranges = rangesOfPorts(new Set(ports));
    const state = ports
      ? `the kernel may assign ${ranges.map(portsText).join(', ')}, which the profile reserves`
      : `it is unknown whether the kernel may assign reserved ports: ${reason}`;
    return {
      what: `in the network namespace ${name}, ${state}`,
      ports: ranges,
      advice: 'portreeve guard enforce reserves the ports there, or reports why it cannot.',
    };
  });
}

const isForNoOne = (use: string): boolean => use === 'RESERVED' || use === 'INTCLIEN';

export const SERVICE_EPHEMERAL = check({
  code: 'SERVICE_EPHEMERAL',
  title: 'a service listens on a port that can be assigned as an ephemeral port',
  severities: ['warning'],
  why: 'while the service restarts, a client can be assigned the port, and the service then fails to start',
  explanation: [
    'A socket listens inside net.ipv4.ip_local_port_range, its port is not in ' +
      'net.ipv4.ip_local_reserved_ports, and the port is a fixed one: it is in the command line of the program ' +
      'or in /etc/services. A port that the profile reserves is reported as RESERVATION_EPHEMERAL instead.',
    'The kernel does not assign the port as long as the service listens, but it can between the end of the ' +
      'service and its next start.',
    `${FIX_RESERVES} Or move the service to a port below the range: portreeve suggest lists some.`,
  ],
  run: (facts) =>
    assignableListeners(facts).flatMap(({ listener, listens, range, fixedBy }): Found[] => {
      if (fixedBy === undefined) return [];
      const { port, protocol } = listener;
      const ports = only(port);
      const what = `${listens}, ${fixedBy}, and ${range}`;
      return [{ what, ports, protocol, ...facts.reserveAdvice(ports) }];
    }),
});

export const LISTENER_EPHEMERAL = check({
  code: 'LISTENER_EPHEMERAL',
  title: 'a socket listens on an ephemeral port',
  severities: ['info'],
  why: 'a client may hold the port when the program starts again',
  explanation: [
    'A socket listens inside net.ipv4.ip_local_port_range, and it is unknown whether the program or the kernel ' +
      'chose the port. There is no problem if the program binds port 0 and announces the port that it was assigned.',
    'If the port must always be the same, choose one below the range, or reserve it.',
  ],
  run: (facts) =>
    assignableListeners(facts).flatMap(({ listener, listens, range, fixedBy }): Found[] => {
      if (fixedBy !== undefined || isChosenByKernel(facts, listener)) return [];
      const { port, protocol } = listener;
      const advice = `If the port must always be the same, reserve it, or ${facts.alternative}.`;
      return [{ what: `${listens}, and ${range}`, ports: only(port), protocol, advice }];
    }),
});

/** A listener whose port the kernel can assign as an ephemeral port. */
interface AssignableListener {
  readonly listener: Listener;
  /** A clause: which program listens on which address. */
  readonly listens: string;
  /** A clause: the ephemeral range. */
  readonly range: string;
  /** A clause: why the port is a fixed one; undefined where the kernel may have chosen it. */
  readonly fixedBy: string | undefined;
}

/** Without reserved ports, which RESERVATION_EPHEMERAL reports. */
function assignableListeners(facts: Facts): AssignableListener[] {
  const range = `the ephemeral range is ${portsText(facts.snapshot.kernel.ephemeral)}`;
  return facts.listeners.flatMap((listener): AssignableListener[] => {
    const { port, protocol, sockets } = listener;
    const [socket] = sockets;
    if (!facts.isAssignable(port) || !socket || facts.reservationsAt(port, protocol).length > 0) return [];
    const listens = `${ownerText(socket)} listens on ${socketText(socket)}`;
    return [{ listener, listens, range, fixedBy: facts.fixedPortReason(listener) }];
  });
}

/** Whether the socket can use any port: a UDP client, or an RPC program, whose clients query the port mapper. */
function isChosenByKernel(facts: Facts, { port, protocol }: Listener): boolean {
  return protocol === 'udp' || facts.registrationsAt(port, protocol).length > 0;
}

/** One finding for each port: that of the socket that holds it longest. */
export const CLIENT_ON_PORT = check({
  code: 'CLIENT_ON_PORT',
  title: 'a client holds the port of a service',
  severities: ['error'],
  why: 'the service cannot start until the port is free; TIME_WAIT takes up to 60 seconds',
  explanation: [
    'The profile reserves the port, or a local entry of /etc/services assigns it to a service, but a socket of ' +
      'another program that does not listen holds it: the kernel has assigned the port to a client. It is reported ' +
      'only while no socket listens on the port.',
    'A socket in TIME_WAIT has no process; the port is free when TIME_WAIT expires. ' +
      'net.ipv4.tcp_fin_timeout does not shorten it. In any other state, end the connection: portreeve who PORT ' +
      'shows its process.',
    'To prevent it in the future, reserve the port: see RESERVATION_EPHEMERAL.',
  ],
  run: (facts) => {
    const clients = new Map<string, { readonly seen: ListedSocket; readonly claim: string }>();
    for (const seen of facts.snapshot.seen.sockets) {
      const { local, protocol } = seen.socket;
      if (!facts.isEphemeral(local.port)) continue;
      const claim = claimOnPort(facts, seen);
      const key = `${local.port}/${protocol}`;
      if (claim === undefined || lastsLonger(clients.get(key)?.seen, seen)) continue;
      clients.set(key, { seen, claim });
    }
    return [...clients.values()].map(({ seen, claim }): Found => {
      const { local, remote, protocol, state } = seen.socket;
      const connected = state === 'TIME_WAIT' ? 'formerly connected' : 'connected';
      const to = remote ? `, ${connected} to ${endText(remote)}` : '';
      return {
        what: `${claim}, but ${socketText(seen)} is in use by ${ownerText(seen)}${to}`,
        ports: only(local.port),
        protocol,
        advice:
          state === 'TIME_WAIT'
            ? 'Wait until TIME_WAIT expires, then start the service.'
            : `End the connection, then start the service. To find its process: portreeve who ${local.port}`,
      };
    });
  },
});

function lastsLonger(a: ListedSocket | undefined, b: ListedSocket): boolean {
  if (!a) return false;
  const leftOf = ({ socket }: ListedSocket) =>
    socket.state === 'TIME_WAIT' ? (socket.expiresMs ?? 0) : Number.POSITIVE_INFINITY;
  return leftOf(a) >= leftOf(b);
}

/** A clause: why the port of a socket belongs to another program; undefined where it does not. */
function claimOnPort(facts: Facts, seen: ListedSocket): string | undefined {
  const { local, protocol, state } = seen.socket;
  if (state === 'LISTEN' || state === 'BOUND') return undefined;
  // A connection of the service has the same port as its listener.
  const isServed = facts.listenerAt(local.port, protocol) !== undefined;
  if (isServed && state !== 'UNCONNECTED') return undefined;
  return reservedFor(facts, seen) ?? namedInServices(facts, seen);
}

function reservedFor(facts: Facts, seen: ListedSocket): string | undefined {
  const { socket, owners } = seen;
  const reservations = facts.reservationsAt(socket.local.port, socket.protocol);
  const [first] = reservations;
  if (!first || isForNoOne(useText(first))) return undefined;
  const isKnown = owners.length > 0 || socket.uid !== undefined;
  if (isKnown && reservations.some((each) => facts.permits(each, seen))) return undefined;
  // Without a known owner, a socket may be left from the service itself, such as a data connection of an FTP server.
  const mayBeOwn = !isKnown && (first.use.kind === 'AUTHPORT' || !isOutgoing(facts, seen));
  return mayBeOwn ? undefined : `${placeOf(first)} reserves the port for ${useText(first)}`;
}

/** An unconnected socket may be that of the service. */
function namedInServices(facts: Facts, seen: ListedSocket): string | undefined {
  const { local, protocol, state } = seen.socket;
  if (state === 'UNCONNECTED' || !isOutgoing(facts, seen)) return undefined;
  const entry = facts.servicesAt(local.port, protocol).find((each) => facts.isLocalEntry(each));
  return entry && `/etc/services:${entry.line} assigns the port to ${entry.name}`;
}

/**
 * Whether this host opened the connection: the remote port is not an ephemeral one, or a socket of this host listens
 * on it.
 */
function isOutgoing(facts: Facts, { socket }: ListedSocket): boolean {
  const { remote, protocol } = socket;
  if (remote === undefined) return protocol === 'udp';
  return !facts.isEphemeral(remote.port) || facts.listenerAt(remote.port, protocol) !== undefined;
}
