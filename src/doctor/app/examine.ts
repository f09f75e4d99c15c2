// What the doctor says of this host: findings, those that somebody has had enough of apart, and how each is mended.

import { type Code, examineSnapshot, type Finding } from '../core/findings/checks/all.ts';
import { joined, type Remedy, rankOf, type Severity } from '../core/findings/finding.ts';
import { type Gathered, type SnapshotChoices, type SnapshotDeps, takeSnapshot } from './snapshot.ts';

/** Findings that are not to be told, and why. */
export interface Suppression {
  readonly code: Code;
  /** Undefined: all of that code. */
  readonly port?: number | undefined;
  readonly reason: string;
}

/** A finding that is not told. */
interface Suppressed {
  readonly finding: Finding;
  readonly reason: string;
}

/** What was found. */
export interface Examination {
  /** The gravest first. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  /** Suppressions that no finding is suppressed by. */
  readonly idle: readonly Suppression[];
  /** What could not be looked at, a sentence each. */
  readonly unknown: readonly string[];
}

/** Looks at this host. Throws what takeSnapshot() throws. */
export async function examine(
  deps: SnapshotDeps,
  choices: SnapshotChoices,
  suppressions: readonly Suppression[],
): Promise<Examination> {
  return judge(await takeSnapshot(deps, choices), suppressions);
}

/** The findings of a scene. */
export function judge({ snapshot, unknown }: Gathered, suppressions: readonly Suppression[]): Examination {
  const findings: Finding[] = [];
  const suppressed: Suppressed[] = [];
  const used = new Set<Suppression>();
  for (const finding of examineSnapshot(snapshot)) {
    const by = suppressions.find((each) => isFor(each, finding));
    if (by) used.add(by);
    if (by) suppressed.push({ finding, reason: by.reason });
    else findings.push(finding);
  }
  return { findings, suppressed, idle: suppressions.filter((each) => !used.has(each)), unknown };
}

function isFor({ code, port }: Suppression, finding: Pick<Finding, 'code' | 'ports'>): boolean {
  if (code !== finding.code) return false;
  return port === undefined || finding.ports.some(({ first, last }) => first <= port && port <= last);
}

/** Whether a finding is at least as grave as that. */
export function isAtLeast({ severity }: Pick<Finding, 'severity'>, least: Severity): boolean {
  return rankOf(severity) >= rankOf(least);
}

/** What mends all of them. */
export function remedyOf(findings: readonly Finding[]): Remedy {
  return joined(findings.flatMap(({ remedy }) => remedy ?? []));
}
