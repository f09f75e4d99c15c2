// Ports that should be a service's and that the kernel can give, or has given, to any client.

import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { rangesOfPorts } from '../../../../text/port-list.ts';
import { endText } from '../../explain/holder-text.ts';
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
import type { Found } from '../finding.ts';

/** RESERVATION_EPHEMERAL. What is reserved for no one is nobody's loss. */
export function reservationEphemeral(facts: Facts): Found[] {
  const { inForce, kernel } = facts.scene;
  return (inForce?.profile.reservations ?? []).flatMap((reservation): Found[] => {
    if (isForNobody(useText(reservation))) return [];
    const ports = facts.givenOf(reservation);
    if (ports.length === 0) return [];
    const all = ports.map(portsText).join(', ');
    const seen =
      `${placeOf(reservation)} reserves ${all}/${reservation.protocol} for ${useText(reservation)}, and the kernel ` +
      `gives ${portsText(kernel.ephemeral)} to clients`;
    const advice = inForce?.guard === 'enforce' ? '' : 'A guard does the same: portreeve guard enforce.';
    return [
      {
        code: 'RESERVATION_EPHEMERAL',
        severity: 'warning',
        seen,
        ports,
        protocol: reservation.protocol,
        ...facts.mending(ports, advice),
      },
    ];
  });
}

/** RESERVATION_EPHEMERAL in the other network namespaces in which the profile holds. */
export function reservationAssignable(facts: Facts): Found[] {
  return facts.scene.assignable.map(({ name, ports, reason }): Found => {
    const ranges = rangesOfPorts(new Set(ports));
    const what = ports
      ? `the kernel may assign ${ranges.map(portsText).join(', ')}, which the profile reserves`
      : `it is not known whether the kernel assigns reserved ports: ${reason}`;
    return {
      code: 'RESERVATION_EPHEMERAL',
      severity: 'warning',
      seen: `in the network namespace ${name} ${what}`,
      ports: ranges,
      protocol: undefined,
      advice: 'portreeve guard enforce writes its list, or reports why it cannot.',
      remedy: undefined,
    };
  });
}

const isForNobody = (use: string): boolean => use === 'RESERVED' || use === 'INTCLIEN';

/**
 * SERVICE_EPHEMERAL, and LISTENER_EPHEMERAL where the port may be the kernel's own choice. What the profile reserves is
 * told by RESERVATION_EPHEMERAL.
 */
export function listenerEphemeral(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    const { port, protocol, sockets } = listener;
    const [socket] = sockets;
    if (!facts.isGiven(port) || !socket || facts.reservationsAt(port, protocol).length > 0) return [];
    const range = `the kernel gives ${portsText(facts.scene.kernel.ephemeral)} to clients`;
    const what = `${whoText(socket)} listens on ${whereText(socket)}`;
    const because = facts.fixedBecause(listener);
    const ports = only(port);
    if (because !== undefined) {
      const seen = `${what}, ${because}, and ${range}`;
      return [
        { code: 'SERVICE_EPHEMERAL', severity: 'warning', seen, ports, protocol, ...facts.mending(ports) },
      ];
    }
    if (isChosen(facts, listener)) return [];
    const advice = `If the port is meant to be always the same: reserve it, or ${facts.wayOut}.`;
    const seen = `${what}, and ${range}`;
    return [
      { code: 'LISTENER_EPHEMERAL', severity: 'info', seen, ports, protocol, advice, remedy: undefined },
    ];
  });
}

/** Whether any port would have done: a client of UDP, and an RPC program, whose port is asked for. */
function isChosen(facts: Facts, { port, protocol }: Listener): boolean {
  return protocol === 'udp' || facts.registrationsAt(port, protocol).length > 0;
}

/** CLIENT_ON_PORT: one for each port, the one that holds it longest. */
export function clientOnPort(facts: Facts): Found[] {
  const clients = new Map<string, { readonly seen: SeenSocket; readonly claim: string }>();
  for (const seen of facts.scene.seen.sockets) {
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
      code: 'CLIENT_ON_PORT',
      severity: 'error',
      seen: `${claim}, and ${whereText(seen)} is held by ${whoText(seen)}${to}`,
      ports: only(local.port),
      protocol,
      advice:
        seen.socket.state === 'TIME_WAIT'
          ? 'Wait until the time is up; then start the service.'
          : `End the connection, then start the service: portreeve who ${local.port} names the process.`,
      remedy: undefined,
    };
  });
}

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
