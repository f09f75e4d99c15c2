// Events for people: a line for each, in columns that fit the terminal; what does not fit is left out.

import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, localTime } from '../../kit/text.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { EventLine } from '../app/events.ts';

interface Column {
  readonly title: string;
  readonly text: (line: EventLine) => string;
  readonly width: number;
  /** Its width where there is little room. */
  readonly narrow?: number;
  /** Left out in this order where there is no room for it. */
  readonly leftOut?: number;
  readonly isNumber?: boolean;
}

// The widths do not depend on what is shown: nobody knows what comes next.
const COLUMNS: readonly Column[] = [
  { title: 'TIME', width: 19, text: ({ time }) => localTime(new Date(time)) },
  { title: 'VERDICT', width: 8, text: ({ verdict, kind }) => verdict ?? (kind === 'lost' ? 'lost' : '-') },
  { title: 'JOB', width: 12, narrow: 8, text: ({ job }) => job ?? '-' },
  { title: 'USER', width: 10, leftOut: 4, text: ({ user, uid }) => user ?? `${uid ?? '-'}` },
  { title: 'UID', width: 5, leftOut: 1, isNumber: true, text: ({ uid }) => `${uid ?? '-'}` },
  { title: 'PID', width: 7, leftOut: 5, isNumber: true, text: ({ pid }) => `${pid ?? '-'}` },
  { title: 'COMMAND', width: 15, narrow: 8, text: ({ command }) => command ?? '-' },
  { title: 'PORT', width: 9, text: ({ port, protocol }) => (port === null ? '-' : `${port}/${protocol}`) },
  { title: 'ADDRESS', width: 15, leftOut: 3, text: ({ address }) => address ?? '-' },
  { title: 'ERRNO', width: 10, leftOut: 2, text: ({ errno }) => errno ?? '-' },
];

const LAST = 'RULE';
const LAST_MIN_CHARACTERS = 18;
const GAP = '  ';

/** Makes lines of events. */
export class EventTable {
  readonly #io: Io;
  readonly #columns: readonly Column[];
  /** What is left for the last column; undefined: as much as it takes. */
  readonly #room: number | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#columns = fitting(io.columns);
    this.#room = io.columns === undefined ? undefined : Math.max(1, io.columns - widthOf(this.#columns));
  }

  heading(): string {
    const titles = this.#columns.map((column) => padded(column.title, column));
    return `${emphasize(this.#io, [...titles, LAST].join(GAP))}\n`;
  }

  line(event: EventLine): string {
    const isCut = this.#room !== undefined;
    const cells = this.#columns.map((column) => {
      const text = printable(column.text(event));
      return padded(isCut ? cutBehind(text, column.width) : text, column);
    });
    const last = printable(lastText(event));
    return `${[...cells, cutInFront(last, this.#room ?? last.length)].join(GAP)}\n`;
  }
}

/** The statement; its line stands at the end, so that this is what is cut last. */
function lastText({ kind, count, rule }: EventLine): string {
  if (kind === 'lost') return `${grouped(count)} refusals were counted, and not recorded`;
  return kind === 'more' ? `and ${grouped(count)} more` : ruleText(rule ?? undefined);
}

/** "4,711" */
function grouped(count: number): string {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The columns that there is room for, the last one apart. */
function fitting(available: number | undefined): readonly Column[] {
  let columns = COLUMNS;
  const isTooWide = () => available !== undefined && widthOf(columns) + LAST_MIN_CHARACTERS > available;
  const byRank = COLUMNS.filter(({ leftOut }) => leftOut !== undefined).toSorted(
    (a, b) => (a.leftOut ?? 0) - (b.leftOut ?? 0),
  );
  for (const column of byRank) if (isTooWide()) columns = columns.filter((one) => one !== column);
  if (isTooWide()) columns = columns.map((column) => ({ ...column, width: column.narrow ?? column.width }));
  return columns;
}

/** With the gap behind each. */
function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP.length, 0);
}

function padded(text: string, { width, isNumber }: Column): string {
  return isNumber ? text.padStart(width) : text.padEnd(width);
}

function cutBehind(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function cutInFront(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}
