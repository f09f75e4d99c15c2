// Measures operations on a long profile: check, format, diff and decide, each in a separate process.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { messageOf, PortreeveError } from '../src/base/errors.ts';
import { PORTREEVE, ROOT } from '../test/support/daemon.ts';
import type { Benchmark } from './benchmark.ts';
import { machine, waitForIdleCores } from './machine.ts';
import {
  BATCH_CALLS,
  type DecideResult,
  type DecideRound,
  MANY_REQUESTS,
  type Measurement,
  REQUESTS,
  ROUNDS,
  type TimesResult,
} from './profile-child.ts';
import { changedText, profileText } from './profile-text.ts';
import { writeRecord } from './record.ts';
import { numberText, table } from './table.ts';
import { median } from './verdict.ts';

const RESULTS = join(import.meta.dirname, 'results/profile.json');
const CHILD = join(import.meta.dirname, 'profile-child.ts');

const LONG = 20_000;
const FEW = 10;
const MANY = 60_000;

const CHECK_MAX_MS = 150;
const CHECK_MAX_MB = 120;
const WRITE_MAX_MS = 300;
const DECIDE_MEDIAN_MAX_US = 1;
const DECIDE_P99_MAX_US = 5;
/** The ratio of the median with many reservations to that with few. */
const DECIDE_RATIO_MAX = 1.3;
/** With fewer reasons, too few branches would be measured. */
const REASONS_MIN = 4;

/** A measurement. Without a limit it is only shown. */
interface Row {
  readonly what: string;
  readonly reservations: number;
  readonly value: number;
  readonly bound?: number;
  readonly reached: boolean;
}

interface Measured {
  readonly load: TimesResult;
  readonly commands: readonly CommandResult[];
  readonly format: TimesResult;
  readonly diff: TimesResult;
  readonly few: DecideResult;
  readonly many: DecideResult;
}

/** The result of `portreeve profile check` as a whole command. */
interface CommandResult {
  readonly ms: number;
  readonly peakRssMb: number;
}

function optionsOf(args: readonly string[]): { readonly out: string } {
  try {
    return parseArgs({ args: [...args], options: { out: { type: 'string', default: RESULTS } } }).values;
  } catch (thrown) {
    throw new PortreeveError('USAGE', messageOf(thrown), 'npm run bench lists the options.');
  }
}

/** A measurement with more interference on a core is repeated, up to the maximum number of attempts. */
const INTERFERENCE_MAX = 0.1;
const ATTEMPTS_MAX = 4;

/** The interference of each measurement that counts, as a share of a core. */
const interferenceShares: number[] = [];

/** CPU time used on this machine since it started. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Measures when the machine is idle, and again if there was interference. Returns the result with the least. */
async function measureUndisturbed<Result>(measure: () => Promise<Measurement<Result>>): Promise<Result> {
  const measured: { readonly result: Result; readonly interference: number }[] = [];
  while (
    measured.length < ATTEMPTS_MAX &&
    !measured.some(({ interference }) => interference <= INTERFERENCE_MAX)
  ) {
    await waitForIdleCores();
    const [busy, begin] = [busyMs(), performance.now()];
    const { result, cpuMs } = await measure();
    const interference = Math.max(0, busyMs() - busy - cpuMs) / (performance.now() - begin);
    measured.push({ result, interference });
  }
  const [best] = measured.toSorted((x, y) => x.interference - y.interference);
  if (best === undefined) throw new PortreeveError('BUG', 'nothing was measured');
  interferenceShares.push(best.interference);
  return best.result;
}

/** The result of a child process. */
function child<Result>(...argv: readonly string[]): Promise<Result> {
  process.stderr.write(`${argv[0]}\n`);
  return measureUndisturbed(async (): Promise<Measurement<Result>> => {
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, ...argv]);
    return JSON.parse(stdout);
  });
}

/** Makes Node print its resource usage at exit, as the last line on standard error. */
const REPORT_USAGE = `--import=data:text/javascript,process.on('exit',()=>{const{user,system}=process.cpuUsage();\
console.error(JSON.stringify({cpuMs:(user+system)/1000,result:{ms:performance.now(),\
peakRssMb:process.resourceUsage().maxRSS/1024}}))})`;

function measureCommands(file: string): Promise<CommandResult[]> {
  process.stderr.write('portreeve profile check\n');
  const env = { ...process.env, NODE_OPTIONS: REPORT_USAGE };
  return measureUndisturbed(async (): Promise<Measurement<CommandResult[]>> => {
    const reported: Measurement<CommandResult>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { stderr } = await promisify(execFile)(PORTREEVE, ['profile', 'check', file], { env });
      reported.push(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''));
    }
    const cpuMs = reported.reduce((sum, one) => sum + one.cpuMs, 0);
    return { result: reported.map(({ result }) => result), cpuMs };
  });
}

async function measureAll(directory: string): Promise<Measured> {
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };
  const long = await file('long', profileText(LONG));
  const changed = await file('changed', changedText(profileText(LONG)));
  return {
    load: await child('load', long),
    commands: await measureCommands(long),
    format: await child('format', long),
    diff: await child('diff', long, changed),
    few: await child('decide', await file('few', profileText(FEW))),
    many: await child('decide', await file('many', profileText(MANY))),
  };
}

function bound(what: string, reservations: number, value: number, limit: number): Row {
  return { what, reservations, value, bound: limit, reached: value <= limit };
}

function shown(what: string, reservations: number, value: number): Row {
  return { what, reservations, value, reached: true };
}

