/** Texts that are nearly profiles: they are read, written, carried out and compared as it is promised. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzProfiles } from '../support/profile-fuzz.ts';

const MS = 20_000;
/** The same texts each time, so far as the machine comes; `npm run fuzz` looks at others. */
const FIRST_SEED = 1;

test('texts that are nearly profiles, for 20 seconds', (t) => {
  const { texts, sound, reservations } = fuzzProfiles(FIRST_SEED, MS);
  t.diagnostic(`${texts} texts, ${sound} of them without an error, ${reservations} reservations`);
  assert.ok(texts > 200, `only ${texts} texts`);
  assert.ok(sound > texts / 10, `only ${sound} of ${texts} texts were without an error`);
  assert.ok(reservations > texts, `only ${reservations} reservations in ${texts} texts`);
});
