// Output formatting: tables that fit the terminal, bold text, local times, JSON.
import { printable } from '../base/printable.ts';
import { bold, type Column, plain, tableText } from '../base/table.ts';
import { type Io, isEmphasized } from './io.ts';

/** A table with a heading. On a terminal that is too narrow, the widest columns are cut. */
export function formatTable<Row>(io: Io, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return tableText(columns, rows, { width: io.columns, isBold: isEmphasized(io) });
}

/** Bold on a terminal, unless NO_COLOR (no-color.org) is set. */
export function emphasize(io: Io, text: string): string {
  return isEmphasized(io) ? bold(text) : text;
}

/** Labeled lines, wrapped on a terminal; an empty label continues the line above. */
export function labeledLines(io: Io, lines: readonly (readonly [label: string, text: string])[]): string {
  return lines
    .map(([label, text]) => {
      const head = `${emphasize(io, label.padEnd(LABEL_CHARACTERS))}  `;
      return hangingLine(io, head, text, plain(head).length);
    })
    .join('');
}

const LABEL_CHARACTERS = 8;

/** On a narrower terminal, lines are not wrapped. */
const WRAP_MIN_CHARACTERS = 40;

/**
 * A line that starts with `head`. On a terminal it is wrapped between words and its continuation indented. `last` is
 * not wrapped, such as a command.
 */
export function hangingLine(
  { columns }: Io,
  head: string,
  text: string,
  indent = head.length,
  last?: string,
): string {
  const width = columns !== undefined && columns >= WRAP_MIN_CHARACTERS ? columns : Number.POSITIVE_INFINITY;
  let line = head;
  let at = plain(head).length;
  let gap = '';
  const words = [...printable(text).split(' '), ...(last === undefined ? [] : [printable(last)])];
  for (const word of words) {
    const isTooFar = gap !== '' && at + gap.length + word.length > width;
    line += isTooFar ? `\n${' '.repeat(indent)}${word}` : `${gap}${word}`;
    at = (isTooFar ? indent : at + gap.length) + word.length;
    gap = ' ';
  }
  return `${line}\n`;
}

/** "1 warning", "2 warnings" */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** At most `max` words: "web, db, and 3 more". */
export function firstOf(words: readonly string[], max: number): string {
  const more = words.length - max;
  return `${words.slice(0, max).join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

/** The local time: "2026-11-20 10:59:03". */
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
