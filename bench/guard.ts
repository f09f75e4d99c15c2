// Measures the cost of bind(2) under the guard, on one core in one run: without a program, with one instruction, with a
// rule list, and with guards of 10, 1,000 and 60,000 reservations. They alternate in each round.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, PortreeveError } from '../src/base/errors.ts';
import { parseDecimal } from '../src/base/port.ts';
import { namespaceIn, tablesOf } from '../test/support/guard.ts';
import { type Probe, probe } from '../test/support/probe.ts';
import type { Benchmark } from './benchmark.ts';
import { ALLOWED, FREE, GuardBenchFixture, MANY, profileOfSize, REFUSED } from './guard-fixture.ts';
import { measureReactions } from './guard-reactions.ts';
import { CELLS, type Cell, idOf, judge, report } from './guard-report.ts';
import { machine, waitForIdleCores } from './machine.ts';
import { compilePrograms } from './programs.ts';
import { writeRecord } from './record.ts';

const ROUNDS = 9;
const COUNT = 30_000;
/** Passes per round. The shortest time counts, because interference only adds time. */
const PASSES = 3;
const SWAPS = 7;
const CORE = '1';
const LOOP_MS = 60_000;
const NUMBER_MAX = 1_000_000;
const RESULTS = join(import.meta.dirname, 'results/guard.json');

const PORTS = {
  free: FREE,
  allowed: ALLOWED,
  refused: REFUSED,
  many: MANY,
  'by user': ALLOWED,
  connect: FREE,
};

interface Choice {
  readonly rounds: number;
  readonly count: number;
  readonly out: string | undefined;
}

function usageError(message: string, hint: string): PortreeveError {
  return new PortreeveError('USAGE', message, hint);
}

function choiceOf(args: readonly string[]): Choice {
  const options = { rounds: { type: 'string' }, count: { type: 'string' }, out: { type: 'string' } } as const;
  try {
    const { rounds, count, out } = parseArgs({ args: [...args], options }).values;
    return { rounds: number('--rounds', rounds, ROUNDS), count: number('--count', count, COUNT), out };
  } catch (thrown) {
    if (thrown instanceof PortreeveError) throw thrown;
    throw usageError(messageOf(thrown), 'npm run bench lists the options.');
  }
}

function number(option: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : parseDecimal(text, NUMBER_MAX);
  if (value) return value;
  throw usageError(`${option} "${text}" is not a number`, `A number from 1 to ${NUMBER_MAX}.`);
}

function requireProbes(...probes: readonly Probe[]): void {
  const hint = 'The benchmark attaches programs to separate cgroups.';
  for (const one of probes) {
    if (!one.ok) throw new PortreeveError('COMMAND_FAILED', one.reason, hint);
  }
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Loop {
  readonly fixture: GuardBenchFixture;
  readonly program: string;
  readonly count: number;
}

/** Nanoseconds of CPU time of one bind or connection. */
async function measureCell({ fixture, program, count }: Loop, cell: Cell): Promise<number> {
  const { first, ports } = PORTS[cell.path];
  const cgroup = cell.path === 'by user' ? fixture.userCgroup : fixture.unit(cell.policy);
  const what = cell.path === 'connect' ? 'connect' : 'bind';
  const argv = [program, cell.family.slice(-1), what, `${first}`, `${ports}`, `${count}`, CORE];
  const enter = ['sh', '-c', 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"', 'enter', cgroup];
  const { stdout, stderr, code } = await fixture.sandbox.run([...enter, ...argv], { timeout: LOOP_MS });
  if (code !== 0) throw new Error(`${idOf(cell)}: ${stderr}`);
  const result: { readonly ns: number; readonly refused: boolean | null } = JSON.parse(stdout);
  if (result.refused !== (cell.path === 'refused'))
    throw new Error(`${idOf(cell)} had an unexpected verdict`);
  return result.ns;
}

async function measureRounds(loop: Loop, rounds: number): Promise<Map<string, number[]>> {
  const measured = new Map<string, number[]>(CELLS.map((cell) => [idOf(cell), []]));
  for (let round = 1; round <= rounds; round++) {
    const best = new Map<string, number>();
    for (let pass = 1; pass <= PASSES; pass++) {
      for (const cell of round % 2 === 0 ? CELLS.toReversed() : CELLS) {
        const ns = await measureCell(loop, cell);
        best.set(idOf(cell), Math.min(ns, best.get(idOf(cell)) ?? ns));
      }
      log(`round ${round} of ${rounds}, pass ${pass} of ${PASSES}`);
    }
    for (const [id, ns] of best) measured.get(id)?.push(ns);
  }
  return measured;
}

/** From a parsed profile of 60,000 reservations, replacing another one, until it is in force. */
async function measureSwaps(fixture: GuardBenchFixture): Promise<number[]> {
  const profile = profileOfSize(60_000);
  const times: number[] = [];
  for (let i = 0; i < SWAPS; i++) {
    await waitForIdleCores();
    const begin = performance.now();
    fixture.swap(60_000, tablesOf(profile));
    times.push(performance.now() - begin);
    fixture.keep(60_000);
  }
  return times;
}

async function run(args: readonly string[]): Promise<boolean> {
  const { rounds, count, out } = choiceOf(args);
  requireProbes(probe.root(), probe.netns(), probe.bpf(), probe.cgroup2());
  const { bindLoop: program } = await compilePrograms();
  const date = new Date().toISOString();
  const reactions = await measureReactions();
  const fixture = await GuardBenchFixture.open(namespaceIn);
  try {
    const others = {
      ...reactions,
      inForceMs: await measureSwaps(fixture),
      kernelBytes: fixture.kernelBytes(60_000),
    };
    const measured = await measureRounds({ fixture, program, count }, rounds);
    const bounds = judge(measured, others);
    process.stdout.write(`${report(measured, bounds)}\n`);
    const file = out ?? (rounds >= ROUNDS && count >= COUNT ? RESULTS : undefined);
    if (file !== undefined) {
      const about = { benchmark: 'guard', date, machine: machine(), node: process.version, rounds, count };
      const ns = Object.fromEntries(measured);
      await writeRecord(file, { ...about, bounds, ...others, ns });
    }
    log(
      file === undefined
        ? 'Not recorded: too few rounds or binds. Use --out FILE to record it.'
        : `Recorded in ${file}`,
    );
    return bounds.every(({ reached }) => reached);
  } finally {
    await fixture.close();
  }
}

export const guard: Benchmark = {
  about: 'bind(2) under the guard, without it, and under a rule list',
  options: [
    `--rounds N         rounds of all loops (${ROUNDS})`,
    `--count N          binds per loop (${COUNT})`,
    '--out FILE         record the results in FILE, whatever the number of rounds',
  ],
  run,
};
