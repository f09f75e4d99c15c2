// The type of a finding: a port problem on this host, its severity, and how to fix it.
import type { PortRange, Protocol } from '../../../base/port.ts';

/**
 * `error`: something fails, or is open to other hosts, now. `warning`: it will fail sooner or later. `info`: an
 * administrator should know.
 */
export const SEVERITIES = ['info', 'warning', 'error'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A fix that `portreeve doctor --fix` can apply without a decision by the administrator, and undo. */
export interface Remedy {
  /** Ports to add to net.ipv4.ip_local_reserved_ports. */
  readonly reserve: readonly PortRange[];
  /** Ports to add to /etc/bindresvport.blacklist, each with the name of its service. */
  readonly blacklist: ReadonlyMap<number, string>;
}

/** For explanations: the effect of a remedy that reserves ports. */
export const FIX_RESERVES =
  'The fix adds the ports to net.ipv4.ip_local_reserved_ports, now and for the next boot. A program can still bind ' +
  'such a port by its number; only automatic assignment skips it.';

export function mergeRemedies(remedies: readonly Remedy[]): Remedy {
  return {
    reserve: remedies.flatMap(({ reserve }) => reserve),
    blacklist: new Map(remedies.flatMap(({ blacklist }) => [...blacklist])),
  };
}

/** The result of a check. */
export interface Found<Severities extends Severity = never> {
  /** Undefined: the most severe one of the check. */
  readonly severity?: Severities;
  /** What was found: a sentence without its full stop. */
  readonly what: string;
  /** The affected ports, ascending; empty where the finding concerns no particular port. */
  readonly ports: readonly PortRange[];
  /** Undefined where the finding concerns both protocols, or none. */
  readonly protocol?: Protocol | undefined;
  /** What to do by hand, in sentences; empty where `remedy` is sufficient. */
  readonly advice: string;
  readonly remedy?: Remedy | undefined;
}

/** Greater is more severe. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
