// Compares portmap with Debian's rpcbind in one run on one machine: the same loads on the same mappings, each in a new
// network namespace, with the server on one core and the loader on another. The servers alternate in each round.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, PortreeveError } from '../src/base/errors.ts';
import { parseDecimal } from '../src/base/port.ts';
import { ROOT } from '../test/support/daemon.ts';
import { bringPeers, type Peers } from '../test/support/peers.ts';
import { type Probe, probe } from '../test/support/probe.ts';
import type { Benchmark } from './benchmark.ts';
import { machine, versions, waitForIdleCores } from './machine.ts';
import { type Bench, measure, type Sample, type Server } from './measure.ts';
import { judge, type Load, type Measured, report } from './portmap-report.ts';
import { compilePrograms } from './programs.ts';
import { writeRecord } from './record.ts';
import { measureRecoveries } from './recovery.ts';
import { startMs } from './start.ts';
import { mediansOf } from './verdict.ts';

/** Programs times two transports. */
const MAPPINGS = [10, 1000, 10_000];
const ROUNDS = 5;
const SECONDS = 2;
const STARTS = 7;
const RESULTS = join(import.meta.dirname, 'results/portmap.json');

/** A measurement with more interference on a core is repeated, up to the maximum number of attempts. */
const INTERFERENCE_MAX = 0.1;
const ATTEMPTS_MAX = 4;

const UDP = ['--transport', 'udp'];
const GETPORT = ['--call', 'getport'];
const BY_64 = ['--window', '64'];
const ONCE_8 = ['--once', '--connections', '8'];
/** SETs per second, and as many UNSETs. */
const CHANGES = ['--changes', '100'];

/** The loads, and the minimum ratios of portmap to rpcbind at 10, 1,000 and 10,000 mappings. */
export const LOADS: readonly Load[] = [
  {
    id: 'getport-udp-64',
    title: 'GETPORT udp, 64 outstanding',
    argv: [...GETPORT, ...UDP, ...BY_64],
    floors: [5, 5.5, 10],
    latency: 'p99Us',
    responderFloor: 0.85,
  },
  { id: 'getport-udp-1', title: 'GETPORT udp, 1 outstanding', argv: [...GETPORT, ...UDP], latency: 'p50Us' },
  {
    id: 'getport-udp-256',
    title: 'GETPORT udp, 256 outstanding',
    argv: [...GETPORT, ...UDP, '--window', '256'],
  },
  {
    id: 'getaddr-udp-64',
    title: 'GETADDR v4 udp, 64 outstanding',
    argv: ['--call', 'getaddr', ...UDP, ...BY_64],
    floors: [10, 11, 15],
  },
  {
    id: 'getport-tcp',
    title: 'GETPORT tcp, 4 connections by 16',
    argv: [...GETPORT, '--transport', 'tcp', '--connections', '4', '--window', '16'],
    floors: [15, 20, 30],
  },
  {
    id: 'getport-tcp-once',
    title: 'GETPORT tcp, one connection per call, 8 at once',
    argv: [...GETPORT, '--transport', 'tcp', ...ONCE_8],
    floors: [1.1, 1.2, 2.5],
  },
  {
    id: 'getport-unix-once',
    title: 'GETPORT unix, one connection per call, 8 at once',
    argv: [...GETPORT, '--transport', 'unix', ...ONCE_8],
    floors: [1.3, 1.5, 3],
  },
  {
    id: 'dump-tcp',
    title: 'DUMP v3 tcp',
    argv: ['--call', 'dump', '--transport', 'tcp'],
    floors: [1.5, 3, 3],
  },
  {
    id: 'change-udp-8',
    title: 'SET and UNSET udp, 8 outstanding',
    argv: ['--call', 'change', ...UDP, '--window', '8'],
    floors: [1, 1.5, 3],
  },
  {
    id: 'getport-udp-64-changes',
    title: 'GETPORT udp, 64 outstanding, 100 SETs/s',
    argv: [...GETPORT, ...UDP, ...BY_64, ...CHANGES],
    latency: 'p99Us',
  },
  {
    id: 'getport-udp-1-changes',
    title: 'GETPORT udp, 1 outstanding, 100 SETs/s',
    argv: [...GETPORT, ...UDP, ...CHANGES],
    latency: 'p50Us',
  },
];

interface Choice {
  readonly rounds: number;
  readonly seconds: number;
  readonly loads: readonly Load[];
  readonly mappings: readonly number[];
  readonly out: string | undefined;
}

function usageError(message: string, hint: string): PortreeveError {
  return new PortreeveError('USAGE', message, hint);
}

function choiceOf(args: readonly string[]): Choice {
  const { rounds, seconds, only, mappings, out } = optionsOf(args);
  const unknown = only?.find((id) => !LOADS.some((load) => load.id === id));
  if (unknown !== undefined) {
    throw usageError(`there is no load ${unknown}`, `The loads are ${LOADS.map(({ id }) => id).join(', ')}.`);
  }
  return {
    rounds: positive('--rounds', rounds) ?? ROUNDS,
    seconds: positive('--seconds', seconds) ?? SECONDS,
    loads: LOADS.filter(({ id }) => only === undefined || only.includes(id)),
    mappings: mappings?.split(',').map(mappingsOf) ?? MAPPINGS,
    out,
  };
}

function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string', multiple: true },
        mappings: { type: 'string' },
        out: { type: 'string' },
      },
    }).values;
  } catch (thrown) {
    throw usageError(messageOf(thrown), 'npm run bench lists the options.');
  }
}

