// Measures reaction times: from a refusal to the follower, and from the start of a unit to the kernel.

import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { reportDelays } from '../test/support/event-fixture.ts';
import { withSlice } from '../test/support/followed-slice.ts';

/** Milliseconds, one value per measurement. */
export interface Reactions {
  /** From a refused bind(2) until a follower receives its line. */
  readonly reportMs: readonly number[];
  /** From the start of a unit, with 200 others, until the kernel recognizes it. */
  readonly unitMs: readonly number[];
}

const TIMES = 30;
/** The pause between starts of units. */
const BETWEEN_MS = 20;

export async function measureReactions(times = TIMES): Promise<Reactions> {
  const reportMs = await onFixture((t) => reportDelays(t, times));
  const unitMs: number[] = [];
  await onFixture((t) =>
    withSlice(t, async ({ unit, known }) => {
      for (let i = 0; i < times; i++) {
        const directory = unit(`started-${i}`);
        mkdirSync(directory);
        unitMs.push(await known(directory));
        await pause(BETWEEN_MS);
      }
    }),
  );
  return { reportMs, unitMs };
}

/** Runs `act` with a fixture, and cleans up as after a test. */
async function onFixture<Result>(
  act: (t: { after(done: () => unknown): void }) => Promise<Result>,
): Promise<Result> {
  const closing: (() => unknown)[] = [];
  try {
    return await act({ after: (done) => void closing.push(done) });
  } finally {
    for (const close of closing) await close();
  }
}
