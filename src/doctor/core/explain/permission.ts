// Whether somebody could bind a server to a port now, as far as it is a matter of who he is: privilege and profile.
import type { Verdict } from '../../../profile/core/verdict.ts';

/** Somebody who might bind. */
export interface Binder {
  readonly uid: number;
  /** Undefined where no account has the uid. */
  readonly user: string | undefined;
  /** Those of his group, and of those that he is in besides. */
  readonly gids: readonly number[];
  /** The job that the guard would take a program of his for. */
  readonly job: string;
  readonly aliases?: readonly string[];
  /** Whether such a program has CAP_NET_BIND_SERVICE (capabilities(7)). */
  readonly isCapable: boolean;
  /** What the profile in force says to it; undefined where there is none, or it could not be read. */
  readonly verdict: Verdict | undefined;
}

/** `refused`: by the guard; `privileged`: by Linux itself. */
export type Permission = 'granted' | 'refused' | 'privileged';

/** What the kernel judges by. */
interface Judges {
  /** Whether the guard makes it obey the profile. */
  readonly isEnforced: boolean;
  /** net.ipv4.ip_unprivileged_port_start. */
  readonly unprivilegedStart: number;
}

/** What bind(2) would say to him if nobody had the port. */
export function permissionOf(
  port: number,
  { verdict, isCapable }: Binder,
  { isEnforced, unprivilegedStart }: Judges,
): Permission {
  const judged = isEnforced ? verdict : undefined;
  // What the profile leaves to Linux is Linux's to say.
  if (judged?.allowed === false && judged.reason !== 'LOW_PORT_OF_LINUX') return 'refused';
  const isGranted = judged?.allowed === true && judged.lowPortGranted;
  return port < unprivilegedStart && !isCapable && !isGranted ? 'privileged' : 'granted';
}
