// Collects diagnostics about a text, with their places and lines, up to a readable number.
import { PROFILE_ERRORS_MAX } from '../base/limits.ts';
import { printable } from '../base/printable.ts';
import { type Diagnostic, type Finding, type Place, type Severity, withExcerpt } from './source.ts';

export interface TextSource {
  readonly file: string;
  readonly text: string;
}

/** A diagnostic without its place. */
export interface Remark {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly zos?: string;
  readonly related?: { readonly place: Place; readonly text: string };
}

/** The characters of the text from `start` to `end`, exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const SHOWN_CHARACTERS = 40;

/** Quotes a word of the text for a message: escaped and truncated. */
export function shown(word: string): string {
  const part = word.length > SHOWN_CHARACTERS ? `${word.slice(0, SHOWN_CHARACTERS - 1)}…` : word;
  return `"${printable(part)}"`;
}

/** Lists names for a message: the first ones, and the number of the others. */
export function listed(names: readonly string[], max = 10): string {
  const more = names.length - max;
  return names.slice(0, max).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The diagnostics of one text. */
export class Findings {
  readonly #source: TextSource;
  readonly #lineStarts: readonly number[];
  readonly #reported: Diagnostic[] = [];
  readonly #counts: Record<Severity, number> = { error: 0, warning: 0, notice: 0 };
  readonly #firstUnknown: Partial<Record<Severity, Span>> = {};

  constructor(source: TextSource) {
    this.#source = source;
    const starts = [0];
    for (let at = source.text.indexOf('\n'); at >= 0; at = source.text.indexOf('\n', at + 1))
      starts.push(at + 1);
    this.#lineStarts = starts;
  }

  /** The place of a span. If it has several lines, the place covers the first. */
  place({ start, end }: Span): Place {
    const line = this.#lineOf(start);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const lineEnd = lineStart + this.#line(line).length;
    const length = Math.max(0, Math.min(end, lineEnd) - start);
    return { file: this.#source.file, line, column: start - lineStart + 1, length };
  }

  error(span: Span, remark: Remark): void {
    this.#add('error', span, remark);
  }

  warning(span: Span, remark: Remark): void {
    this.#add('warning', span, remark);
  }

  notice(span: Span, remark: Remark): void {
    this.#add('notice', span, remark);
  }

  /** At most PROFILE_ERRORS_MAX diagnostics of each severity, and at the end the number of the others. */
  diagnostics(): Diagnostic[] {
    const all = [...this.#reported];
    for (const severity of ['error', 'warning', 'notice'] as const) {
      const span = this.#firstUnknown[severity];
      if (!span) continue;
      const more = this.#counts[severity] - PROFILE_ERRORS_MAX;
      const message = `${more} more ${severity}s are not shown`;
      all.push(this.#diagnostic(severity, span, { code: 'MORE', message }));
    }
    return all;
  }

  #add(severity: Severity, span: Span, remark: Remark): void {
    this.#counts[severity]++;
    if (this.#counts[severity] <= PROFILE_ERRORS_MAX)
      this.#reported.push(this.#diagnostic(severity, span, remark));
    else this.#firstUnknown[severity] ??= span;
  }

  #diagnostic(severity: Severity, span: Span, { hint = '', ...remark }: Remark): Diagnostic {
    const place = this.place(span);
    const finding: Finding = { severity, ...remark, hint, place };
    return withExcerpt(finding, this.#line(place.line));
  }

  /** The line number of an offset, from 1. */
  #lineOf(at: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  #line(number: number): string {
    const { text } = this.#source;
    const end = (this.#lineStarts[number] ?? text.length + 1) - 1;
    const line = text.slice(this.#lineStarts[number - 1] ?? 0, end);
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
