// Places in a text that a user wrote, and diagnostics about them.

/** Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** In characters. */
  readonly length: number;
}

/** `error`: the text has no effect. `warning`: it has effect, but is probably a mistake. `notice`: it was ignored. */
export type Severity = 'error' | 'warning' | 'notice';

export interface Diagnostic {
  readonly severity: Severity;
  /** Stable. */
  readonly code: string;
  /** The corresponding message of z/OS, if known. */
  readonly zos?: string;
  /** What was found, and what is valid. */
  readonly message: string;
  /** What to do next. May be empty. */
  readonly hint: string;
  readonly place: Place;
  /** The line, or the part of a very long line around the place. `excerptAt` is the column of its first character. */
  readonly excerpt: string;
  readonly excerptAt: number;
  /** A related place. */
  readonly related?: { readonly place: Place; readonly text: string };
}

/** A diagnostic without the text of its line. */
export type Finding = Omit<Diagnostic, 'excerpt' | 'excerptAt'>;

/** The length of an excerpt from a long line. */
const EXCERPT_CHARACTERS = 120;
const EXCERPT_BEFORE = 60;

/** Adds the text of the line. */
export function withExcerpt(finding: Finding, line: string): Diagnostic {
  if (line.length <= EXCERPT_CHARACTERS) return { ...finding, excerpt: line, excerptAt: 1 };
  const start = Math.max(0, finding.place.column - 1 - EXCERPT_BEFORE);
  return { ...finding, excerpt: line.slice(start, start + EXCERPT_CHARACTERS), excerptAt: start + 1 };
}
