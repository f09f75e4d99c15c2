// Whether the kernel gives a port to clients, that is to whoever asks for any port, and in which order it does so.
import type { Protocol } from '../../../base/port.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';

/** Whether a client can be given a port, and when. */
export interface EphemeralAllocation {
  /** `given`: at any moment; `reserved`: it is in the range and kept back; `outside`: it is not in the range. */
  readonly kind: 'given' | 'reserved' | 'outside';
  /** net.ipv4.ip_local_port_range. */
  readonly range: KernelPorts['ephemeral'];
  /**
   * Who is given such ports first: a client that calls connect(2), or a program that binds port 0. Each gets the
   * others' when its own half of the range is used up. Undefined where all are given alike.
   */
  readonly firstTo: 'connect' | 'bind' | undefined;
}

/**
 * What the kernel does with a port that nobody holds. connect(2) tries ports of the parity of the range's first one
 * before the others (__inet_hash_connect() of net/ipv4/inet_hashtables.c), bind(2) of port 0 tries the others first
 * (inet_csk_find_open_port() of net/ipv4/inet_connection_sock.c): so since Linux 4.6, and for TCP only.
 */
export function ephemeralAllocation(
  port: number,
  protocol: Protocol,
  { ephemeral: range, reserved }: KernelPorts,
): EphemeralAllocation {
  if (port < range.first || port > range.last) return { kind: 'outside', range, firstTo: undefined };
  const isReserved = reserved.some(({ first, last }) => port >= first && port <= last);
  if (isReserved) return { kind: 'reserved', range, firstTo: undefined };
  if (protocol === 'udp' || range.first === range.last) return { kind: 'given', range, firstTo: undefined };
  return { kind: 'given', range, firstTo: (port - range.first) % 2 === 0 ? 'connect' : 'bind' };
}
