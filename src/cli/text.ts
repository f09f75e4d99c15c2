// Words for a terminal: tables that fit it, emphasis where it is wanted, nothing that could take control of it.
import { printable } from '../base/printable.ts';
import type { Io } from './io.ts';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

const GAP = '  ';
/** No column is made narrower than this to fit the terminal. */
const COLUMN_MIN_CHARACTERS = 8;
const BOLD = '\x1b[1m';
const PLAIN = '\x1b[0m';

/** Lines with a heading. On a terminal that is too narrow the widest columns are cut; elsewhere nothing is. */
export function formatTable<Row>(io: Io, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const titles = columns.map(({ title }) => title);
  const widths = fit(
    columns.map((_column, at) => Math.max(...[titles, ...cells].map((line) => line[at]?.length ?? 0))),
    io.columns,
  );
  const line = (texts: readonly string[]) => {
    const parts = texts.map((text, at) => {
      const width = widths[at] ?? 0;
      return columns[at]?.isNumber ? cut(text, width).padStart(width) : cut(text, width).padEnd(width);
    });
    return parts.join(GAP).trimEnd();
  };
  return [emphasize(io, line(titles)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

/** Takes what is too much from the widest column, again and again. */
function fit(natural: readonly number[], available: number | undefined): number[] {
  const widths = [...natural];
  if (available === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - available;
  for (; excess > 0; excess--) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_MIN_CHARACTERS) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Bold on a terminal, unless NO_COLOR (no-color.org) is set. */
export function emphasize(io: Io, text: string): string {
  const isPlain = io.columns === undefined || (io.env['NO_COLOR'] ?? '') !== '' || io.env['TERM'] === 'dumb';
  return isPlain ? text : `${BOLD}${text}${PLAIN}`;
}

/** The time as the clock on the wall has it: "2026-11-20 10:59:03". */
export function localTime(time: Date): string {
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()];
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()];
  const digits = (numbers: number[]) => numbers.map((number) => `${number}`.padStart(2, '0'));
  return `${digits(date).join('-')} ${digits(clock).join(':')}`;
}

/** A value as JSON for `--json`. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
