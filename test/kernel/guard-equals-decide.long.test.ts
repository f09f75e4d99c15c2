// The kernel agrees with decide(): 20,000 binds by real programs, under random profiles.
import { test } from 'node:test';
import { GuardFixture, guardReady } from '../support/guard.ts';
import { VerdictComparison } from '../support/guard-equals.ts';
import { needs, probe } from '../support/probe.ts';

const FIRST_SEED = 1000;
const PROFILES = 1000;
const REQUESTS = 20;
const REASON_MIN = 30;

test('20,000 verdicts of the kernel are those of decide()', async (t) => {
  if (!guardReady(t) || !needs(t, probe.command('python3'))) return;
  const comparison = await VerdictComparison.on(await GuardFixture.open(t));
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROFILES; seed++) await comparison.compare(seed, REQUESTS);
  comparison.finish(t, REASON_MIN);
});
