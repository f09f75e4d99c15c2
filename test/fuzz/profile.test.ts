/** Random texts: parsing, formatting, executing and comparing must keep their properties. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzProfiles } from '../support/profile-fuzz.ts';

const MS = 20_000;
/** A fixed seed, so that the texts are the same each time; `npm run fuzz` uses others. */
const FIRST_SEED = 1;

test('the properties hold for random texts, for 20 seconds', (t) => {
  const { texts, valid, reservations } = fuzzProfiles(FIRST_SEED, MS);
  t.diagnostic(`${texts} texts, ${valid} of them without errors, ${reservations} reservations`);
  assert.ok(texts > 200, `only ${texts} texts`);
  assert.ok(valid > texts / 10, `only ${valid} of ${texts} texts were without errors`);
  assert.ok(reservations > texts, `only ${reservations} reservations in ${texts} texts`);
});
