/** Tests that no acknowledged change is lost by kill -9, in some rounds. */

import { test } from 'node:test';
import { crashRounds } from '../support/crash.ts';

test('acknowledged changes hold after 20 times kill -9 under load', async (t) => {
  await crashRounds(t, 20, Date.now() % 2 ** 32);
});
