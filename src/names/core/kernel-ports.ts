// The kernel's port settings (ip-sysctl) of a network namespace.
import type { PortRange } from '../../base/port.ts';

/** The names of the settings in sysctl(8). */
export const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';
export const PORT_RANGE = 'net.ipv4.ip_local_port_range';
export const UNPRIVILEGED_START = 'net.ipv4.ip_unprivileged_port_start';

export interface KernelPorts {
  /** net.ipv4.ip_local_port_range. */
  readonly ephemeral: PortRange;
  /** net.ipv4.ip_local_reserved_ports: excluded from automatic assignment; sorted. */
  readonly reserved: readonly PortRange[];
  /** net.ipv4.ip_unprivileged_port_start: binding a lower port needs CAP_NET_BIND_SERVICE. */
  readonly unprivilegedStart: number;
}
