// What a check of the doctor is: one record with all that is said and done about one kind of finding.
import type { Facts } from './facts.ts';
import type { Found, Severity } from './finding.ts';

/** A check. All about one code stands in its record. */
export interface Check<Code extends string = string, Severities extends Severity = Severity> {
  /** What its findings are called: a word that does not change. */
  readonly code: Code;
  readonly title: string;
  /** Those that a finding can have, the most severe first. */
  readonly severities: readonly [Severities, ...Severities[]];
  /** Why it matters, in a sentence without its full stop. */
  readonly why: string;
  /** What it means, when it is reported, and what to do: paragraphs. */
  readonly explanation: readonly string[];
  /** Looks for it. */
  readonly run: (facts: Facts) => readonly Found<NoInfer<Severities>>[];
}

/** Declares a check: its code is a type, and it finds nothing of a severity that it does not name. */
export function check<const Code extends string, const Severities extends Severity>(
  record: Check<Code, Severities>,
): Check<Code, Severities> {
  return record;
}
