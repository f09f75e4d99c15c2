/** Rounds of load, kill -9 and restart in a sandbox, and what must hold after each. Their duration is not tested. */

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

/** What is killed in a round; `restarted portmap` is killed a second time while it restarts. */
export type Target = 'portmap' | 'daemon' | 'restarted portmap' | 'both';

/** The result of a round, as the program prints it, one per line. */
export interface Round {
  readonly target: Target;
  /** Changes that were acknowledged since the previous round. */
  readonly acknowledged: number;
  /** Changes that were outstanding when it was killed. */
  readonly unknown: number;
  /** How often the log was rewritten under load. */
  readonly compactions: number;
  /** From the (last) kill to the first answer. */
  readonly backAfterMs: number;
  /** Acknowledged registrations that are missing, and removed ones that are listed. */
  readonly lost: readonly number[];
  readonly unexpected: readonly number[];
}

/** Runs this number of rounds in a sandbox. */
export async function runRounds(sandbox: Sandbox, count: number, seed: number): Promise<Round[]> {
  const program = sandbox.start([process.execPath, PROGRAM, `${seed}`, `${count}`], { env: NO_PEERS });
  const rounds: Round[] = [];
  for (let number = 0; number < count; number++) rounds.push(await nextRound(program, number));
  assert.equal((await program.ended).code, 0, program.output);
  return rounds;
}

/** Runs this number of rounds, and asserts that none loses an acknowledged change. */
export async function crashRounds(t: TestContext, count: number, seed: number): Promise<void> {
  if (!needs(t, probe.root(), probe.netns(), ONLY_PORTREEVE)) return;
  console.log(`${t.name}: seed ${seed}`);
  const rounds = await runRounds(await Sandbox.open(t), count, seed);
  const which = (isBad: (round: Round) => boolean): string[] =>
    rounds.flatMap((round, number) =>
      isBad(round) ? [`seed ${seed}, round ${number}: ${JSON.stringify(round)}`] : [],
    );
  assert.deepEqual(
    which(({ lost, unexpected }) => lost.length + unexpected.length > 0),
    [],
  );
  assert.ok(
    rounds.some(({ compactions }) => compactions > 0),
    'the log was rewritten under load',
  );
  assert.ok(
    rounds.some(({ unknown }) => unknown > 0),
    'changes were outstanding when it was killed',
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
