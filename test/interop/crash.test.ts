/** Nothing that was acknowledged is lost by kill -9: some rounds of it. */

import { test } from 'node:test';
import { crashRounds } from '../support/crash.ts';

test('20 times kill -9 under load: every acknowledged change holds', async (t) => {
  await crashRounds(t, 20, Date.now() % 2 ** 32);
});
