// The kernel's settings of ports (ip-sysctl), of one network namespace.
import type { PortRange } from '../../base/port.ts';

/** The names of the settings in sysctl(8). */
export const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';
export const PORT_RANGE = 'net.ipv4.ip_local_port_range';
export const UNPRIVILEGED_START = 'net.ipv4.ip_unprivileged_port_start';

/** The kernel's settings of ports, of one network namespace. */
export interface KernelPorts {
  /** net.ipv4.ip_local_port_range: what is given to clients. */
  readonly ephemeral: PortRange;
  /** net.ipv4.ip_local_reserved_ports: what is kept out of it, as ranges, sorted. */
  readonly reserved: readonly PortRange[];
  /** net.ipv4.ip_unprivileged_port_start: below it binding takes CAP_NET_BIND_SERVICE. */
  readonly unprivilegedStart: number;
}
