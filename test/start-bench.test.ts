// The benchmark of the start of commands reports a command that misses its bound or was not measured.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS, judge, NOTHING, type Run, type Runs, report } from '../bench/commands-report.ts';

/** Three rounds, of which one was slow for every command; `ratio` is what each command takes to Node alone. */
function measured(ratio: (command: string) => number): Runs {
  const rounds = (base: number): Run[] =>
    [1, 5, 1].map((factor) => ({ ms: base * factor, cpuMs: base * factor }));
  return new Map([NOTHING, ...Object.keys(BOUNDS)].map((command) => [command, rounds(30 * ratio(command))]));
}

const usual = (command: string): number => (command === NOTHING ? 1 : (BOUNDS[command] ?? 0));
const missed = (runs: Runs): string[] =>
  judge(runs).flatMap(({ command, reached }) => (reached ? [] : [command]));

test('every bound holds, and is missed by a command that is slower', () => {
  assert.deepEqual(missed(measured(usual)), []);
  for (const slow of Object.keys(BOUNDS)) {
    assert.deepEqual(missed(measured((command) => usual(command) * (command === slow ? 1.01 : 1))), [slow]);
  }
});

test('a command that was not measured misses its bound', () => {
  const runs = new Map(measured(usual));
  runs.delete('who 80');
  assert.deepEqual(missed(runs), ['who 80']);
  runs.delete(NOTHING);
  assert.deepEqual(missed(runs), Object.keys(BOUNDS));
});

test('the report has every command', () => {
  const text = report(
    'root',
    measured((command) => (command === NOTHING ? 1 : 9)),
  );
  for (const command of [NOTHING, ...Object.keys(BOUNDS)]) assert.ok(text.includes(command));
  assert.equal(text.match(/MISSED$/gm)?.length, Object.keys(BOUNDS).length);
});
