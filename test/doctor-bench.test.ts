// Tests of the doctor benchmark: missed limits and missing measurements are reported.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COMMANDS,
  type Command,
  CROWDS,
  judge,
  type Measured,
  ratio,
  report,
} from '../bench/doctor-report.ts';

/** Times that meet all limits. */
const USUAL: Readonly<Record<Command, number>> = {
  'ss -tulnp': 100,
  'lsof -i -P -n': 250,
  'netstat -tulnp': 100,
  'ss -Htlnp sport = :PORT': 90,
  'portreeve ports --listening': 110,
  'portreeve who PORT': 60,
  'portreeve explain PORT': 140,
  'portreeve ports --listening, with a daemon': 55,
  'portreeve who PORT, with a daemon': 50,
  'the first read, in process': 80,
  'a second read after one change, in process': 9,
};

/** Three rounds. One was slower for all commands. */
function measured(change: Partial<Record<Command, number>> = {}): Measured {
  const times = { ...USUAL, ...change };
  const rounds = (command: Command) => [1, 5, 1].map((factor) => times[command] * factor);
  return new Map(
    CROWDS.map((crowd) => [crowd, new Map(COMMANDS.map((command) => [command, rounds(command)]))]),
  );
}

const missed = (all: Measured): number => judge(all).filter(({ reached }) => !reached).length;

test('all limits are met, and each is missed if its command is too slow', () => {
  assert.equal(missed(measured()), 0);
  const slow: readonly (readonly [command: Command, ms: number, bounds: number])[] = [
    ['portreeve ports --listening', 121, 1],
    ['portreeve ports --listening', 126, 2],
    ['portreeve who PORT', 64, 1],
    ['portreeve explain PORT', 151, 1],
    ['portreeve ports --listening, with a daemon', 61, 1],
    ['portreeve who PORT, with a daemon', 64, 1],
    ['a second read after one change, in process', 10.1, 1],
  ];
  for (const [command, ms, bounds] of slow) {
    assert.equal(missed(measured({ [command]: ms })), bounds * CROWDS.length, `${command} ${ms}`);
  }
});

test('ratios are computed within each round, and their median counts', () => {
  const times = new Map<Command, number[]>([
    ['ss -tulnp', [100, 500, 100]],
    ['portreeve ports --listening', [110, 550, 900]],
  ]);
  assert.equal(ratio(times, 'portreeve ports --listening', 'ss -tulnp'), 1.1);
});

test('a missing measurement misses its limit, and the report shows it', () => {
  const all = new Map([...measured()].slice(0, 1));
  const rows = judge(all);
  assert.equal(rows.filter(({ reached }) => !reached).length, rows.length / 2);
  assert.match(report(all, rows), /MISSED[\s\S]*\n8 of 16 limits met\.$/);
});
