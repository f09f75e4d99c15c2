// Prints the findings of a profile as text or as annotations for GitHub.

import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { counted, emphasize } from '../../kit/text.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { type Report, STATEMENT_SKIPPED } from '../app/report.ts';

interface DiagnosticOptions {
  /** Also show each skipped statement. */
  readonly verbose?: boolean | undefined;
}

/** Each finding: place, message, source line with a caret, related place, and hint. */
export function diagnosticsText(io: Io, report: Report, options: DiagnosticOptions = {}): string {
  return reported(report, options)
    .map((diagnostic) => diagnosticText(io, diagnostic))
    .join('');
}

/** "2 errors, 1 warning; 14 statements that do not concern ports were skipped" */
export function summaryText({ counts, skipped, diagnostics }: Report): string {
  const errors = counts.error === 0 ? 'no errors' : counted(counts.error, 'error');
  const warnings = counts.warning === 0 ? [] : [counted(counts.warning, 'warning')];
  const skippedText =
    skipped === 1
      ? '1 statement that does not concern ports was skipped'
      : `${skipped} statements that do not concern ports were skipped`;
  const notShown = counts.error + counts.warning + counts.notice - diagnostics.length;
  return [
    [errors, ...warnings].join(', '),
    ...(skipped === 0 ? [] : [skippedText]),
    ...(notShown === 0 ? [] : [`${notShown} more are not shown`]),
  ].join('; ');
}

/** GitHub workflow commands, which show each finding next to its line. */
export function githubText(report: Report, options: DiagnosticOptions = {}): string {
  return reported(report, options).map(githubLine).join('');
}

function reported({ diagnostics }: Report, { verbose }: DiagnosticOptions): readonly Diagnostic[] {
  return verbose ? diagnostics : diagnostics.filter(({ code }) => code !== STATEMENT_SKIPPED);
}

function diagnosticText(io: Io, diagnostic: Diagnostic): string {
  const { severity, zos, message, place, related, hint } = diagnostic;
  const kind = zos === undefined ? severity : `${severity} ${zos}`;
  const lines = [
    emphasize(io, `${placeText(place)}: ${kind}: ${printable(message)}`),
    ...excerptLines(diagnostic),
    ...(related ? [`${placeText(related.place)}: ${printable(related.text)}`] : []),
    ...(hint === '' ? [] : [printable(hint)]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function placeText({ file, line, column }: Place): string {
  return `${printable(file)}:${line}:${column}`;
}

/**
 * The source line, and carets under the marked characters; no carets if the whole line is marked. Tabs are replaced by
 * blanks to align the carets.
 */
function excerptLines({ excerpt, excerptAt, place }: Diagnostic): string[] {
  if (excerpt.trim() === '') return [];
  const shown = (text: string) => printable(text.replaceAll('\t', ' '));
  if (place.length === 0) return [shown(excerpt).trimEnd()];
  const from = Math.max(0, place.column - excerptAt);
  const marked = shown(excerpt.slice(from, from + place.length));
  const indent = ' '.repeat(shown(excerpt.slice(0, from)).length);
  return [shown(excerpt).trimEnd(), `${indent}${'^'.repeat(Math.max(1, marked.length))}`];
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function githubLine({ severity, zos, code, message, hint, place }: Diagnostic): string {
  const properties = [
    `file=${githubProperty(place.file)}`,
    `line=${place.line}`,
    `col=${place.column}`,
    `title=${githubProperty(zos ?? code)}`,
  ];
  const text = hint === '' ? message : `${message}. ${hint}`;
  return `::${severity} ${properties.join(',')}::${githubData(text)}\n`;
}

/** Escapes line ends, control characters and %. */
function githubData(text: string): string {
  return printable(text).replaceAll('%', '%25');
}

function githubProperty(text: string): string {
  return githubData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
