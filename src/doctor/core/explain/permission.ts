// Whether a user may bind a server to a port: privilege and profile, regardless of sockets that hold the port.
import type { Verdict } from '../../../profile/core/verdict.ts';

/** A user on whose behalf a program may call bind(2). */
export interface Binder {
  readonly uid: number;
  /** Undefined where no account has the uid. */
  readonly user: string | undefined;
  /** The primary group and the supplementary groups. */
  readonly gids: readonly number[];
  /** The job that the guard would assign to the program. */
  readonly job: string;
  readonly aliases?: readonly string[];
  /** Whether the program has CAP_NET_BIND_SERVICE (capabilities(7)). */
  readonly hasBindCapability: boolean;
  /** The verdict of the profile in force; undefined without a profile, or where it could not be read. */
  readonly verdict: Verdict | undefined;
}

/** `refused`: the guard would refuse the bind; `unprivileged`: Linux would, for lack of CAP_NET_BIND_SERVICE. */
export type Permission = 'granted' | 'refused' | 'unprivileged';

interface BindPolicy {
  /** Whether the guard enforces the profile here. */
  readonly isEnforced: boolean;
  /** net.ipv4.ip_unprivileged_port_start. */
  readonly unprivilegedStart: number;
}

/** Whether bind(2) would be permitted if the port were not in use. */
export function permissionOf(
  port: number,
  { verdict, hasBindCapability }: Binder,
  { isEnforced, unprivilegedStart }: BindPolicy,
): Permission {
  const enforced = isEnforced ? verdict : undefined;
  // The profile leaves such a low port to the privilege check of Linux.
  if (enforced?.allowed === false && enforced.reason !== 'LOW_PORT_OF_LINUX') return 'refused';
  const isGranted = enforced?.allowed === true && enforced.lowPortGranted;
  return port < unprivilegedStart && !hasBindCapability && !isGranted ? 'unprivileged' : 'granted';
}
