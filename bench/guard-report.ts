// The verdicts on the guard: what a bind costs under each judge, which bounds hold, and the tables that say so. Pure.
import type { Reactions } from './guard-reactions.ts';
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

/** Reservations of the guards. */
export const SIZES = [10, 1000, 60_000] as const;
export type Size = (typeof SIZES)[number];

/** Who judges a bind: nobody, a program that only allows, a list of rules, a guard with so many reservations. */
export type Judge = 'none' | 'one' | 'list' | Size;

/**
 * What is done: binds of ports that are not reserved, that are for the job, that are for another one; of a thousand
 * ports in turn; as a job that is found by its user only; or connections instead of binds.
 */
export type Path = 'free' | 'allowed' | 'refused' | 'many' | 'by user' | 'connect';

export const FAMILIES = ['IPv4', 'IPv6'] as const;

/** One thing that is measured. */
export interface Cell {
  readonly family: (typeof FAMILIES)[number];
  readonly judge: Judge;
  readonly path: Path;
}

export const idOf = ({ family, judge, path }: Cell): string => `${family} ${judge} ${path}`;

/** Nanoseconds of processor time by the cell's id, one number a round. */
export type Measured = ReadonlyMap<string, readonly number[]>;

/** What was measured beside the loops. */
export interface Others extends Reactions {
  /** Milliseconds from a parsed profile of 60,000 reservations until it is in force. */
  readonly inForceMs: readonly number[];
  /** Kernel memory of that guard, in bytes. */
  readonly kernelBytes: number;
}

/** Something that is not to be above a bound. */
export interface BoundRow {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly reached: boolean;
}

/** To the same without any program; with 60,000 reservations to 10; what the guard has nothing to do with. */
const NONE_MAX = 1.06;
const SIZE_MAX = 1.03;
const CONNECT_MAX = 1.02;
const IN_FORCE_MAX_MS = 150;
const KERNEL_MAX_BYTES = 4_000_000;
const REPORT_MAX_MS = 100;
const UNIT_MAX_MS = 1000;

/** All that is measured, in this order. */
export const CELLS: readonly Cell[] = FAMILIES.flatMap((family) => [
  ...(['none', 'one', 'list'] as const).map((judge): Cell => ({ family, judge, path: 'allowed' })),
  ...SIZES.flatMap((judge) =>
    (['free', 'allowed', 'refused'] as const).map((path): Cell => ({ family, judge, path })),
  ),
  { family, judge: 60_000, path: 'by user' },
  ...(['many', 'connect'] as const).flatMap((path): Cell[] => [
    { family, judge: 'none', path },
    { family, judge: 60_000, path },
  ]),
]);

/** The same without any program. */
function withoutAny({ family, path }: Cell): Cell {
  return { family, judge: 'none', path: path === 'many' || path === 'connect' ? path : 'allowed' };
}

/** The median over the rounds of what one cell took to what another did; NaN if one was not measured. */
export function ratio(measured: Measured, cell: Cell, other: Cell): number {
  const others = measured.get(idOf(other)) ?? [];
  const ratios = (measured.get(idOf(cell)) ?? []).map((ns, round) => ns / (others[round] ?? Number.NaN));
  return ratios.length > 0 ? median(ratios) : Number.NaN;
}

export function judge(measured: Measured, others: Others): BoundRow[] {
  const { inForceMs, kernelBytes, reportMs, unitMs } = others;
  const to = (cell: Cell, other: Cell, limit: number): BoundRow =>
    bound(`${titleOf(cell)}, to ${judgeText(other.judge)}`, ratio(measured, cell, other), limit);
  return [
    ...CELLS.filter((cell) => typeof cell.judge === 'number').map((cell) =>
      to(cell, withoutAny(cell), cell.path === 'connect' ? CONNECT_MAX : NONE_MAX),
    ),
    ...CELLS.filter((cell) => cell.judge === 60_000 && isAtEachSize(cell)).map((cell) =>
      to(cell, { ...cell, judge: 10 }, SIZE_MAX),
    ),
    ...CELLS.filter((cell) => cell.judge === 60_000 && cell.path === 'allowed').map((cell) =>
      to(cell, { ...cell, judge: 'list' }, 1),
    ),
    bound('60,000 reservations in force after they were parsed, ms', median(inForceMs), IN_FORCE_MAX_MS),
    bound('kernel memory of 60,000 reservations, bytes', kernelBytes, KERNEL_MAX_BYTES),
    bound('a refusal until a follower has it, median, ms', median(reportMs), REPORT_MAX_MS),
    bound('a refusal until a follower has it, maximum, ms', Math.max(...reportMs), REPORT_MAX_MS),
    bound('a unit that begins until the kernel knows it, median, ms', median(unitMs), UNIT_MAX_MS),
    bound('a unit that begins until the kernel knows it, maximum, ms', Math.max(...unitMs), UNIT_MAX_MS),
  ];
}

const isAtEachSize = ({ path }: Cell): boolean => ['free', 'allowed', 'refused'].includes(path);

function bound(what: string, value: number, limit: number): BoundRow {
  return { what, value, bound: limit, reached: value <= limit };
}

/** The tables for people. */
export function report(measured: Measured, rows: readonly BoundRow[]): string {
  const cells = CELLS.map((cell) => [
    titleOf(cell),
    numberText(median(measured.get(idOf(cell)) ?? [])),
    ratio(measured, cell, withoutAny(cell)).toFixed(3),
  ]);
  const reached = rows.filter((row) => row.reached).length;
  return [
    table(['what', 'ns', 'to no program'], cells),
    table(
      ['bound', 'value', 'at most', ''],
      rows.map((row) => [row.what, valueText(row.value), valueText(row.bound), row.reached ? '' : 'MISSED']),
    ),
    `${reached} of ${rows.length} reached.`,
  ].join('\n\n');
}

const PATH_TEXTS: Readonly<Record<Path, string>> = {
  free: 'not reserved',
  allowed: 'allowed',
  refused: 'refused',
  many: '1,000 ports in turn',
  'by user': 'allowed by user',
  connect: 'connect and accept',
};

function titleOf({ family, judge: one, path }: Cell): string {
  return `${family}, ${judgeText(one)}, ${PATH_TEXTS[path]}`;
}

function judgeText(one: Judge): string {
  if (typeof one === 'number') return `${one.toLocaleString('en-US')} reservations`;
  return { none: 'no program', one: 'one instruction', list: 'a list of 128 rules' }[one];
}

const valueText = (value: number): string => (value < 10 ? value.toFixed(3) : numberText(value));
