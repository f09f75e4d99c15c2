/** Rounds of load, kill -9 and restart in a world, and what has to hold after each. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NO_PEERS } from './daemon.ts';
import { ONLY_PORTREEVE } from './portmap.ts';
import { needs, probe } from './probe.ts';
import { type Running, until, World } from './world.ts';

const PROGRAM = join(import.meta.dirname, 'crash-rounds.ts');
const ROUND_MS = 30_000;
/** All that was acknowledged is back so long after the kill. */
const BACK_MS = 1000;

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

/** Runs so many rounds, and asserts that nothing that was acknowledged is lost in any. */
export async function crashRounds(t: TestContext, count: number, seed: number): Promise<void> {
  if (!needs(t, probe.root(), probe.netns(), ONLY_PORTREEVE)) return;
  console.log(`${t.name}: seed ${seed}`);
  const world = await World.open(t);
  const program = world.start([process.execPath, PROGRAM, `${seed}`, `${count}`], { env: NO_PEERS });
  const rounds: Round[] = [];
  for (let number = 0; number < count; number++) rounds.push(await nextRound(program, number));
  assert.equal((await program.ended).code, 0, program.output);
  tell(rounds);
  const which = (isBad: (round: Round) => boolean): string[] =>
    rounds.flatMap((round, number) =>
      isBad(round) ? [`seed ${seed}, round ${number}: ${JSON.stringify(round)}`] : [],
    );
  assert.deepEqual(
    which(({ lost, risen }) => lost.length + risen.length > 0),
    [],
  );
  assert.deepEqual(
    which(({ backAfterMs }) => backAfterMs > BACK_MS),
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

/** How long it took, by what was killed. */
function tell(rounds: readonly Round[]): void {
  for (const [target, those] of Map.groupBy(rounds, (round) => round.target)) {
    const times = those.map(({ backAfterMs }) => backAfterMs).sort((a, b) => a - b);
    const [median, most] = [times[times.length >> 1], times.at(-1)];
    console.log(`${target}: ${those.length} rounds, back after ${median} ms (median), ${most} ms (most)`);
  }
}
