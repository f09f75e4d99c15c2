// A finding: something on this host that is wrong, or will go wrong, with what was seen and what can be done about it.
import type { PortRange, Protocol } from '../../../base/port.ts';
import { CATALOGUE, type Code, SEVERITIES, type Severity } from './catalogue.ts';

/** What can be done about it without asking anybody, and be taken back. */
export interface Remedy {
  /** Ports that the kernel is to give to no client (ip_local_reserved_ports). */
  readonly reserve: readonly PortRange[];
  /** Ports that bindresvport(3) is to give to nobody; each with what it is for. */
  readonly blacklist: ReadonlyMap<number, string>;
}

/** Several remedies as one. */
export function joined(remedies: readonly Remedy[]): Remedy {
  return {
    reserve: remedies.flatMap(({ reserve }) => reserve),
    blacklist: new Map(remedies.flatMap(({ blacklist }) => [...blacklist])),
  };
}

/** What a check says. */
export interface Found {
  readonly code: Code;
  readonly severity: Severity;
  /** What was seen, in a sentence without its full stop. */
  readonly seen: string;
  /** The ports that it is about, ascending; none where it is about none in particular. */
  readonly ports: readonly PortRange[];
  /** Undefined where it is about both, or none. */
  readonly protocol: Protocol | undefined;
  /** What to do by hand, in sentences; empty where `remedy` is all that is to be done. */
  readonly advice: string;
  readonly remedy: Remedy | undefined;
}

/** A finding with its words. */
export interface Finding extends Found {
  readonly title: string;
  /** Why it matters, in a sentence. */
  readonly why: string;
}

/** Adds what the catalogue says about it. */
export function withWords(found: Found): Finding {
  const { title, why } = CATALOGUE[found.code];
  return { ...found, title, why };
}

/** Orders severities: the gravest is the greatest. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
