// Whether enough ports are left for clients, counted as the kernel counts them.
import { formatIp, isLoopback } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { endText } from '../../explain/holder-text.ts';
import { check } from '../check.ts';
import { countOf, type Facts, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** From these shares of the ports on it is told. */
const WARNING_SHARE = 0.8;
const ERROR_SHARE = 0.95;

/** Ports that are in use, of those that there are for somebody. */
interface Use {
  /** Who needs them: "for UDP". */
  readonly what: string;
  readonly protocol: Protocol;
  readonly count: number;
  readonly total: number;
  /** How many of them are in TIME_WAIT. */
  readonly waiting: number;
  /** Whether this host is known to ask for such ports. */
  readonly isAsked: boolean;
}

/** By destination, else for those who need a port that nobody has. */
export const EPHEMERAL_FEW = check({
  code: 'EPHEMERAL_FEW',
  title: 'few ports are left for clients',
  severities: ['error', 'warning'],
  why: 'when none is left connect(2) fails with EADDRNOTAVAIL, and bind(2) to port 0 with EADDRINUSE',
  explanation: [
    'Clients get their ports from net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports. It is ' +
      'counted as the kernel counts: connect(2) of TCP can use a port again for another destination, so that ' +
      'only the connections from one address of this host to one address and port count together, with those in ' +
      'TIME_WAIT unless net.ipv4.tcp_tw_reuse has their ports used again; UDP, and bind(2) to port 0, need a port ' +
      'that nobody has.',
    'It is a warning from 80 percent on, and an error from 95, but for bind(2), which perhaps nobody calls. From ' +
      'half on connect(2) of TCP also becomes slower, because it looks through the even ports first.',
    'Keep connections open instead of making new ones, let the other side close first, use further addresses, ' +
      'or widen the range. Widening it needs care: look at what lies there, with portreeve suggest and portreeve ' +
      'stacks.',
  ],
  run: (facts) => {
    const few = (uses: readonly Use[]) => uses.filter(isFew).map((use) => foundOf(facts, use));
    const destinations = few(usesByDestination(facts));
    const rest = [
      ...(destinations.length > 0 ? [] : [useByAll(facts, 'tcp', 'for bind(2) to port 0 of TCP')]),
      useByAll(facts, 'udp', 'for UDP'),
    ];
    return [...destinations, ...few(rest)];
  },
});

const isFew = ({ count, total }: Use): boolean => count > 0 && count >= total * WARNING_SHARE;

/** connect(2) of TCP can use a port again for another destination. */
function usesByDestination(facts: Facts): Use[] {
  const clients = facts.snapshot.seen.sockets.filter((seen) => isInTheWay(facts, seen));
  const byDestination = Map.groupBy(clients, ({ socket: { local, remote } }) => {
    return `from ${formatIp(local.address)} to ${remote ? endText(remote) : 'nowhere'}`;
  });
  // What listens is in the way of every client, whatever its destination.
  const listening = facts.listeners.filter(({ port, protocol }) => protocol === 'tcp' && facts.isGiven(port));
  const total = facts.givenCount - listening.length;
  return [...byDestination].map(([what, own]) => {
    const waiting = own.filter(({ socket }) => socket.state === 'TIME_WAIT').length;
    return { what, protocol: 'tcp', count: own.length, total, waiting, isAsked: true };
  });
}

/** Whether a socket keeps connect(2) from using its port again for the same destination. */
function isInTheWay(facts: Facts, seen: SeenSocket): boolean {
  const { protocol, local, remote } = seen.socket;
  const isClient = protocol === 'tcp' && remote !== undefined && facts.isGiven(local.port);
  return isClient && !facts.listenerAt(local.port, protocol) && !isUsedAgain(facts, seen);
}

/** How long TCP_TIMEWAIT_LEN of <net/tcp.h> is, and after how much of it a port is used again (tcp_twsk_unique()). */
const TIME_WAIT_MS = 60_000;
const USED_AGAIN_AFTER_MS = 1000;

/** Whether what is left of a connection is in nobody's way any more (net.ipv4.tcp_tw_reuse). */
function isUsedAgain({ snapshot }: Facts, { socket }: SeenSocket): boolean {
  const { state, local, remote, expiresMs = TIME_WAIT_MS } = socket;
  if (state !== 'TIME_WAIT' || expiresMs > TIME_WAIT_MS - USED_AGAIN_AFTER_MS) return false;
  const isLocal = isLoopback(local.address) || (remote !== undefined && isLoopback(remote.address));
  return snapshot.reusesTimeWait === 'all' || (snapshot.reusesTimeWait === 'loopback' && isLocal);
}

/** UDP, and bind(2) to port 0, need a port that nobody has; that somebody asks for one of TCP is not known. */
function useByAll(facts: Facts, protocol: Protocol, what: string): Use {
  const ports = new Set<number>();
  for (const { socket } of facts.snapshot.seen.sockets) {
    if (socket.protocol === protocol && facts.isGiven(socket.local.port)) ports.add(socket.local.port);
  }
  const { size: count } = ports;
  return { what, protocol, count, total: facts.givenCount, waiting: 0, isAsked: protocol === 'udp' };
}

function foundOf(
  facts: Facts,
  { what, protocol, count, total, waiting, isAsked }: Use,
): Found<'error' | 'warning'> {
  const { ephemeral } = facts.snapshot.kernel;
  const kept = countOf([ephemeral]) - facts.givenCount;
  const range = `${portsText(ephemeral)}${kept > 0 ? ` without ${kept} reserved ones` : ''}`;
  const rest = waiting > 0 ? `, ${waiting} of them in TIME_WAIT` : '';
  return {
    severity: isAsked && count >= total * ERROR_SHARE ? 'error' : 'warning',
    seen: `${what} ${count} of the ${total} ports for clients (${range}) are in use${rest}`,
    ports: [ephemeral],
    protocol,
    advice:
      'Make fewer new connections, use further addresses, or widen net.ipv4.ip_local_port_range with care.',
  };
}
