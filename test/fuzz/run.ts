/**
 * Searches for texts that violate the properties of profiles: `npm run fuzz -- [--minutes N] [--seed N]`.
 *
 * Each run uses other texts; with --seed only the text of that seed, which a failure names. Exit code 0: no failure;
 * 1: a failing text was found and printed; 2: wrong usage.
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
  if (value === undefined) throw new Error(`${option} "${text}" is not a number from 0 to ${max}`);
  return value;
}

function fuzz({ minutes, seed }: ReturnType<typeof choiceOf>): FuzzCounts {
  if (seed !== undefined) return fuzzSeed(seed);
  const firstSeed = Date.now() % SEED_MAX;
  console.log(`testing texts from seed ${firstSeed}, for ${minutes} minutes`);
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
    const { texts, valid, reservations } = fuzz(choice);
    console.log(`${texts} texts, ${valid} of them without errors, ${reservations} reservations: no failures`);
    return 0;
  } catch (thrown) {
    console.error(thrown);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
