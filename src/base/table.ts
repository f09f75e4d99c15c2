// Formats tables for terminals: fits the columns to the width and escapes control characters.
import { printable } from './printable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers are right-aligned. */
  readonly isNumber?: boolean;
  /** Truncated only after all other columns. */
  readonly isTruncatedLast?: boolean;
}

export interface TableStyle {
  /** The width of the terminal. Undefined if the output is not a terminal: nothing is truncated. */
  readonly width: number | undefined;
  /** Whether the heading is emphasized. */
  readonly isBold: boolean;
}

const GAP = '  ';
/** The minimum width of a column that is truncated. */
const COLUMN_MIN_CHARACTERS = 8;
const BOLD = '\x1b[1m';
const PLAIN = '\x1b[0m';
/** The characters that printable() escapes. They do not include the separator BETWEEN. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const BETWEEN = ' ';

/** Formats a heading and rows. If the terminal is too narrow, the widest columns are truncated. */
export function tableText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, isBold }: TableStyle,
): string {
  const cells = columns.map(({ text }) => cellsOf(rows.map(text)));
  const widths = fit(
    columns.map(({ title }, at) => widest(cells[at] ?? [], title.length)),
    columns.map(({ isTruncatedLast }) => isTruncatedLast ?? false),
    width,
  );
  const heading = lineOf(
    columns,
    widths,
    columns.map(({ title }) => title),
  );
  let text = `${isBold ? bold(heading) : heading}\n`;
  const line: string[] = [];
  for (let row = 0; row < rows.length; row++) {
    for (let at = 0; at < cells.length; at++) line[at] = cells[at]?.[row] ?? '';
    text += `${lineOf(columns, widths, line)}\n`;
  }
  return text;
}

export function bold(text: string): string {
  return `${BOLD}${text}${PLAIN}`;
}

/** Removes the bold escapes. */
export function plain(text: string): string {
  return text.replaceAll(BOLD, '').replaceAll(PLAIN, '');
}

/** One test for the whole column: usually nothing has to be escaped. */
function cellsOf(texts: string[]): string[] {
  return CONTROLS.test(texts.join(BETWEEN)) ? texts.map(printable) : texts;
}

function widest(texts: readonly string[], least: number): number {
  let width = least;
  for (const { length } of texts) if (length > width) width = length;
  return width;
}

/** Repeatedly narrows the widest column until the table fits; the columns that are `last` after the others. */
function fit(natural: readonly number[], last: readonly boolean[], available: number | undefined): number[] {
  const widths = [...natural];
  if (available === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - available;
  for (const isLast of [false, true]) {
    for (; excess > 0; excess--) {
      const width = Math.max(0, ...widths.filter((_, at) => last[at] === isLast));
      if (width <= COLUMN_MIN_CHARACTERS) break;
      widths[widths.findIndex((each, at) => each === width && last[at] === isLast)] = width - 1;
    }
  }
  return widths;
}

function lineOf<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  texts: readonly string[],
): string {
  let line = '';
  for (let at = 0; at < texts.length; at++) {
    const width = widths[at] ?? 0;
    const text = cut(texts[at] ?? '', width);
    if (at > 0) line += GAP;
    line += columns[at]?.isNumber ? text.padStart(width) : text.padEnd(width);
  }
  return line.trimEnd();
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
