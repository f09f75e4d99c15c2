// Ports that should be a service's and that the kernel can give, or has given, to any client.
import { formatIp } from '../../../base/address.ts';
import type { Protocol } from '../../../base/port.ts';
import {
  countOf,
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
import { endText } from '../holder-text.ts';
import type { SeenSocket } from '../seen.ts';

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
    const advice =
      inForce?.guard === 'enforce' ? '' : 'A guard of the whole host does the same: portreeve guard enforce.';
    return [
      {
        code: 'RESERVATION_EPHEMERAL',
        severity: 'warning',
        seen,
        ports,
        protocol: reservation.protocol,
        ...mending(facts, ports, advice),
      },
    ];
  });
}

const isForNobody = (use: string): boolean => use === 'RESERVED' || use === 'INTCLIEN';

/** What to do about ports that should be kept from clients. */
function mending(facts: Facts, ports: Found['ports'], advice = ''): Pick<Found, 'advice' | 'remedy'> {
  const remedy = facts.reserving(ports);
  if (remedy) return { advice, remedy };
  return {
    advice: 'To reserve them would leave too few ports for clients: choose ports below the range.',
    remedy,
  };
}

/** SERVICE_EPHEMERAL, and LISTENER_EPHEMERAL where the port may be the kernel's own choice. */
export function listenerEphemeral(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    const { port, protocol, sockets } = listener;
    const [socket] = sockets;
    if (!facts.isGiven(port) || !socket) return [];
    const range = `the kernel gives ${portsText(facts.scene.kernel.ephemeral)} to clients`;
    const what = `${whoText(socket)} listens on ${whereText(socket)}`;
    const because = facts.fixedBecause(listener);
    const ports = only(port);
    if (because !== undefined) {
      const seen = `${what}, ${because}, and ${range}`;
      return [
        { code: 'SERVICE_EPHEMERAL', severity: 'warning', seen, ports, protocol, ...mending(facts, ports) },
      ];
    }
    if (isChosen(facts, listener)) return [];
    const { first } = facts.scene.kernel.ephemeral;
    const advice = `If its port is meant to be always the same, reserve it or choose one below ${first}.`;
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
  const { socket, job, owners } = seen;
  const reservations = facts.reservationsAt(socket.local.port, socket.protocol);
  const [first] = reservations;
  if (!first || isForNobody(useText(first))) return undefined;
  const isKnown = owners.length > 0 || socket.uid !== undefined;
  if (isKnown && reservations.some((each) => facts.lets(each, job))) return undefined;
  // Data connections of an FTP server outlive their listener.
  const isLeft = !isKnown && (first.use.kind === 'AUTHPORT' || !isOutgoing(facts, seen));
  return isLeft ? undefined : `${placeOf(first)} reserves the port for ${useText(first)}`;
}

/** A socket that is not connected may be that of the service. */
function namedInServices(facts: Facts, seen: SeenSocket): string | undefined {
  const { local, protocol, state } = seen.socket;
  const { localFrom } = facts.scene.services;
  if (localFrom === undefined || state === 'UNCONNECTED' || !isOutgoing(facts, seen)) return undefined;
  const entry = facts.servicesAt(local.port, protocol).find(({ line }) => line >= localFrom);
  return entry && `line ${entry.line} of /etc/services gives the port to ${entry.name}`;
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

/** From these shares of the ports on it is told. */
const WARNING_SHARE = 0.8;
const ERROR_SHARE = 0.95;

/** EPHEMERAL_FEW: by destination, then for those who need a port that nobody has. */
export function ephemeralFew(facts: Facts): Found[] {
  const destinations = new Map<string, { count: number; waiting: number; seen: SeenSocket }>();
  const used = { tcp: new Set<number>(), udp: new Set<number>() };
  for (const seen of facts.scene.seen.sockets) {
    const { local, remote, protocol, state } = seen.socket;
    if (!facts.isGiven(local.port)) continue;
    used[protocol].add(local.port);
    if (protocol === 'udp' || !remote || facts.listenerAt(local.port, protocol)) continue;
    const key = `${formatIp(local.address)} ${formatIp(remote.address)} ${remote.port}`;
    const entry = destinations.get(key) ?? { count: 0, waiting: 0, seen };
    entry.count++;
    if (state === 'TIME_WAIT') entry.waiting++;
    destinations.set(key, entry);
  }
  // What listens is in the way of every client, whatever its destination.
  const total = facts.givenCount;
  const blocked = facts.listeners.filter(
    ({ port, protocol }) => protocol === 'tcp' && facts.isGiven(port),
  ).length;
  const perDestination = [...destinations.values()].flatMap(({ count, waiting, seen }) => {
    const { local, remote } = seen.socket;
    const to = remote ? endText(remote) : '';
    const what = `from ${formatIp(local.address)} to ${to}`;
    const rest = waiting > 0 ? `, ${waiting} of them in TIME_WAIT` : '';
    return few({ count, total: total - blocked, what, rest, protocol: 'tcp', facts });
  });
  const told = perDestination.length > 0;
  const anyPort = told
    ? []
    : few({
        count: used.tcp.size,
        total,
        what: 'for bind(2) to port 0 of TCP',
        rest: '',
        protocol: 'tcp',
        facts,
      });
  const udp = few({ count: used.udp.size, total, what: 'for UDP', rest: '', protocol: 'udp', facts });
  return [...perDestination, ...anyPort, ...udp];
}

interface Use {
  readonly count: number;
  readonly total: number;
  readonly what: string;
  readonly rest: string;
  readonly protocol: Protocol;
  readonly facts: Facts;
}

function few({ count, total, what, rest, protocol, facts }: Use): Found[] {
  if (count === 0 || count < total * WARNING_SHARE) return [];
  const { ephemeral, reserved } = facts.scene.kernel;
  const kept = countOf([ephemeral]) - facts.givenCount;
  const range = `${portsText(ephemeral)}${reserved.length > 0 ? ` without ${kept} reserved ones` : ''}`;
  return [
    {
      code: 'EPHEMERAL_FEW',
      severity: count >= total * ERROR_SHARE ? 'error' : 'warning',
      seen: `${what} ${count} of the ${total} ports for clients (${range}) are in use${rest}`,
      ports: [ephemeral],
      protocol,
      advice:
        'Make fewer new connections, use further addresses, or widen net.ipv4.ip_local_port_range with care.',
      remedy: undefined,
    },
  ];
}