function timeRows(what: string, { rounds }: TimesResult, max: number): Row[] {
  const times = rounds.map(({ ms }) => ms);
  const [first = 0] = times;
  return [
    bound(`${what}, ms: median of ${ROUNDS}`, LONG, median(times), max),
    shown(`${what}, ms: the first round`, LONG, first),
  ];
}

function commandRows(results: readonly CommandResult[]): Row[] {
  const [ms, mb] = [median(results.map((one) => one.ms)), Math.max(...results.map((one) => one.peakRssMb))];
  return [
    bound('portreeve profile check, peak memory, MB', LONG, mb, CHECK_MAX_MB),
    shown(`portreeve profile check including start, ms: median of ${ROUNDS}`, LONG, ms),
  ];
}

function medianOf({ rounds }: DecideResult, what: keyof DecideRound): number {
  return median(rounds.map((round) => round[what]));
}

function decideRows(result: DecideResult): Row[] {
  const { reservations } = result;
  const value = (what: keyof DecideRound): number => medianOf(result, what);
  const uncached = `decide, us: median, ${numberText(MANY_REQUESTS)} different requests`;
  return [
    bound(
      `decide, us: median, ${BATCH_CALLS} calls at a time`,
      reservations,
      value('median'),
      DECIDE_MEDIAN_MAX_US,
    ),
    bound(
      'decide, us: p99 of single calls including the clock',
      reservations,
      value('p99'),
      DECIDE_P99_MAX_US,
    ),
    shown('decide, us: the clock alone', reservations, value('clock')),
    shown(uncached, reservations, value('uncachedMedian')),
  ];
}

function rowsOf({ load, commands, format, diff, few, many }: Measured): Row[] {
  const ratio = (what: keyof DecideRound): number => medianOf(many, what) / medianOf(few, what);
  const what = `decide, median: ${numberText(MANY)} reservations relative to ${FEW}`;
  return [
    ...timeRows('read, parse and check', load, CHECK_MAX_MS),
    ...commandRows(commands),
    ...timeRows('read, parse and format', format, WRITE_MAX_MS),
    ...timeRows('diff', diff, WRITE_MAX_MS),
    ...decideRows(few),
    ...decideRows(many),
    bound(what, MANY, ratio('median'), DECIDE_RATIO_MAX),
    shown(`${what}, ${numberText(MANY_REQUESTS)} different requests`, MANY, ratio('uncachedMedian')),
  ];
}

function report(rows: readonly Row[], { few, many }: Measured): string {
  const cells = rows.map(({ what, reservations, value, bound: limit, reached }) => [
    what,
    numberText(reservations),
    numberText(value),
    limit === undefined ? '' : numberText(limit),
    limit === undefined ? '' : reached ? 'met' : 'MISSED',
  ]);
  const bounds = rows.filter((row) => row.bound !== undefined);
  return [
    table(['measurement', 'reservations', 'portreeve', 'limit', ''], cells),
    `decide is called with ${numberText(REQUESTS)} random requests unless noted. The verdicts are:`,
    ...[few, many].map(
      ({ reservations, reasons }) => `${numberText(reservations)} reservations: ${reasonsText(reasons)}`,
    ),
    disturbances(),
    `${bounds.filter(({ reached }) => reached).length} of ${bounds.length} limits met.`,
  ].join('\n\n');
}

function disturbances(): string {
  const disturbed = interferenceShares.filter((share) => share > INTERFERENCE_MAX).length;
  const what = `other processes used more than ${INTERFERENCE_MAX * 100}% of a core`;
  return `In ${disturbed} of ${interferenceShares.length} measurements ${what}.`;
}

/** The shares of the reasons. */
function reasonsText(reasons: DecideResult['reasons']): string {
  const entries = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  return entries.map(([reason, count]) => `${reason} ${((100 * count) / all).toFixed(1)}%`).join(', ');
}

/** Verifies that what was to be measured was measured. */
function requireWhole({ load, diff, few, many }: Measured): void {
  const reservations = [load.count, few.reservations, many.reservations].join();
  const reasons = Math.min(...[few, many].map((result) => Object.keys(result.reasons).length));
  if (reservations === [LONG, FEW, MANY].join() && reasons >= REASONS_MIN && diff.count > 0) return;
  throw new PortreeveError('BUG', `measured ${reservations}, ${reasons} reasons, ${diff.count} changes`);
}

async function run(args: readonly string[]): Promise<boolean> {
  const { out } = optionsOf(args);
  execFileSync('sh', [join(ROOT, 'scripts/build')], { stdio: 'inherit' });
  const date = new Date().toISOString();
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-bench-'));
  const measured = await measureAll(directory).finally(() => rm(directory, { recursive: true }));
  requireWhole(measured);
  const rows = rowsOf(measured);
  process.stdout.write(`${report(rows, measured)}\n`);
  const { version }: { version: string } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const versions = { node: process.version, portreeve: version };
  const about = { benchmark: 'profile', date, machine: machine(), versions };
  const interference = Math.max(...interferenceShares);
  const record = { ...about, interference, rows, measurements: measured };
  await writeRecord(out, record);
  process.stderr.write(`Recorded in ${out}\n`);
  return rows.every(({ reached }) => reached);
}

export const profile: Benchmark = {
  about: 'the profile: checking, formatting, comparing and deciding with long profiles',
  options: [`--out FILE         record the results in FILE (bench/results/profile.json)`],
  run,
};
