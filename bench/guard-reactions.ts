/** How soon what changes is known: a refusal to somebody who follows, a unit that begins to the kernel. */

import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { reportDelays } from '../test/support/event-fixture.ts';
import { withSlice } from '../test/support/followed-slice.ts';

/** Milliseconds, each time. */
export interface Reactions {
  /** From a refused bind(2) until a follower has its line. */
  readonly reportMs: readonly number[];
  /** From the beginning of a unit, beside 200 others, until the kernel knows it. */
  readonly unitMs: readonly number[];
}

const TIMES = 30;
/** A unit begins now and then: its follower has nothing else to do. */
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

/** Does something with a stage, which goes after it as it goes after a test. */
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
