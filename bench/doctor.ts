/**
 * How long it takes to say who holds which port, beside ss, lsof and netstat in the same rounds: 1,000 processes with
 * 5,000 listeners, then with 50,000 connections as well, in namespaces of their own and in cgroups of ten each.
 */

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
/** Below the ports that clients get, so that no connection takes the place of a listener. */
const FIRST_PORT = 20_000;
const CLIENT_PORTS = '26000 65535';
const PROCESSES = 1000;
const LISTENERS = 5;
const PORTS = PROCESSES * LISTENERS;
const PROCESSES_IN_UNIT = 10;
/** From one port that is asked for to the next: every part of the crowd gets its turn. */
const PORT_STEP = 1237;
const CROWD_MS = 120_000;
const COMMAND_MS = 60_000;
const LISTENING = ['ports', '--listening'];
const RUNTIME = '/run/portreeve-bench';
/** Before it counts: the code of a daemon that has run for a while is compiled. */
const WARM_CHECKS = 30;
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
    const hint = `It is a number from 1 to ${ROUNDS_MAX}.`;
    throw new PortreeveError('USAGE', `--rounds "${text}" is no number`, hint);
  } catch (thrown) {
    if (thrown instanceof PortreeveError) throw thrown;
    throw new PortreeveError('USAGE', messageOf(thrown), 'npm run bench lists the options.');
  }
}

function need(...probes: readonly Probe[]): void {
  const hint = 'The benchmark compares with ss, lsof and netstat, in namespaces of its own.';
  for (const one of probes) {
    if (!one.ok) throw new PortreeveError('COMMAND_FAILED', one.reason, hint);
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Fixture {
  readonly sandbox: Sandbox;
  readonly programs: Programs;
  readonly program: string;
  /** Where the results of a round go. */
  readonly add: (command: Command, ms: number) => void;
}

/** Measures a whole command; it must end with one of these codes. */
async function time(fixture: Fixture, command: Command, argv: readonly string[], codes = [0]): Promise<void> {
  const { stdout } = await fixture.sandbox.run([fixture.programs.stopwatch, ...argv], {
    timeout: COMMAND_MS,
  });
  const { ms, code }: { readonly ms: number; readonly code: number } = JSON.parse(stdout);
  if (!codes.includes(code)) throw new Error(`${argv.join(' ')} ended with ${code}`);
  fixture.add(command, ms);
}

async function readInProcess({ sandbox, add }: Fixture): Promise<void> {
  const { stdout, stderr } = await sandbox.run([process.execPath, CHILD], { timeout: COMMAND_MS });
  if (stderr !== '') throw new Error(stderr);
  const { first, second } = JSON.parse(stdout);
  // What is measured must be what was asked for.
  if (first.owned < PORTS || second.owned !== first.owned + 1) throw new Error(`seen: ${stdout}`);
  add('the first look, in process', first.ms);
  add('a second look after one change, in process', second.ms);
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
  const asking = ['--runtime', RUNTIME];
  await time(fixture, 'portreeve ports --listening, with a daemon', [program, ...LISTENING, ...asking]);
  await time(fixture, 'portreeve who PORT, with a daemon', [program, 'who', `${port}`, ...asking]);
}

/** One that only those find who are told where it is, and that has run for a while. */
async function startDaemon(sandbox: Sandbox, program: string): Promise<void> {
  const places = ['--runtime', RUNTIME, '--state', `${RUNTIME}/state`, '--local', `${RUNTIME}/rpcbind.sock`];
  const daemon = sandbox.start([program, 'serve', '--port', '7111', ...places]);
  await daemon.waitForOutput(/portmap is ready/);
  for (let i = 0; i < WARM_CHECKS; i++) {
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
    // It lives on its input: it ends with the world.
    const argv = [programs.crowd, ...numbers.map(String), units];
    const running = sandbox.start(['sh', '-c', 'exec sleep infinity | exec "$0" "$@"', ...argv]);
    await running.waitForOutput(new RegExp(`^${PROCESSES} of `), CROWD_MS);
    await startDaemon(sandbox, choice.program);
    const fixture = { sandbox, programs, program: choice.program, add };
    for (let round = 1; round <= choice.rounds; round++) {
      await waitForIdleCores();
      await measureRound(fixture, round);
      say(`${crowd} connections: round ${round} of ${choice.rounds}`);
    }
  } finally {
    await sandbox.close();
    await until(`${units} to go`, () => isRemoved(units));
  }
  return measured;
}

/** Cgroups for the crowd, as a host has them for its units. */
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
  need(probe.root(), probe.netns(), probe.cgroup2(), ...['ss', 'lsof', 'netstat'].map(probe.command));
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
  say(file === undefined ? 'Not recorded: too few rounds (--out FILE records it).' : `Recorded in ${file}`);
  return bounds.every(({ reached }) => reached);
}

export const doctor: Benchmark = {
  about: 'who holds which port, beside ss, lsof and netstat',
  options: [
    `--rounds N         rounds of all commands (${ROUNDS})`,
    '--program FILE     another portreeve than that of this clone',
    '--out FILE         where to record the results, even of fewer rounds',
  ],
  run,
};
