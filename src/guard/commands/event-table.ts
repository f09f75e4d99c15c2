// Events as text: one line each, in columns that fit the terminal. Columns that do not fit are omitted.

import { EVENT_FIELDS, type EventFieldName } from '../../base/guard-event.ts';
import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, localTime } from '../../kit/text.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { EventLine } from '../app/events-request.ts';

interface Column {
  readonly field: 'time' | Exclude<EventFieldName, 'timeMs' | 'rule'>;
  /** The text of the cell; undefined: the value of the field. */
  readonly text?: (line: EventLine) => string;
  readonly width: number;
  /** Its width on a narrow terminal. */
  readonly narrow?: number;
  /** Where columns do not fit, they are omitted in this order. */
  readonly omitRank?: number;
}

// The widths are fixed, because later events are not known when the first is printed.
const COLUMNS: readonly Column[] = [
  { field: 'time', width: 19, text: ({ time }) => localTime(new Date(time)) },
  { field: 'verdict', width: 8, text: ({ verdict, kind }) => verdict ?? (kind === 'lost' ? 'lost' : '-') },
  { field: 'job', width: 12, narrow: 8 },
  { field: 'user', width: 10, omitRank: 4, text: ({ user, uid }) => user ?? `${uid ?? '-'}` },
  { field: 'uid', width: 5, omitRank: 1 },
  { field: 'pid', width: 7, omitRank: 5 },
  { field: 'command', width: 15, narrow: 8 },
  { field: 'port', width: 9, text: ({ port, protocol }) => (port === null ? '-' : `${port}/${protocol}`) },
  { field: 'address', width: 15, omitRank: 3 },
  { field: 'errno', width: 10, omitRank: 2 },
];

const LAST = 'RULE';
const LAST_MIN_CHARACTERS = 18;
const GAP = '  ';

/** Formats events as lines. */
export class EventTable {
  readonly #io: Io;
  readonly #columns: readonly Column[];
  /** The width of the last column; undefined: unlimited. */
  readonly #room: number | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#columns = fitting(io.columns);
    this.#room = io.columns === undefined ? undefined : Math.max(1, io.columns - widthOf(this.#columns));
  }

  heading(): string {
    const titles = this.#columns.map((column) => padded(column.field.toUpperCase(), column));
    return `${emphasize(this.#io, [...titles, LAST].join(GAP))}\n`;
  }

  line(event: EventLine): string {
    const isCut = this.#room !== undefined;
    const cells = this.#columns.map((column) => {
      const text = printable(column.text?.(event) ?? `${event[column.field] ?? '-'}`);
      return padded(isCut ? cutEnd(text, column.width) : text, column);
    });
    const last = printable(lastText(event));
    return `${[...cells, cutStart(last, this.#room ?? last.length)].join(GAP)}\n`;
  }
}

/** The statement. Its file and line are at the end, which is cut last. */
function lastText({ kind, count, rule }: EventLine): string {
  if (kind === 'lost') return `${grouped(count)} refusals were counted, and not recorded`;
  return kind === 'more' ? `and ${grouped(count)} more` : ruleText(rule ?? undefined);
}

/** "4,711" */
function grouped(count: number): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The columns that fit, without the last one. */
function fitting(available: number | undefined): readonly Column[] {
  let columns = COLUMNS;
  const isTooWide = () => available !== undefined && widthOf(columns) + LAST_MIN_CHARACTERS > available;
  const byRank = COLUMNS.filter(({ omitRank }) => omitRank !== undefined).toSorted(
    (a, b) => (a.omitRank ?? 0) - (b.omitRank ?? 0),
  );
  for (const column of byRank) if (isTooWide()) columns = columns.filter((one) => one !== column);
  if (isTooWide()) columns = columns.map((column) => ({ ...column, width: column.narrow ?? column.width }));
  return columns;
}

/** Including the gap after each column. */
function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP.length, 0);
}

function padded(text: string, column: Column): string {
  return isNumber(column) ? text.padStart(column.width) : text.padEnd(column.width);
}

function isNumber({ field, text }: Column): boolean {
  return text === undefined && field !== 'time' && EVENT_FIELDS[field].type === 'integer';
}

function cutEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function cutStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}
