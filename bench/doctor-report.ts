// The results of the doctor benchmark: times of commands, limits, and tables.
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

/** Connections in addition to the listeners, counted in sockets. */
export const CROWDS = [0, 50_000] as const;
export type Crowd = (typeof CROWDS)[number];

/** The measurements: whole commands, except for the last two. */
export const COMMANDS = [
  'ss -tulnp',
  'lsof -i -P -n',
  'netstat -tulnp',
  'ss -Htlnp sport = :PORT',
  'portreeve ports --listening',
  'portreeve who PORT',
  'portreeve explain PORT',
  'portreeve ports --listening, with a daemon',
  'portreeve who PORT, with a daemon',
  'the first read, in process',
  'a second read after one change, in process',
] as const;
export type Command = (typeof COMMANDS)[number];

/** Milliseconds of each command by number of connections, one value per round. */
export type Measured = ReadonlyMap<Crowd, ReadonlyMap<Command, readonly number[]>>;

/** A value with an upper limit. */
export interface BoundRow {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly reached: boolean;
}

/** Limits relative to another command in the same round. */
const RATIOS: readonly (readonly [command: Command, other: Command, max: number])[] = [
  ['portreeve ports --listening', 'ss -tulnp', 1.2],
  ['portreeve ports --listening', 'lsof -i -P -n', 0.5],
  ['portreeve ports --listening, with a daemon', 'ss -tulnp', 0.6],
  ['portreeve ports --listening, with a daemon', 'lsof -i -P -n', 0.5],
  ['portreeve who PORT', 'ss -Htlnp sport = :PORT', 0.7],
  ['portreeve who PORT, with a daemon', 'ss -Htlnp sport = :PORT', 0.7],
];

/** Limits in milliseconds. */
const TIMES: readonly (readonly [command: Command, max: number])[] = [
  ['a second read after one change, in process', 10],
  ['portreeve explain PORT', 150],
];

/** The median over the rounds of the ratio of two commands. NaN if one was not measured. */
export function ratio(
  measured: ReadonlyMap<Command, readonly number[]>,
  command: Command,
  other: Command,
): number {
  const others = measured.get(other) ?? [];
  const ratios = (measured.get(command) ?? []).map((ms, round) => ms / (others[round] ?? Number.NaN));
  return ratios.length > 0 ? median(ratios) : Number.NaN;
}

export function judge(measured: Measured): BoundRow[] {
  return CROWDS.flatMap((crowd) => {
    const times = measured.get(crowd) ?? new Map<Command, readonly number[]>();
    return [
      ...RATIOS.map(([command, other, max]) =>
        bound(`${crowdText(crowd)}: ${command}, relative to ${other}`, ratio(times, command, other), max),
      ),
      ...TIMES.map(([command, max]) =>
        bound(`${crowdText(crowd)}: ${command}, ms`, middle(times.get(command)), max),
      ),
    ];
  });
}

/** NaN, which meets no limit, for what was not measured. */
function middle(times: readonly number[] = []): number {
  return times.length > 0 ? median(times) : Number.NaN;
}

function bound(what: string, value: number, limit: number): BoundRow {
  return { what, value, bound: limit, reached: value <= limit };
}

export function report(measured: Measured, rows: readonly BoundRow[]): string {
  const cells = COMMANDS.map((command) => [
    command,
    ...CROWDS.map((crowd) => numberText(middle(measured.get(crowd)?.get(command)))),
  ]);
  const reached = rows.filter((row) => row.reached).length;
  return [
    table(['ms', ...CROWDS.map(crowdText)], cells),
    table(
      ['measurement', 'value', 'limit', ''],
      rows.map((row) => [row.what, row.value.toFixed(2), row.bound.toFixed(2), row.reached ? '' : 'MISSED']),
    ),
    `${reached} of ${rows.length} limits met.`,
  ].join('\n\n');
}

function crowdText(crowd: Crowd): string {
  return crowd === 0 ? '5,000 listeners' : `and ${crowd.toLocaleString('en-US')} connections`;
}
