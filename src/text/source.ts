// Where something stands in a text that a person wrote, and what is said about it.

/** A place in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** How many characters are meant. */
  readonly length: number;
}

/** `error`: what stands there does not hold. `warning`: it holds, hardly meant. `notice`: it was passed over. */
export type Severity = 'error' | 'warning' | 'notice';

/** Something about a place in a text. */
export interface Diagnostic {
  readonly severity: Severity;
  /** What it is, in a word that does not change. */
  readonly code: string;
  /** The message of z/OS that says the same, where one is known. */
  readonly zos?: string;
  /** What was found and what would be legal, in a sentence. */
  readonly message: string;
  /** What to do next; empty where there is nothing to say. */
  readonly hint: string;
  readonly place: Place;
  /** The line, or the part of a very long one around the place; `excerptAt` is the column of its first character. */
  readonly excerpt: string;
  readonly excerptAt: number;
  /** Another place that it has to do with. */
  readonly related?: { readonly place: Place; readonly text: string };
}

/** A diagnostic that does not know its line of text yet. */
export type Finding = Omit<Diagnostic, 'excerpt' | 'excerptAt'>;

/** The characters of a long line that are shown around a place. */
const EXCERPT_CHARACTERS = 120;
const EXCERPT_BEFORE = 60;

/** Adds the line that a finding is about. */
export function withExcerpt(finding: Finding, line: string): Diagnostic {
  if (line.length <= EXCERPT_CHARACTERS) return { ...finding, excerpt: line, excerptAt: 1 };
  const start = Math.max(0, finding.place.column - 1 - EXCERPT_BEFORE);
  return { ...finding, excerpt: line.slice(start, start + EXCERPT_CHARACTERS), excerptAt: start + 1 };
}
