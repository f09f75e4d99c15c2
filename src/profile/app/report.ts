// What is to be said about a profile: each finding with its line of text, in the order of the files and their lines.
import type { PortreeveError } from '../../base/errors.ts';
import { PROFILE_ERRORS_MAX } from '../../base/limits.ts';
import { type Diagnostic, type Finding, type Severity, withExcerpt } from '../../text/source.ts';

/** The findings of a profile. */
export interface Report {
  /** Of each severity at most PROFILE_ERRORS_MAX. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many there are of each, whether they are told or not. */
  readonly counts: Readonly<Record<Severity, number>>;
  /** Of the notices, those about statements that have nothing to do with ports. */
  readonly skipped: number;
}

/** What the parser calls a statement that it knows and passes over. */
export const STATEMENT_SKIPPED = 'STATEMENT_SKIPPED';

/** What the readers of texts call it that there is more than they tell; that is always told. */
const SAYS_MORE: ReadonlySet<string> = new Set(['TOO_MANY', 'MORE']);

/** A report that says nothing. */
export const NOTHING_TO_REPORT: Report = {
  diagnostics: [],
  counts: { error: 0, warning: 0, notice: 0 },
  skipped: 0,
};

/** Puts findings in order and gives each its line. `texts` has the files, in their order. */
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
    if (counts[finding.severity] > PROFILE_ERRORS_MAX && !SAYS_MORE.has(finding.code)) continue;
    diagnostics.push(withExcerpt(finding, lines.get(finding.place.file)?.at(finding.place.line) ?? ''));
  }
  const skipped = findings.filter(({ code }) => code === STATEMENT_SKIPPED).length;
  return { diagnostics, counts, skipped };
}

/** That a file as a whole is in error: it is not there, or it is no text. */
export function fileReport(file: string, { code, message, hint }: PortreeveError): Report {
  const place = { file, line: 1, column: 1, length: 0 };
  return reportOf([{ severity: 'error', code, message, hint, place }], new Map());
}

/** Reports about several things as one. */
export function joinReports(...reports: readonly Report[]): Report {
  const count = (severity: Severity) => reports.reduce((sum, { counts }) => sum + counts[severity], 0);
  return {
    diagnostics: reports.flatMap(({ diagnostics }) => diagnostics),
    counts: { error: count('error'), warning: count('warning'), notice: count('notice') },
    skipped: reports.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

/** The lines of a text, asked for from the first to the last: a text of many lines is gone through once. */
class Lines {
  readonly #text: string;
  #line = 1;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The line of that number; empty where the text has none, or where a later one was asked for already. */
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
