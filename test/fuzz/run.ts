/**
 * Looks for texts that the profile does not hold its word about: `npm run fuzz -- [--minutes N] [--seed N]`.
 *
 * Each run looks at other texts; with --seed at the one of that seed alone, which a failure names. Exit code 0: nothing
 * was found; 1: a text was found, which is printed; 2: wrong usage.
 */

import { parseArgs } from 'node:util';
import { EXIT_CODES, messageOf } from '../../src/base/errors.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { type FuzzCounts, fuzzProfiles, fuzzSeed } from '../support/profile-fuzz.ts';

const MINUTES = '10';
const MINUTES_MAX = 24 * 60;
const SEED_MAX = 2 ** 31;

function choiceOf(args: string[]): { readonly minutes: number; readonly seed: number | undefined } {
  const options = { minutes: { type: 'string', default: MINUTES }, seed: { type: 'string' } } as const;
  const { minutes, seed } = parseArgs({ args, options }).values;
  return {
    minutes: decimal('--minutes', minutes, MINUTES_MAX),
    seed: seed === undefined ? undefined : decimal('--seed', seed, SEED_MAX),
  };
}

function decimal(option: string, text: string, max: number): number {
  const value = parseDecimal(text, max);
  if (value === undefined) throw new Error(`${option} "${text}" is no number from 0 to ${max}`);
  return value;
}

function found({ minutes, seed }: ReturnType<typeof choiceOf>): FuzzCounts {
  if (seed !== undefined) return fuzzSeed(seed);
  const firstSeed = Date.now() % SEED_MAX;
  console.log(`looking at texts from seed ${firstSeed} on, for ${minutes} minutes`);
  return fuzzProfiles(firstSeed, minutes * 60_000);
}

function main(args: string[]): number {
  let choice: ReturnType<typeof choiceOf>;
  try {
    choice = choiceOf(args);
  } catch (thrown) {
    console.error(`${messageOf(thrown)}\nusage: npm run fuzz -- [--minutes N] [--seed N]`);
    return EXIT_CODES.usage;
  }
  try {
    const { texts, sound, reservations } = found(choice);
    console.log(
      `${texts} texts, ${sound} of them without an error, ${reservations} reservations: nothing is wrong`,
    );
    return 0;
  } catch (thrown) {
    console.error(thrown);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
