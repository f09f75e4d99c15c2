// The results of the start benchmark: the median ratio of each command to Node with an empty program, and its bound.
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

/** The reference of every command: the same Node with an empty program. */
export const NOTHING = 'node -e 0';

/** The maximum ratio of each command to Node alone. */
export const BOUNDS: Readonly<Record<string, number>> = {
  '--help': 2,
  '--version': 2,
  'who --help': 2,
  'who 80': 2.4,
  ports: 2.4,
  status: 2.4,
  'decide WEB 80/tcp': 2.4,
  'portmap list': 2.4,
  'explain 80': 3.5,
  suggest: 3.5,
  doctor: 3.5,
};

/** One run of a whole command. */
export interface Run {
  readonly ms: number;
  /** Processor time, of the program and of the kernel on its behalf. */
  readonly cpuMs: number;
}

/** The runs of each command and of NOTHING, one per round. */
export type Runs = ReadonlyMap<string, readonly Run[]>;

export interface Verdict {
  readonly command: string;
  readonly ms: number;
  /** The median of the ratios to Node alone in the same round. */
  readonly ratio: number;
  readonly cpuRatio: number;
  readonly bound: number;
  readonly reached: boolean;
}

export function judge(runs: Runs): Verdict[] {
  return Object.entries(BOUNDS).map(([command, bound]) => {
    const ratio = ratioOf(runs, command, ({ ms }) => ms);
    const cpuRatio = ratioOf(runs, command, ({ cpuMs }) => cpuMs);
    const ms = middle((runs.get(command) ?? []).map((run) => run.ms));
    return { command, ms, ratio, cpuRatio, bound, reached: ratio <= bound };
  });
}

function ratioOf(runs: Runs, command: string, of: (run: Run) => number): number {
  const nothing = runs.get(NOTHING) ?? [];
  const own = runs.get(command) ?? [];
  return middle(
    own.map((run, round) => of(run) / of(nothing[round] ?? { ms: Number.NaN, cpuMs: Number.NaN })),
  );
}

/** NaN, which reaches no bound, for what was not measured. */
function middle(values: readonly number[]): number {
  return values.length > 0 ? median(values) : Number.NaN;
}

/** The table of one user. */
export function report(user: string, runs: Runs): string {
  const verdicts = judge(runs);
  const nothing = middle((runs.get(NOTHING) ?? []).map(({ ms }) => ms));
  const rows = verdicts.map(({ command, ms, ratio, cpuRatio, bound, reached }) => [
    command,
    numberText(ms),
    ratio.toFixed(2),
    bound.toFixed(2),
    cpuRatio.toFixed(2),
    reached ? '' : 'MISSED',
  ]);
  const head = [user, 'ms', `to ${NOTHING}`, 'at most', 'processor time', ''];
  return table(head, [[NOTHING, numberText(nothing), '1.00', '', '1.00', ''], ...rows]);
}
