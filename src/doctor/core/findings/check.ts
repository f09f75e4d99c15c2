// The type of a doctor check: one record with the texts and the code for one kind of finding.
import type { Facts } from './facts.ts';
import type { Found, Severity } from './finding.ts';

export interface Check<Code extends string = string, Severities extends Severity = Severity> {
  /** The stable identifier of its findings. */
  readonly code: Code;
  readonly title: string;
  /** The severities that its findings can have, most severe first. */
  readonly severities: readonly [Severities, ...Severities[]];
  /** Why it matters: a sentence without its full stop. */
  readonly why: string;
  /** Paragraphs: what it means, when it is reported, and how to fix it. */
  readonly explanation: readonly string[];
  readonly run: (facts: Facts) => readonly Found<NoInfer<Severities>>[];
}

/** Declares a check. The types keep its code literal, and permit only the severities that it lists. */
export function check<const Code extends string, const Severities extends Severity>(
  record: Check<Code, Severities>,
): Check<Code, Severities> {
  return record;
}
