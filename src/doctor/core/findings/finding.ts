// What a check finds: something on this host that is wrong, or will go wrong, and what can be done about it.
import type { PortRange, Protocol } from '../../../base/port.ts';

/**
 * `error`: it does not work, or is open to strangers, now. `warning`: it will go wrong one day. `info`: somebody should
 * know.
 */
export const SEVERITIES = ['info', 'warning', 'error'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What can be done about it without asking anybody, and be taken back. */
export interface Remedy {
  /** Ports that the kernel is to give to no client (ip_local_reserved_ports). */
  readonly reserve: readonly PortRange[];
  /** Ports that bindresvport(3) is to give to nobody; each with what it is for. */
  readonly blacklist: ReadonlyMap<number, string>;
}

/** What a remedy that reserves does, as explanations have it. */
export const FIX_RESERVES =
  'The fix puts the ports into net.ipv4.ip_local_reserved_ports, now and for the next boot. A program can still bind ' +
  'such a port by its number; only the automatic choice leaves it out.';

/** Several remedies as one. */
export function joined(remedies: readonly Remedy[]): Remedy {
  return {
    reserve: remedies.flatMap(({ reserve }) => reserve),
    blacklist: new Map(remedies.flatMap(({ blacklist }) => [...blacklist])),
  };
}

/** What a check says; its severity is one of these. */
export interface Found<Severities extends Severity = never> {
  /** Undefined: the most severe that the check has. */
  readonly severity?: Severities;
  /** What was seen, in a sentence without its full stop. */
  readonly seen: string;
  /** The ports that it is about, ascending; none where it is about none in particular. */
  readonly ports: readonly PortRange[];
  /** Undefined where it is about both, or none. */
  readonly protocol?: Protocol | undefined;
  /** What to do by hand, in sentences; empty where `remedy` is all that is to be done. */
  readonly advice: string;
  readonly remedy?: Remedy | undefined;
}

/** Orders severities: the most severe is the greatest. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
