// Tables as text for people: columns that fit, and nothing in them that could take control of a terminal.
import { printable } from './printable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

/** Where it is shown. */
export interface TableStyle {
  /** The width of the terminal; undefined where it is shown on none, and nothing is cut. */
  readonly width: number | undefined;
  /** Whether the heading is emphasized. */
  readonly isBold: boolean;
}

const GAP = '  ';
/** No column is made narrower than this to fit the terminal. */
const COLUMN_MIN_CHARACTERS = 8;
const BOLD = '\x1b[1m';
const PLAIN = '\x1b[0m';
/** What printable() replaces, but for the character that stands between two cells here. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const BETWEEN = ' ';

/** Lines with a heading. On a terminal that is too narrow the widest columns are cut. */
export function tableText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, isBold }: TableStyle,
): string {
  const cells = columns.map(({ text }) => cellsOf(rows.map(text)));
  const widths = fit(
    columns.map(({ title }, at) => widest(cells[at] ?? [], title.length)),
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

/** Emphasized on a terminal. */
export function bold(text: string): string {
  return `${BOLD}${text}${PLAIN}`;
}

/** Without emphasis: what is seen of a text. */
export function plain(text: string): string {
  return text.replaceAll(BOLD, '').replaceAll(PLAIN, '');
}

/** Mostly nothing has to be replaced, which is seen at once. */
function cellsOf(texts: string[]): string[] {
  return CONTROLS.test(texts.join(BETWEEN)) ? texts.map(printable) : texts;
}

function widest(texts: readonly string[], least: number): number {
  let width = least;
  for (const { length } of texts) if (length > width) width = length;
  return width;
}

/** Takes what is too much from the widest column, again and again. */
function fit(natural: readonly number[], available: number | undefined): number[] {
  const widths = [...natural];
  if (available === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - available;
  for (; excess > 0; excess--) {
    const width = Math.max(...widths);
    if (width <= COLUMN_MIN_CHARACTERS) break;
    widths[widths.indexOf(width)] = width - 1;
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
