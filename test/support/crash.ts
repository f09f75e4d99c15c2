/** Rounds of load, kill -9 and restart in a world, and what has to hold after each. How long it takes is no test's. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NO_PEERS } from './daemon.ts';
import { ONLY_PORTREEVE } from './portmap.ts';
import { needs, probe } from './probe.ts';
import { type Running, Sandbox, until } from './sandbox.ts';

const PROGRAM = join(import.meta.dirname, 'crash-rounds.ts');
/** A round that takes longer hangs. */
const ROUND_MS = 120_000;

/** What is killed in a round; `restarted portmap` is killed a second time while it starts again. */
export type Target = 'portmap' | 'daemon' | 'restarted portmap' | 'both';

/** What came of a round, as the program writes it, a line each. */
export interface Round {
  readonly target: Target;
  /** Changes that were acknowledged since the round before. */
  readonly acknowledged: number;
  /** Changes that were on their way when it was killed. */
  readonly unknown: number;
  /** How often the log was written anew while the load went on. */
  readonly compactions: number;
  /** From the (last) kill to the first answer. */
  readonly backAfterMs: number;
  /** Registrations that the answer should have and has not, and the other way round. */
  readonly lost: readonly number[];
  readonly risen: readonly number[];
}

/** Runs so many rounds in a world. */
export async function runRounds(sandbox: Sandbox, count: number, seed: number): Promise<Round[]> {
  const program = sandbox.start([process.execPath, PROGRAM, `${seed}`, `${count}`], { env: NO_PEERS });
  const rounds: Round[] = [];
  for (let number = 0; number < count; number++) rounds.push(await nextRound(program, number));
  assert.equal((await program.ended).code, 0, program.output);
  return rounds;
}

/** Runs so many rounds, and asserts that nothing that was acknowledged is lost in any. */
export async function crashRounds(t: TestContext, count: number, seed: number): Promise<void> {
  if (!needs(t, probe.root(), probe.netns(), ONLY_PORTREEVE)) return;
  console.log(`${t.name}: seed ${seed}`);
  const rounds = await runRounds(await Sandbox.open(t), count, seed);
  const which = (isBad: (round: Round) => boolean): string[] =>
    rounds.flatMap((round, number) =>
      isBad(round) ? [`seed ${seed}, round ${number}: ${JSON.stringify(round)}`] : [],
    );
  assert.deepEqual(
    which(({ lost, risen }) => lost.length + risen.length > 0),
    [],
  );
  assert.ok(
    rounds.some(({ compactions }) => compactions > 0),
    'the log was written anew under load',
  );
  assert.ok(
    rounds.some(({ unknown }) => unknown > 0),
    'changes were on their way when it was killed',
  );
}

function nextRound(program: Running, number: number): Promise<Round> {
  return until(
    `round ${number} to end`,
    () => {
      const line = program.stdout.split('\n', number + 2);
      if (line.length > number + 1) return JSON.parse(line[number] ?? '') as Round;
      if (program.outcome) throw new Error(`the rounds ended early: ${program.output}`);
      return undefined;
    },
    ROUND_MS,
  );
}
