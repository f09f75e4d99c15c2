// The use case of `portreeve doctor`: examines this host, separates suppressed findings, and combines remedies.

import { type Code, examineSnapshot, type Finding } from '../core/findings/checks/all.ts';
import { mergeRemedies, type Remedy, rankOf, type Severity } from '../core/findings/finding.ts';
import { type SnapshotDeps, type SnapshotResult, type SnapshotSettings, takeSnapshot } from './snapshot.ts';

/** Findings that are not reported, and the reason. */
export interface Suppression {
  readonly code: Code;
  /** Undefined: every finding with the code. */
  readonly port?: number | undefined;
  readonly reason: string;
}

interface Suppressed {
  readonly finding: Finding;
  readonly reason: string;
}

export interface Examination {
  /** Most severe first. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  /** Suppressions that match no finding. */
  readonly unused: readonly Suppression[];
  /** What could not be checked, a sentence each. */
  readonly unknown: readonly string[];
}

/** Examines this host. Throws what takeSnapshot() throws. */
export async function examine(
  deps: SnapshotDeps,
  settings: SnapshotSettings,
  suppressions: readonly Suppression[],
): Promise<Examination> {
  return examineResult(await takeSnapshot(deps, settings), suppressions);
}

/** Examines a snapshot. */
export function examineResult(
  { snapshot, unknown }: SnapshotResult,
  suppressions: readonly Suppression[],
): Examination {
  const findings: Finding[] = [];
  const suppressed: Suppressed[] = [];
  const used = new Set<Suppression>();
  for (const finding of examineSnapshot(snapshot)) {
    const suppression = suppressions.find((each) => isFor(each, finding));
    if (suppression) {
      used.add(suppression);
      suppressed.push({ finding, reason: suppression.reason });
    } else findings.push(finding);
  }
  return { findings, suppressed, unused: suppressions.filter((each) => !used.has(each)), unknown };
}

function isFor({ code, port }: Suppression, finding: Pick<Finding, 'code' | 'ports'>): boolean {
  if (code !== finding.code) return false;
  return port === undefined || finding.ports.some(({ first, last }) => first <= port && port <= last);
}

export function isAtLeast({ severity }: Pick<Finding, 'severity'>, least: Severity): boolean {
  return rankOf(severity) >= rankOf(least);
}

/** The remedies of all findings, combined. */
export function remedyOf(findings: readonly Finding[]): Remedy {
  return mergeRemedies(findings.flatMap(({ remedy }) => remedy ?? []));
}
