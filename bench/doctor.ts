// Measures finding the owners of ports, compared with ss, lsof and netstat in the same rounds: 1,000 processes with
// 5,000 listeners, with and without 50,000 connections, in a separate network namespace and in cgroups of ten
// processes.

import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, PortreeveError } from '../src/base/errors.ts';
import { parseDecimal } from '../src/base/port.ts';
import { cgroupRoot, walkCgroups } from '../src/host/linux/cgroup.ts';
import { PORTREEVE } from '../test/support/daemon.ts';
import { type Probe, probe } from '../test/support/probe.ts';
import { Sandbox, until } from '../test/support/sandbox.ts';
import type { Benchmark } from './benchmark.ts';
import { type Command, CROWDS, type Crowd, judge, report } from './doctor-report.ts';
import { machine, waitForIdleCores } from './machine.ts';
import { compilePrograms, type Programs } from './programs.ts';
import { writeRecord } from './record.ts';

const ROUNDS = 9;
const ROUNDS_MAX = 1000;
/** Below the ephemeral range, so that no connection takes the port of a listener. */
const FIRST_PORT = 20_000;
const CLIENT_PORTS = '26000 65535';
const PROCESSES = 1000;
const LISTENERS = 5;
const PORTS = PROCESSES * LISTENERS;
const PROCESSES_IN_UNIT = 10;
/** The distance between requested ports, so that all parts of the range are used. */
const PORT_STEP = 1237;
const CROWD_MS = 120_000;
const COMMAND_MS = 60_000;
const LISTENING = ['ports', '--listening'];
const RUNTIME = '/run/portreeve-bench';
/** Runs before the measurement that counts, as for a daemon that has run for a while. */
const WARM_READS = 30;
const CHILD = join(import.meta.dirname, 'doctor-child.ts');
const RESULTS = join(import.meta.dirname, 'results/doctor.json');

interface Choice {
  readonly rounds: number;
  readonly out: string | undefined;
  readonly program: string;
}

function choiceOf(args: readonly string[]): Choice {
  const options = {
    rounds: { type: 'string' },
    out: { type: 'string' },
    program: { type: 'string' },
  } as const;
  try {
    const { rounds: text, out, program = PORTREEVE } = parseArgs({ args: [...args], options }).values;
    const rounds = text === undefined ? ROUNDS : parseDecimal(text, ROUNDS_MAX);
    if (rounds) return { rounds, out, program };
    const hint = `A number from 1 to ${ROUNDS_MAX}.`;
    throw new PortreeveError('USAGE', `--rounds "${text}" is not a number`, hint);
  } catch (thrown) {
    if (thrown instanceof PortreeveError) throw thrown;
    throw new PortreeveError('USAGE', messageOf(thrown), 'npm run bench lists the options.');
  }
}

