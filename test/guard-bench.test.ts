// Tests of the guard benchmark: missed limits and missing measurements are reported.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELLS, type Cell, idOf, judge, type Measured, ratio, report } from '../bench/guard-report.ts';

const OTHERS = {
  inForceMs: [100, 120, 400],
  kernelBytes: 1_000_000,
  reportMs: [2, 3, 100],
  unitMs: [1, 2, 1000],
};
const NONE: Cell = { family: 'IPv4', policy: 'none', path: 'allowed' };
const ALLOWED: Cell = { family: 'IPv4', policy: 60_000, path: 'allowed' };

/** Three rounds. One was slower for all cells. `factorOf` is the cost of a bind relative to no policy. */
function measured(factorOf: (cell: Cell) => number): Measured {
  return new Map(CELLS.map((cell) => [idOf(cell), [1000, 1000, 5000].map((ns) => ns * factorOf(cell))]));
}

const usual = ({ policy: one, path }: Cell): number => {
  if (path === 'connect' || one === 'none') return 1;
  return one === 'list' ? 1.05 : 1.04;
};

const missed = (cells: Measured, others = OTHERS): string[] =>
  judge(cells, others).flatMap(({ reached, what }) => (reached ? [] : [what]));

test('all limits are met, and each is missed if its value is too large', () => {
  assert.deepEqual(missed(measured(usual)), []);
  const slow = measured((cell) => usual(cell) + (idOf(cell) === idOf(ALLOWED) ? 0.05 : 0));
  assert.deepEqual(missed(slow), [
    'IPv4, 60,000 reservations, allowed, relative to no program',
    'IPv4, 60,000 reservations, allowed, relative to 10 reservations',
    'IPv4, 60,000 reservations, allowed, relative to a list of 128 rules',
  ]);
  const touched = measured(
    (cell) => usual(cell) + (cell.path === 'connect' && cell.policy !== 'none' ? 0.05 : 0),
  );
  assert.deepEqual(missed(touched), [
    'IPv4, 60,000 reservations, connect and accept, relative to no program',
    'IPv6, 60,000 reservations, connect and accept, relative to no program',
  ]);
  assert.equal(missed(measured(usual), { ...OTHERS, inForceMs: [100, 151, 151] }).length, 1);
  assert.equal(missed(measured(usual), { ...OTHERS, kernelBytes: 4_000_001 }).length, 1);
  assert.equal(missed(measured(usual), { ...OTHERS, reportMs: [2, 3, 101] }).length, 1);
  assert.equal(missed(measured(usual), { ...OTHERS, unitMs: [1001, 1001, 1] }).length, 2);
});

test('ratios are computed within each round, and their median counts', () => {
  const rounds = new Map([
    [idOf(NONE), [1000, 5000, 1000]],
    [idOf(ALLOWED), [1040, 5200, 2000]],
  ]);
  assert.equal(ratio(rounds, ALLOWED, NONE), 1.04);
});

test('a missing measurement misses its limit, and the report shows it', () => {
  const without = new Map([...measured(usual)].filter(([id]) => id !== idOf(ALLOWED)));
  const rows = judge(without, OTHERS);
  assert.equal(rows.filter(({ reached }) => !reached).length, 3);
  const text = report(without, rows);
  assert.equal(text.match(/MISSED/g)?.length, 3);
  assert.match(text, /35 of 38 limits met\.$/);
});
