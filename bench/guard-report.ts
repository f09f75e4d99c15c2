// The results of the guard benchmark: cost of a bind under each policy, limits, and tables.
import type { Reactions } from './guard-reactions.ts';
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

/** Reservations of the guards. */
export const SIZES = [10, 1000, 60_000] as const;
export type Size = (typeof SIZES)[number];

/**
 * The policy for binds: none, one instruction that allows, a rule list, or a guard with this number of reservations.
 */
export type Policy = 'none' | 'one' | 'list' | Size;

/**
 * What is measured: binds of unreserved ports, of ports reserved for the job, of ports reserved for another job, of a
 * thousand ports in turn, as a job identified only by its user; or connections.
 */
export type Path = 'free' | 'allowed' | 'refused' | 'many' | 'by user' | 'connect';

export const FAMILIES = ['IPv4', 'IPv6'] as const;

export interface Cell {
  readonly family: (typeof FAMILIES)[number];
  readonly policy: Policy;
  readonly path: Path;
}

export const idOf = ({ family, policy, path }: Cell): string => `${family} ${policy} ${path}`;

/** Nanoseconds of CPU time by the cell's id, one value per round. */
export type Measured = ReadonlyMap<string, readonly number[]>;

/** Measurements other than the loops. */
export interface Others extends Reactions {
  /** Milliseconds from a parsed profile of 60,000 reservations until it is in force. */
  readonly inForceMs: readonly number[];
  /** Kernel memory of that guard in bytes. */
  readonly kernelBytes: number;
}

/** A value with an upper limit. */
export interface BoundRow {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly reached: boolean;
}

/** Limits relative to no program, of 60,000 reservations relative to 10, and for connections. */
const NONE_MAX = 1.06;
const SIZE_MAX = 1.03;
const CONNECT_MAX = 1.02;
const IN_FORCE_MAX_MS = 150;
const KERNEL_MAX_BYTES = 4_000_000;
const REPORT_MAX_MS = 100;
const UNIT_MAX_MS = 1000;

/** All cells in order of measurement. */
export const CELLS: readonly Cell[] = FAMILIES.flatMap((family) => [
  ...(['none', 'one', 'list'] as const).map((policy): Cell => ({ family, policy, path: 'allowed' })),
  ...SIZES.flatMap((policy) =>
    (['free', 'allowed', 'refused'] as const).map((path): Cell => ({ family, policy, path })),
  ),
  { family, policy: 60_000, path: 'by user' },
  ...(['many', 'connect'] as const).flatMap((path): Cell[] => [
    { family, policy: 'none', path },
    { family, policy: 60_000, path },
  ]),
]);

/** The same cell without a program. */
function withoutAny({ family, path }: Cell): Cell {
  return { family, policy: 'none', path: path === 'many' || path === 'connect' ? path : 'allowed' };
}

/** The median over the rounds of the ratio of two cells. NaN if one was not measured. */
export function ratio(measured: Measured, cell: Cell, other: Cell): number {
  const others = measured.get(idOf(other)) ?? [];
  const ratios = (measured.get(idOf(cell)) ?? []).map((ns, round) => ns / (others[round] ?? Number.NaN));
  return ratios.length > 0 ? median(ratios) : Number.NaN;
}

export function judge(measured: Measured, others: Others): BoundRow[] {
  const { inForceMs, kernelBytes, reportMs, unitMs } = others;
  const to = (cell: Cell, other: Cell, limit: number): BoundRow =>
    bound(`${titleOf(cell)}, relative to ${policyText(other.policy)}`, ratio(measured, cell, other), limit);
  return [
    ...CELLS.filter((cell) => typeof cell.policy === 'number').map((cell) =>
      to(cell, withoutAny(cell), cell.path === 'connect' ? CONNECT_MAX : NONE_MAX),
    ),
    ...CELLS.filter((cell) => cell.policy === 60_000 && isAtEachSize(cell)).map((cell) =>
      to(cell, { ...cell, policy: 10 }, SIZE_MAX),
    ),
    ...CELLS.filter((cell) => cell.policy === 60_000 && cell.path === 'allowed').map((cell) =>
      to(cell, { ...cell, policy: 'list' }, 1),
    ),
    bound('60,000 reservations from parsed to in force, ms', median(inForceMs), IN_FORCE_MAX_MS),
    bound('kernel memory of 60,000 reservations, bytes', kernelBytes, KERNEL_MAX_BYTES),
    bound('a refusal until a follower receives it, median, ms', median(reportMs), REPORT_MAX_MS),
    bound('a refusal until a follower receives it, maximum, ms', Math.max(...reportMs), REPORT_MAX_MS),
    bound('a started unit until the kernel recognizes it, median, ms', median(unitMs), UNIT_MAX_MS),
    bound('a started unit until the kernel recognizes it, maximum, ms', Math.max(...unitMs), UNIT_MAX_MS),
  ];
}

const isAtEachSize = ({ path }: Cell): boolean => ['free', 'allowed', 'refused'].includes(path);

function bound(what: string, value: number, limit: number): BoundRow {
  return { what, value, bound: limit, reached: value <= limit };
}

export function report(measured: Measured, rows: readonly BoundRow[]): string {
  const cells = CELLS.map((cell) => [
    titleOf(cell),
    numberText(median(measured.get(idOf(cell)) ?? [])),
    ratio(measured, cell, withoutAny(cell)).toFixed(3),
  ]);
  const reached = rows.filter((row) => row.reached).length;
  return [
    table(['measurement', 'ns', 'ratio'], cells),
    table(
      ['measurement', 'value', 'limit', ''],
      rows.map((row) => [row.what, valueText(row.value), valueText(row.bound), row.reached ? '' : 'MISSED']),
    ),
    `${reached} of ${rows.length} limits met.`,
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

function titleOf({ family, policy: one, path }: Cell): string {
  return `${family}, ${policyText(one)}, ${PATH_TEXTS[path]}`;
}

function policyText(one: Policy): string {
  if (typeof one === 'number') return `${one.toLocaleString('en-US')} reservations`;
  return { none: 'no program', one: 'one instruction', list: 'a list of 128 rules' }[one];
}

const valueText = (value: number): string => (value < 10 ? value.toFixed(3) : numberText(value));
