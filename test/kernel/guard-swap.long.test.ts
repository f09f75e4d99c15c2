// Tables are swapped while programs bind: each bind is judged by the old or the new ones, never by a mixture.
import { test } from 'node:test';
import { swapUnderLoad } from '../support/guard-swaps.ts';

test('8 processes bind while the tables are swapped 200 times: each time by one profile or the other', (t) =>
  swapUnderLoad(t, 200));
