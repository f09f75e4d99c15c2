// Tables are swapped while programs bind: each bind is judged by the old or the new ones, never by a mixture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTER } from '../../src/guard/app/kernel/maps.ts';
import { ALICE, BOUND, type Setup, setup, WEB } from '../support/guard-setup.ts';
import { swapUnderLoad } from '../support/guard-swaps.ts';
import { until } from '../support/sandbox.ts';

/** The maps that an action creates. */
function mapsMade({ fixture }: Setup, act: () => void): number {
  const before = fixture.bpf.made.length;
  act();
  return fixture.bpf.made.length - before;
}

/** The map of units is removed with its tables, so that the kernel adds no units to tables that are not in force. */
const UNITS_MADE = 1;

/** This many reservations that each need a rule. */
const withRules = (count: number): string =>
  `PORT\n${Array.from({ length: count }, (_, i) => ` ${10_000 + i} TCP JOB${i} SHAREPORT`).join('\n')}\n`;

test('8 processes bind while the tables are swapped 40 times: each time by one profile or the other', (t) =>
  swapUnderLoad(t, 40));

test('the maps of earlier tables are reused, without their contents', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel, bpf } = at.fixture;
  const swap = (text: string, users: readonly (readonly [number, string])[]) =>
    mapsMade(at, () => at.fixture.inForce(text, { users }));
  assert.equal(
    swap('PORT 4000 TCP WEB\n', [[1000, 'WEB']]),
    OUTER.length,
    'the set that was never in force has none',
  );
  assert.equal(swap('PORT 4001 TCP WEB\n', [[1000, 'WEB']]), UNITS_MADE);
  assert.equal(swap('PORT 4002 TCP ALICE\n', [[1001, 'ALICE']]), UNITS_MADE);
  assert.deepEqual([await at.bind(4000, ALICE), await at.bind(4001, ALICE)], [BOUND, BOUND]);
  assert.deepEqual([await at.bind(4002, ALICE), await at.bind(4002, WEB)], [BOUND, 'EACCES']);
  // The user of the earlier tables has no job now.
  assert.equal(kernel.updateJobs(at.fixture.jobs({}), { cgroups: [], users: [1001] }), true);
  assert.equal(swap('PORT 4003 TCP OMVS\n', [[1001, 'ALICE']]), UNITS_MADE);
  assert.deepEqual([await at.bind(4003, ALICE), await at.bind(4003, WEB)], [BOUND, 'EACCES']);
  // The templates of the inner maps, and the units of tables that are no longer in force.
  const gone = OUTER.length + 4 * UNITS_MADE;
  await until('what is not needed to go', () => bpf.left().length === bpf.made.length - gone);
});

test('more rules than there is room for get another map, and a large map is not kept', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf } = at.fixture;
  const swap = (rules: number) => mapsMade(at, () => at.inForce(withRules(rules)));
  swap(0);
  assert.equal(swap(100), UNITS_MADE);
  const before = bpf.left().length;
  assert.equal(swap(20_000), UNITS_MADE + 1);
  assert.equal(swap(100), UNITS_MADE);
  await until('the many rules to go', () => bpf.left().length === before - 1);
  assert.equal(swap(200), UNITS_MADE + 1, 'the large map was freed');
  assert.deepEqual([await at.bind(10_000, WEB), await at.bind(10_200, WEB)], ['EACCES', BOUND]);
});
