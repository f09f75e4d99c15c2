// What was found in a profile, for people, for the checks of GitHub, and for programs.

import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { counted, emphasize } from '../../kit/text.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { type Report, STATEMENT_SKIPPED } from '../app/report.ts';

interface DiagnosticOptions {
  /** Also what was passed over, one by one. */
  readonly verbose?: boolean | undefined;
}

/** Every finding: where, what, the line with a caret, what it has to do with, and what to do next. */
export function diagnosticsText(io: Io, report: Report, options: DiagnosticOptions = {}): string {
  return reported(report, options)
    .map((diagnostic) => diagnosticText(io, diagnostic))
    .join('');
}

/** "2 errors, 1 warning; 14 statements that have nothing to do with ports were skipped". */
export function summaryText({ counts, skipped, diagnostics }: Report): string {
  const errors = counts.error === 0 ? 'no errors' : counted(counts.error, 'error');
  const warnings = counts.warning === 0 ? [] : [counted(counts.warning, 'warning')];
  const is =
    skipped === 1
      ? 'statement that has nothing to do with ports was'
      : 'statements that have nothing to do with ports were';
  const unknown = counts.error + counts.warning + counts.notice - diagnostics.length;
  return [
    [errors, ...warnings].join(', '),
    ...(skipped === 0 ? [] : [`${skipped} ${is} skipped`]),
    ...(unknown === 0 ? [] : [`${unknown} more are not shown`]),
  ].join('; ');
}

/** Workflow commands of GitHub, which put each finding beside its line. */
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
 * The line, and a caret under each character that is meant; no caret where the whole line is. Tabs are shown as blanks,
 * so that carets stand right.
 */
function excerptLines({ excerpt, excerptAt, place }: Diagnostic): string[] {
  if (excerpt.trim() === '') return [];
  const shown = (text: string) => printable(text.replaceAll('\t', ' '));
  if (place.length === 0) return [shown(excerpt).trimEnd()];
  const from = Math.max(0, place.column - excerptAt);
  const meant = shown(excerpt.slice(from, from + place.length));
  const indent = ' '.repeat(shown(excerpt.slice(0, from)).length);
  return [shown(excerpt).trimEnd(), `${indent}${'^'.repeat(Math.max(1, meant.length))}`];
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

/** A message is one line: what could end it, or steer a terminal, is shown as an escape. */
function githubData(text: string): string {
  return printable(text).replaceAll('%', '%25');
}

function githubProperty(text: string): string {
  return githubData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