function positive(option: string, text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : parseDecimal(text, 1000);
  if (value === 0 || (value === undefined && text !== undefined)) {
    throw usageError(`${option} "${text}" is not a number`, 'A number from 1 to 1000.');
  }
  return value;
}

function mappingsOf(text: string): number {
  const value = parseDecimal(text, Math.max(...MAPPINGS));
  if (value !== undefined && MAPPINGS.includes(value)) return value;
  throw usageError(
    `--mappings "${text}" is not supported`,
    `Use ${MAPPINGS.join(', ')}, separated by commas.`,
  );
}

function requireProbes(needed: Probe): void {
  if (needed.ok) return;
  throw new PortreeveError('COMMAND_FAILED', needed.reason, 'The benchmark runs both servers as on a host.');
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Measures when the machine is idle, and again if there was interference. Returns the sample with the least. */
async function measureUndisturbed(
  bench: Bench,
  server: Server,
  mappings: number,
  load: Load,
): Promise<Sample> {
  const samples: Sample[] = [];
  while (
    samples.length < ATTEMPTS_MAX &&
    !samples.some(({ interference }) => interference <= INTERFERENCE_MAX)
  ) {
    await waitForIdleCores();
    samples.push(await measure(bench, server, mappings, load.argv));
  }
  const [best] = samples.toSorted((a, b) => a.interference - b.interference);
  if (best === undefined) throw new PortreeveError('BUG', 'nothing was measured');
  return best;
}

async function measureAll(bench: Bench, { rounds, loads, mappings }: Choice): Promise<Measured> {
  const measured: Measured = new Map();
  for (let round = 1; round <= rounds; round++) {
    for (const count of mappings) {
      for (const load of loads) {
        const servers: Server[] = ['rpcbind', 'portreeve'];
        if (load.responderFloor !== undefined) servers.push('responder');
        for (const server of servers) {
          const sample = await measureUndisturbed(bench, server, count, load);
          const key = `${load.id} ${count} ${server}` as const;
          measured.set(key, [...(measured.get(key) ?? []), sample]);
          const { opsPerSecond, p50Us, cpuUs } = mediansOf([sample]);
          const figures = `${opsPerSecond.toFixed(0)}/s, p50 ${p50Us.toFixed(0)} us, ${cpuUs.toFixed(2)} us/op`;
          log(`round ${round} of ${rounds}  ${load.title}, ${count} mappings  ${server}: ${figures}`);
        }
      }
    }
  }
  return measured;
}

async function measureStarts(peers: Peers): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) times.push(await startMs(peers, 'portreeve'));
  return times;
}

async function run(args: readonly string[]): Promise<boolean> {
  const choice = choiceOf(args);
  requireProbes(probe.root());
  requireProbes(probe.netns());
  requireProbes(probe.command('taskset'));
  const programs = await compilePrograms();
  const peers = await bringPeers();
  requireProbes(peers.probe());
  execFileSync('sh', [join(ROOT, 'scripts/build')], { stdio: 'inherit' });

  const begun = new Date().toISOString();
  const starts = await measureStarts(peers);
  const recoveries = await measureRecoveries(peers);
  const measured = await measureAll({ peers, programs, seconds: choice.seconds }, choice);
  const verdicts = judge(choice.loads, choice.mappings, measured, starts, recoveries);
  process.stdout.write(`${report(verdicts)}\n\n${disturbances(measured)}\n`);

  const isWhole = choice.loads.length === LOADS.length && choice.mappings.length === MAPPINGS.length;
  const out = choice.out ?? (isWhole && choice.rounds >= ROUNDS ? RESULTS : undefined);
  const { rounds, seconds } = choice;
  const about = { benchmark: 'portmap', date: begun, machine: machine(), versions: versions(ROOT, peers) };
  const record = {
    ...about,
    rounds,
    seconds,
    ...verdicts,
    starts: starts.map((ms) => ({ ms })),
    recoveries,
    ...rawOf(measured),
  };
  if (out !== undefined) {
    await writeRecord(out, record);
  }
  log(
    out === undefined
      ? 'Not recorded: only a part was run. Use --out FILE to record it.'
      : `Recorded in ${out}`,
  );
  return [...verdicts.ratios, ...verdicts.bounds].every(({ reached }) => reached);
}

function disturbances(measured: Measured): string {
  const samples = [...measured.values()].flat();
  const disturbed = samples.filter(({ interference }) => interference > INTERFERENCE_MAX).length;
  const what = `other processes used more than ${INTERFERENCE_MAX * 100}% of a core`;
  return `In ${disturbed} of ${samples.length} measurements ${what}.`;
}

/** All medians and rounds. */
function rawOf(measured: Measured): object {
  const cells = [...measured].map(([key, rounds]) => [key, { medians: mediansOf(rounds), rounds }]);
  return { measurements: Object.fromEntries(cells) };
}

export const portmap: Benchmark = {
  about: 'portmap compared with rpcbind of Debian 12, in separate network namespaces',
  options: [
    `--rounds N         rounds of all loads (${ROUNDS})`,
    `--seconds N        duration of each measurement in seconds (${SECONDS})`,
    '--only LOAD        one load; can be repeated',
    `--mappings N,N     table sizes (${MAPPINGS.join(',')})`,
    '--out FILE         record the results in FILE, even of a partial run',
  ],
  run,
};
