// The verdicts on the doctor's speed: what each command took, which bounds hold, and the tables that say so. Pure.
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

/** How many connections there are beside the listeners, counted in sockets. */
export const CROWDS = [0, 50_000] as const;
export type Crowd = (typeof CROWDS)[number];

/** What is measured, as whole commands but for the last two. */
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
  'the first look, in process',
  'a second look after one change, in process',
] as const;
export type Command = (typeof COMMANDS)[number];

/** Milliseconds of each command by the number of connections, one number a round. */
export type Measured = ReadonlyMap<Crowd, ReadonlyMap<Command, readonly number[]>>;

/** Something that is not to be above a bound. */
export interface BoundRow {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly reached: boolean;
}

/** To another command in the same round. */
const RATIOS: readonly (readonly [command: Command, other: Command, max: number])[] = [
  ['portreeve ports --listening', 'ss -tulnp', 1.2],
  ['portreeve ports --listening', 'lsof -i -P -n', 0.5],
  ['portreeve ports --listening, with a daemon', 'ss -tulnp', 0.6],
  ['portreeve ports --listening, with a daemon', 'lsof -i -P -n', 0.5],
  ['portreeve who PORT', 'ss -Htlnp sport = :PORT', 0.7],
  ['portreeve who PORT, with a daemon', 'ss -Htlnp sport = :PORT', 0.7],
];

/** In milliseconds. */
const TIMES: readonly (readonly [command: Command, max: number])[] = [
  ['a second look after one change, in process', 10],
  ['portreeve explain PORT', 150],
];

/** The median over the rounds of what one command took to what another did; NaN if one was not measured. */
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
        bound(`${crowdText(crowd)}: ${command}, to ${other}`, ratio(times, command, other), max),
      ),
      ...TIMES.map(([command, max]) =>
        bound(`${crowdText(crowd)}: ${command}, ms`, middle(times.get(command)), max),
      ),
    ];
  });
}

/** NaN, which reaches no bound, for what was not measured. */
function middle(times: readonly number[] = []): number {
  return times.length > 0 ? median(times) : Number.NaN;
}

function bound(what: string, value: number, limit: number): BoundRow {
  return { what, value, bound: limit, reached: value <= limit };
}

/** The tables for people. */
export function report(measured: Measured, rows: readonly BoundRow[]): string {
  const cells = COMMANDS.map((command) => [
    command,
    ...CROWDS.map((crowd) => numberText(middle(measured.get(crowd)?.get(command)))),
  ]);
  const reached = rows.filter((row) => row.reached).length;
  return [
    table(['ms', ...CROWDS.map(crowdText)], cells),
    table(
      ['bound', 'value', 'at most', ''],
      rows.map((row) => [row.what, row.value.toFixed(2), row.bound.toFixed(2), row.reached ? '' : 'MISSED']),
    ),
    `${reached} of ${rows.length} reached.`,
  ].join('\n\n');
}

function crowdText(crowd: Crowd): string {
  return crowd === 0 ? '5,000 listeners' : `and ${crowd.toLocaleString('en-US')} connections`;
}
