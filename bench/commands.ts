/**
 * Measures the run time of whole commands, as a shell runs them, compared with Node with an empty program in the same
 * rounds; for root and for another user, on a small host in its own sandbox.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, PortreeveError } from '../src/base/errors.ts';
import { parseDecimal } from '../src/base/port.ts';
import { ROOT } from '../test/support/daemon.ts';
import { probe } from '../test/support/probe.ts';
import { Sandbox } from '../test/support/sandbox.ts';
import type { Benchmark } from './benchmark.ts';
import { BOUNDS, judge, NOTHING, type Run, type Runs, report } from './commands-report.ts';
import { machine, waitForIdleCores } from './machine.ts';
import { compilePrograms } from './programs.ts';
import { writeRecord } from './record.ts';

const ROUNDS = 21;
const ROUNDS_MAX = 1000;
/** Rounds that are not counted: they read files from the disk, and compile the commands. */
const WARM_ROUNDS = 4;
const USERS = { root: 0, nobody: 65534 } as const;
const RESULTS = join(import.meta.dirname, 'results/start.json');
/** Where the checkout and the stopwatch are in the sandbox: any user can reach them there. */
const CHECKOUT = '/run/checkout';
const STOPWATCH = '/run/stopwatch';
const RUNTIME = '/run/bench';
/** The arguments of commands that query the daemon; the other commands must not find it. */
const WITH_DAEMON: Readonly<Record<string, readonly string[]>> = {
  status: ['--runtime', RUNTIME],
  'portmap list': [`${RUNTIME}/rpcbind.sock`],
};
/** A command may find something (1), but it must not fail. */
const CODES = [0, 1];

interface Choice {
  readonly rounds: number;
  readonly out: string | undefined;
  readonly checkout: string;
}

function choiceOf(args: readonly string[]): Choice {
  const options = {
    rounds: { type: 'string' },
    out: { type: 'string' },
    checkout: { type: 'string' },
  } as const;
  try {
    const { rounds: text, out, checkout = ROOT } = parseArgs({ args: [...args], options }).values;
    const rounds = text === undefined ? ROUNDS : parseDecimal(text, ROUNDS_MAX);
    if (rounds) return { rounds, out, checkout };
    const hint = `It is a number from 1 to ${ROUNDS_MAX}.`;
    throw new PortreeveError('USAGE', `--rounds "${text}" is not a number of rounds`, hint);
  } catch (thrown) {
    if (thrown instanceof PortreeveError) throw thrown;
    throw new PortreeveError('USAGE', messageOf(thrown), 'npm run bench lists the options.');
  }
}

/** A sandbox with the checkout and a daemon in it. The caller closes it. */
async function openHost(checkout: string): Promise<Sandbox> {
  const { stopwatch } = await compilePrograms();
  const sandbox = await Sandbox.open({ after: () => undefined });
  const prepare = `mkdir ${CHECKOUT} && mount --bind "$1" ${CHECKOUT} && install -m 0755 "$2" ${STOPWATCH}`;
  const { code, stderr } = await sandbox.run(['sh', '-c', prepare, 'sh', checkout, stopwatch]);
  if (code !== 0) throw new Error(stderr);
  const places = ['--runtime', RUNTIME, '--state', `${RUNTIME}/state`, '--local', `${RUNTIME}/rpcbind.sock`];
  const daemon = sandbox.start([`${CHECKOUT}/bin/portreeve`, 'serve', '--port', '7111', ...places]);
  await daemon.waitForOutput(/portmap is ready/);
  return sandbox;
}

/** The Node that bin/portreeve starts. */
async function nodeIn(sandbox: Sandbox): Promise<string> {
  const find = `set -eu; root=${CHECKOUT}; . $root/bin/find-node; echo "$node"`;
  return (await sandbox.run(['sh', '-c', find])).stdout.trim();
}

async function time(sandbox: Sandbox, argv: readonly string[], uid: number): Promise<Run> {
  const { stdout, stderr } = await sandbox.run([STOPWATCH, ...argv], { uid });
  const { code, ...run }: Run & { readonly code: number } = JSON.parse(stdout);
  if (!CODES.includes(code)) throw new Error(`${argv.join(' ')} as ${uid} ended with ${code}: ${stderr}`);
  return run;
}

async function measure({ rounds, checkout }: Choice): Promise<Map<string, Runs>> {
  const sandbox = await openHost(checkout);
  const measured = new Map(Object.keys(USERS).map((user) => [user, new Map<string, Run[]>()]));
  try {
    const nothing: [string, string[]] = [NOTHING, [await nodeIn(sandbox), '-e', '0']];
    const commands = Object.keys(BOUNDS).map((command): [string, string[]] => [
      command,
      [`${CHECKOUT}/bin/portreeve`, ...command.split(' '), ...(WITH_DAEMON[command] ?? [])],
    ]);
    for (let round = 1 - WARM_ROUNDS; round <= rounds; round++) {
      await waitForIdleCores();
      for (const [user, uid] of Object.entries(USERS)) {
        for (const [command, argv] of [nothing, ...commands]) {
          const run = await time(sandbox, argv, uid);
          const runs = measured.get(user);
          if (round > 0) runs?.set(command, [...(runs.get(command) ?? []), run]);
        }
      }
      process.stderr.write(`round ${round} of ${rounds}\n`);
    }
  } finally {
    await sandbox.close();
  }
  return measured;
}

async function run(args: readonly string[]): Promise<boolean> {
  const choice = choiceOf(args);
  for (const one of [probe.root(), probe.netns()]) {
    if (!one.ok) throw new PortreeveError('COMMAND_FAILED', one.reason, 'The benchmark makes a sandbox.');
  }
  const date = new Date().toISOString();
  const measured = await measure(choice);
  const bounds = Object.fromEntries([...measured].map(([user, runs]) => [user, judge(runs)]));
  process.stdout.write(`${[...measured].map(([user, runs]) => report(user, runs)).join('\n\n')}\n`);
  const isComplete = choice.rounds >= ROUNDS && choice.checkout === ROOT;
  const file = choice.out ?? (isComplete ? RESULTS : undefined);
  if (file !== undefined) {
    const about = { benchmark: 'start', date, machine: machine(), node: process.version };
    const runs = Object.fromEntries([...measured].map(([user, each]) => [user, Object.fromEntries(each)]));
    await writeRecord(file, { ...about, rounds: choice.rounds, bounds, runs });
  }
  process.stderr.write(
    file === undefined ? 'Not recorded (--out FILE records it).\n' : `Recorded in ${file}\n`,
  );
  return Object.values(bounds).every((verdicts) => verdicts.every(({ reached }) => reached));
}

export const start: Benchmark = {
  about: 'how quickly commands start, to Node with nothing to do',
  options: [
    `--rounds N         rounds of all commands (${ROUNDS})`,
    '--checkout DIR     another built checkout than this one',
    '--out FILE         where to record the results, even of fewer rounds',
  ],
  run,
};
