// Whether the kernel may assign a port as an ephemeral port, and in which order connect(2) and bind(2) try it.
import type { Protocol } from '../../../base/port.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';

export interface EphemeralAllocation {
  /** `assignable`: in the ephemeral range; `reserved`: in the range, but reserved; `outside`: not in the range. */
  readonly kind: 'assignable' | 'reserved' | 'outside';
  /** net.ipv4.ip_local_port_range. */
  readonly range: KernelPorts['ephemeral'];
  /**
   * The system call that tries the port first: connect(2), or bind(2) with port 0. Each uses the other half of the
   * range only when its own is exhausted. Undefined where there is no preference.
   */
  readonly preferredBy: 'connect' | 'bind' | undefined;
}

/**
 * How the kernel treats a port that is not in use. connect(2) first tries ports with the parity of the first port of
 * the range (__inet_hash_connect() of net/ipv4/inet_hashtables.c), bind(2) with port 0 first tries the others
 * (inet_csk_find_open_port() of net/ipv4/inet_connection_sock.c); since Linux 4.6, and for TCP only.
 */
export function ephemeralAllocation(
  port: number,
  protocol: Protocol,
  { ephemeral: range, reserved }: KernelPorts,
): EphemeralAllocation {
  if (port < range.first || port > range.last) return { kind: 'outside', range, preferredBy: undefined };
  const isReserved = reserved.some(({ first, last }) => port >= first && port <= last);
  if (isReserved) return { kind: 'reserved', range, preferredBy: undefined };
  const kind = 'assignable';
  if (protocol === 'udp' || range.first === range.last) return { kind, range, preferredBy: undefined };
  return { kind, range, preferredBy: (port - range.first) % 2 === 0 ? 'connect' : 'bind' };
}
