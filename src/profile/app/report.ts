// The report about a profile: its findings with their source lines, sorted by file and line, and their counts.
import type { PortreeveError } from '../../base/errors.ts';
import { PROFILE_ERRORS_MAX } from '../../base/limits.ts';
import { type Diagnostic, type Finding, type Severity, withExcerpt } from '../../text/source.ts';

export interface Report {
  /** Of each severity at most PROFILE_ERRORS_MAX. */
  readonly diagnostics: readonly Diagnostic[];
  /** The number of findings, including those not in `diagnostics`. */
  readonly counts: Readonly<Record<Severity, number>>;
  /** The number of notices about skipped statements. */
  readonly skipped: number;
}

/** The code of the notice about a skipped statement. */
export const STATEMENT_SKIPPED = 'STATEMENT_SKIPPED';

/** Codes that state how many more findings there are; these are always shown. */
const ALWAYS_SHOWN: ReadonlySet<string> = new Set(['TOO_MANY', 'MORE']);

export const EMPTY_REPORT: Report = {
  diagnostics: [],
  counts: { error: 0, warning: 0, notice: 0 },
  skipped: 0,
};

/** Sorts findings and adds their source lines. `texts` has the files, in order. */
export function reportOf(findings: readonly Finding[], texts: ReadonlyMap<string, string>): Report {
  const ranks = new Map([...texts.keys()].map((file, rank) => [file, rank]));
  const rank = ({ place }: Finding) => ranks.get(place.file) ?? ranks.size;
  const sorted = findings.toSorted(
    (a, b) => rank(a) - rank(b) || a.place.line - b.place.line || a.place.column - b.place.column,
  );
  const counts = { error: 0, warning: 0, notice: 0 };
  const diagnostics: Diagnostic[] = [];
  const lines = new Map([...texts].map(([file, text]) => [file, new Lines(text)]));
  for (const finding of sorted) {
    counts[finding.severity]++;
    if (counts[finding.severity] > PROFILE_ERRORS_MAX && !ALWAYS_SHOWN.has(finding.code)) continue;
    diagnostics.push(withExcerpt(finding, lines.get(finding.place.file)?.at(finding.place.line) ?? ''));
  }
  const skipped = findings.filter(({ code }) => code === STATEMENT_SKIPPED).length;
  return { diagnostics, counts, skipped };
}

/** A report of a file that cannot be read. */
export function fileReport(file: string, { code, message, hint }: PortreeveError): Report {
  const place = { file, line: 1, column: 1, length: 0 };
  return reportOf([{ severity: 'error', code, message, hint, place }], new Map());
}

/** Concatenates reports. */
export function joinReports(...reports: readonly Report[]): Report {
  const count = (severity: Severity) => reports.reduce((sum, { counts }) => sum + counts[severity], 0);
  return {
    diagnostics: reports.flatMap(({ diagnostics }) => diagnostics),
    counts: { error: count('error'), warning: count('warning'), notice: count('notice') },
    skipped: reports.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

/** The lines of a text, requested in ascending order, so that the text is scanned once. */
class Lines {
  readonly #text: string;
  #line = 1;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The line of that number; empty if there is none, or if a later line was requested before. */
  at(line: number): string {
    while (this.#line < line) {
      const end = this.#text.indexOf('\n', this.#start);
      if (end < 0) return '';
      this.#start = end + 1;
      this.#line++;
    }
    if (this.#line > line) return '';
    const end = this.#text.indexOf('\n', this.#start);
    return this.#text.slice(this.#start, end < 0 ? this.#text.length : end);
  }
}
