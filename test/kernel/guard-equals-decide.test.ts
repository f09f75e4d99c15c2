// The kernel agrees with decide(): 500 binds by real programs, under random profiles.
import { test } from 'node:test';
import { GuardFixture, guardReady } from '../support/guard.ts';
import { VerdictComparison } from '../support/guard-equals.ts';
import { needs, probe } from '../support/probe.ts';

const PROFILES = 25;
const REQUESTS = 20;

test('500 verdicts of the kernel are those of decide()', async (t) => {
  if (!guardReady(t) || !needs(t, probe.command('python3'))) return;
  const comparison = await VerdictComparison.on(await GuardFixture.open(t));
  for (let seed = 1; seed <= PROFILES; seed++) await comparison.compare(seed, REQUESTS);
  comparison.finish(t, 1);
});
