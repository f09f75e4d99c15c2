// The kernel features on which the exact meaning of a profile depends.

/** The minimum delay of an acknowledgment, in ticks (TCP_TIMEOUT_MIN in include/net/tcp.h). */
const ACK_TICKS_MIN = 2;
/** The longest common tick, at 100 per second. Kernels with shorter ticks also accept two of these. */
const COMMON_TICK_MAX_US = 10_000;

export interface KernelFeatures {
  /** The length of a kernel tick in microseconds; undefined where it could not be determined. */
  readonly tickUs: number | undefined;
  /** net.ipv4.ip_unprivileged_port_start: from this port on, Linux requires no capability. */
  readonly unprivilegedStart: number;
  /** The loaded protocols with ports other than TCP and UDP. */
  readonly otherProtocols: readonly string[];
}

/** NODELAYACKS: the shortest delay of an acknowledgment, in microseconds, that a kernel with such ticks accepts. */
export function noDelayUs(tickUs: number | undefined): number {
  return ACK_TICKS_MIN * (tickUs ?? COMMON_TICK_MAX_US);
}