function requireProbes(...probes: readonly Probe[]): void {
  const hint = 'The benchmark compares with ss, lsof and netstat, in a separate network namespace.';
  for (const one of probes) {
    if (!one.ok) throw new PortreeveError('COMMAND_FAILED', one.reason, hint);
  }
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Fixture {
  readonly sandbox: Sandbox;
  readonly programs: Programs;
  readonly program: string;
  /** Records a time. */
  readonly add: (command: Command, ms: number) => void;
}

/** Measures a whole command, which must exit with one of these statuses. */
async function time(fixture: Fixture, command: Command, argv: readonly string[], codes = [0]): Promise<void> {
  const { stdout } = await fixture.sandbox.run([fixture.programs.stopwatch, ...argv], {
    timeout: COMMAND_MS,
  });
  const { ms, code }: { readonly ms: number; readonly code: number } = JSON.parse(stdout);
  if (!codes.includes(code)) throw new Error(`${argv.join(' ')} exited with status ${code}`);
  fixture.add(command, ms);
}

async function readInProcess({ sandbox, add }: Fixture): Promise<void> {
  const { stdout, stderr } = await sandbox.run([process.execPath, CHILD], { timeout: COMMAND_MS });
  if (stderr !== '') throw new Error(stderr);
  const { first, second } = JSON.parse(stdout);
  // Verify that the right thing was measured.
  if (first.owned < PORTS || second.owned !== first.owned + 1)
    throw new Error(`unexpected result: ${stdout}`);
  add('the first read, in process', first.ms);
  add('a second read after one change, in process', second.ms);
}

async function measureRound(fixture: Fixture, round: number): Promise<void> {
  const port = FIRST_PORT + ((round * PORT_STEP) % PORTS);
  const { program } = fixture;
  await time(fixture, 'ss -tulnp', ['ss', '-tulnp']);
  await time(fixture, 'portreeve ports --listening', [program, ...LISTENING]);
  await time(fixture, 'lsof -i -P -n', ['lsof', '-i', '-P', '-n']);
  await time(fixture, 'netstat -tulnp', ['netstat', '-tulnp']);
  await time(fixture, 'ss -Htlnp sport = :PORT', ['ss', '-Htlnp', `sport = :${port}`]);
  await time(fixture, 'portreeve who PORT', [program, 'who', `${port}`]);
  await time(fixture, 'portreeve explain PORT', [program, 'explain', `${port}`], [0, 1]);
  await readInProcess(fixture);
  const daemonOptions = ['--runtime', RUNTIME];
  await time(fixture, 'portreeve ports --listening, with a daemon', [
    program,
    ...LISTENING,
    ...daemonOptions,
  ]);
  await time(fixture, 'portreeve who PORT, with a daemon', [program, 'who', `${port}`, ...daemonOptions]);
}

/** Starts a daemon in separate directories and warms it up. */
async function startDaemon(sandbox: Sandbox, program: string): Promise<void> {
  const places = ['--runtime', RUNTIME, '--state', `${RUNTIME}/state`, '--local', `${RUNTIME}/rpcbind.sock`];
  const daemon = sandbox.start([program, 'serve', '--port', '7111', ...places]);
  await daemon.waitForOutput(/portmap is ready/);
  for (let i = 0; i < WARM_READS; i++) {
    await sandbox.run([program, ...LISTENING, '--runtime', RUNTIME], { timeout: COMMAND_MS });
  }
}

async function measureCrowd(
  crowd: Crowd,
  choice: Choice,
  programs: Programs,
): Promise<Map<Command, number[]>> {
  const measured = new Map<Command, number[]>();
  const add = (command: Command, ms: number) => {
    measured.set(command, [...(measured.get(command) ?? []), ms]);
  };
  const units = makeUnits();
  const sandbox = await Sandbox.open({ after: () => undefined });
  try {
    await sandbox.run(['sh', '-c', `echo "${CLIENT_PORTS}" >/proc/sys/net/ipv4/ip_local_port_range`]);
    // Both ends of a connection count.
    const numbers = [PROCESSES, LISTENERS, crowd / PROCESSES / 2, FIRST_PORT];
    // It exits when its input ends, with the sandbox.
    const argv = [programs.crowd, ...numbers.map(String), units];
    const running = sandbox.start(['sh', '-c', 'exec sleep infinity | exec "$0" "$@"', ...argv]);
    await running.waitForOutput(new RegExp(`^${PROCESSES} of `), CROWD_MS);
    await startDaemon(sandbox, choice.program);
    const fixture = { sandbox, programs, program: choice.program, add };
    for (let round = 1; round <= choice.rounds; round++) {
      await waitForIdleCores();
      await measureRound(fixture, round);
      log(`${crowd} connections: round ${round} of ${choice.rounds}`);
    }
  } finally {
    await sandbox.close();
    await until(`${units} to be removed`, () => isRemoved(units));
  }
  return measured;
}

/** Creates cgroups for the processes, like those of a host's units. */
function makeUnits(): string {
  const units = join(cgroupRoot(), `portreeve-bench-${process.pid}`);
  for (let unit = 0; unit < PROCESSES / PROCESSES_IN_UNIT; unit++) {
    mkdirSync(join(units, `${unit}`), { recursive: true });
  }
  return units;
}

function isRemoved(directory: string): boolean {
  try {
    for (const cgroup of [...walkCgroups(directory)].reverse()) rmdirSync(cgroup.directory);
    return true;
  } catch {
    return false;
  }
}

async function run(args: readonly string[]): Promise<boolean> {
  const choice = choiceOf(args);
  requireProbes(
    probe.root(),
    probe.netns(),
    probe.cgroup2(),
    ...['ss', 'lsof', 'netstat'].map(probe.command),
  );
  const programs = await compilePrograms();
  const date = new Date().toISOString();
  const measured = new Map<Crowd, Map<Command, number[]>>();
  for (const crowd of CROWDS) measured.set(crowd, await measureCrowd(crowd, choice, programs));
  const bounds = judge(measured);
  process.stdout.write(`${report(measured, bounds)}\n`);
  const file = choice.out ?? (choice.rounds >= ROUNDS && choice.program === PORTREEVE ? RESULTS : undefined);
  if (file !== undefined) {
    const about = { benchmark: 'doctor', date, machine: machine(), node: process.version };
    const ms = Object.fromEntries([...measured].map(([crowd, times]) => [crowd, Object.fromEntries(times)]));
    await writeRecord(file, { ...about, rounds: choice.rounds, bounds, ms });
  }
  log(
    file === undefined ? 'Not recorded: too few rounds. Use --out FILE to record it.' : `Recorded in ${file}`,
  );
  return bounds.every(({ reached }) => reached);
}

export const doctor: Benchmark = {
  about: 'finding the owners of ports, compared with ss, lsof and netstat',
  options: [
    `--rounds N         rounds of all commands (${ROUNDS})`,
    '--program FILE     a portreeve other than that of this clone',
    '--out FILE         record the results in FILE, whatever the number of rounds',
  ],
  run,
};
