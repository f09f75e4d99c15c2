// Check for the exhaustion of ephemeral ports, which counts ports as the kernel does.
import { formatIp, isLoopback } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import type { ListedSocket } from '../../../../sockets/core/socket-snapshot.ts';
import { endText } from '../../explain/holder-text.ts';
import { check } from '../check.ts';
import { countOf, type Facts, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** A finding is reported if at least these shares of the ports are in use. */
const WARNING_SHARE = 0.8;
const ERROR_SHARE = 0.95;

/** The ports in use for one purpose, and the total number of ports for it. */
interface Use {
  /** "for UDP", "from 192.0.2.9 to 192.0.2.2:443" */
  readonly purpose: string;
  readonly protocol: Protocol;
  readonly count: number;
  readonly total: number;
  /** The number of ports in TIME_WAIT. */
  readonly waiting: number;
  /** Whether programs on this host are known to need such ports. */
  readonly isNeeded: boolean;
}

/** By destination, or else for sockets that need a port that is not in use. */
export const EPHEMERAL_FEW = check({
  code: 'EPHEMERAL_FEW',
  title: 'few ephemeral ports are left',
  severities: ['error', 'warning'],
  why: 'when no port is left, connect(2) fails with EADDRNOTAVAIL, and bind(2) to port 0 with EADDRINUSE',
  explanation: [
    'Ephemeral ports are those of net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports. They are ' +
      'counted as the kernel does: for TCP, connect(2) can use a port for several destinations, so the connections ' +
      'from one local address to one remote address and port are counted together, including those in TIME_WAIT ' +
      'whose ports net.ipv4.tcp_tw_reuse does not release; UDP, and bind(2) to port 0, need a port that is not in ' +
      'use at all.',
    'It is a warning from 80 percent, and an error from 95 percent; for bind(2) to port 0, which perhaps no program ' +
      'calls, it is always a warning. For TCP, connect(2) becomes slower from 50 percent, because it tries the ' +
      'ports of one parity first.',
    'Keep connections open instead of opening new ones, let the remote side close first, use more local addresses, ' +
      'or widen the range. Before you widen it, check which ports in the new range are used: portreeve suggest, ' +
      'portreeve stacks.',
  ],
  run: (facts) => {
    const few = (uses: readonly Use[]) => uses.filter(isFew).map((use) => foundOf(facts, use));
    const destinations = few(usesByDestination(facts));
    const rest = [
      ...(destinations.length > 0 ? [] : [useByAll(facts, 'tcp', 'for bind(2) to TCP port 0')]),
      useByAll(facts, 'udp', 'for UDP'),
    ];
    return [...destinations, ...few(rest)];
  },
});

const isFew = ({ count, total }: Use): boolean => count > 0 && count >= total * WARNING_SHARE;

/** For TCP, connect(2) can use a port for several destinations. */
function usesByDestination(facts: Facts): Use[] {
  const clients = facts.snapshot.seen.sockets.filter((seen) => blocksPort(facts, seen));
  const byDestination = Map.groupBy(clients, ({ socket: { local, remote } }) => {
    return `from ${formatIp(local.address)} to ${remote ? endText(remote) : 'nowhere'}`;
  });
  // A listener blocks its port for every destination.
  const listening = facts.listeners.filter(
    ({ port, protocol }) => protocol === 'tcp' && facts.isAssignable(port),
  );
  const total = facts.assignableCount - listening.length;
  return [...byDestination].map(([purpose, sockets]) => {
    const waiting = sockets.filter(({ socket }) => socket.state === 'TIME_WAIT').length;
    return { purpose, protocol: 'tcp', count: sockets.length, total, waiting, isNeeded: true };
  });
}

/** Whether a socket prevents connect(2) from using its port for the same destination. */
function blocksPort(facts: Facts, seen: ListedSocket): boolean {
  const { protocol, local, remote } = seen.socket;
  const isClient = protocol === 'tcp' && remote !== undefined && facts.isAssignable(local.port);
  return isClient && !facts.listenerAt(local.port, protocol) && !isReusable(facts, seen);
}

/** TCP_TIMEWAIT_LEN of <net/tcp.h>. */
const TIME_WAIT_MS = 60_000;
/** The age in TIME_WAIT at which a port can be reused (tcp_twsk_unique()). */
const REUSABLE_AFTER_MS = 1000;

/** Whether connect(2) may reuse the port of a connection in TIME_WAIT (net.ipv4.tcp_tw_reuse). */
function isReusable({ snapshot }: Facts, { socket }: ListedSocket): boolean {
  const { state, local, remote, expiresMs = TIME_WAIT_MS } = socket;
  if (state !== 'TIME_WAIT' || expiresMs > TIME_WAIT_MS - REUSABLE_AFTER_MS) return false;
  const isLocal = isLoopback(local.address) || (remote !== undefined && isLoopback(remote.address));
  return snapshot.reusesTimeWait === 'all' || (snapshot.reusesTimeWait === 'loopback' && isLocal);
}

/**
 * UDP, and bind(2) to port 0, need a port that is not in use. Whether a program calls the latter for TCP is unknown.
 */
function useByAll(facts: Facts, protocol: Protocol, purpose: string): Use {
  const ports = new Set<number>();
  for (const { socket } of facts.snapshot.seen.sockets) {
    if (socket.protocol === protocol && facts.isAssignable(socket.local.port)) ports.add(socket.local.port);
  }
  const { size: count } = ports;
  return { purpose, protocol, count, total: facts.assignableCount, waiting: 0, isNeeded: protocol === 'udp' };
}

function foundOf(
  facts: Facts,
  { purpose, protocol, count, total, waiting, isNeeded }: Use,
): Found<'error' | 'warning'> {
  const { ephemeral } = facts.snapshot.kernel;
  const reserved = countOf([ephemeral]) - facts.assignableCount;
  const range = `${portsText(ephemeral)}${reserved > 0 ? ` without ${reserved} reserved ports` : ''}`;
  const rest = waiting > 0 ? `, ${waiting} of them in TIME_WAIT` : '';
  return {
    severity: isNeeded && count >= total * ERROR_SHARE ? 'error' : 'warning',
    what: `${purpose}, ${count} of ${total} ephemeral ports (${range}) are in use${rest}`,
    ports: [ephemeral],
    protocol,
    advice:
      'Open fewer new connections, use more local addresses, or widen net.ipv4.ip_local_port_range with care.',
  };
}
