// What the meaning of a profile in the kernel depends on.

/** The ticks that a delayed acknowledgment waits at least (TCP_TIMEOUT_MIN in include/net/tcp.h). */
const ACK_TICKS_MIN = 2;
/** The longest tick of a usual kernel, 100 in a second: two of these are taken by those with shorter ones, too. */
const USUAL_TICK_MAX_US = 10_000;

/** What the limits of a profile depend on. */
export interface KernelFeatures {
  /** How long a tick of the kernel is, in microseconds; undefined where it could not be told. */
  readonly tickUs: number | undefined;
  /** net.ipv4.ip_unprivileged_port_start: from here on Linux asks for no capability. */
  readonly unprivilegedStart: number;
  /** Which protocols with ports of their own the kernel has, beside TCP and UDP: those that it was seen to have. */
  readonly otherProtocols: readonly string[];
}

/** NODELAYACKS: the shortest delay of an acknowledgment that a kernel with such ticks takes, in microseconds. */
export function noDelayUs(tickUs: number | undefined): number {
  return ACK_TICKS_MIN * (tickUs ?? USUAL_TICK_MAX_US);
}
