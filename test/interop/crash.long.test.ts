/** Tests that no acknowledged change is lost by kill -9, in many rounds. */

import { test } from 'node:test';
import { crashRounds } from '../support/crash.ts';

test('acknowledged changes hold after 1,000 times kill -9 under load', async (t) => {
  await crashRounds(t, 1000, Date.now() % 2 ** 32);
});
