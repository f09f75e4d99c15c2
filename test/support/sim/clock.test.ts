// Tests of the simulated clock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SIM_START_MS, SimClock } from './clock.ts';

describe('a simulated clock', () => {
  test('does not advance by itself', () => {
    const clock = new SimClock();
    assert.deepEqual([clock.now(), clock.monotonic()], [SIM_START_MS, 0]);
    clock.advance(1500);
    assert.deepEqual([clock.now(), clock.monotonic()], [SIM_START_MS + 1500, 1500]);
    assert.equal(new SimClock(7).now(), 7);
  });

  test('runs due timers in order of time, then of creation', () => {
    const clock = new SimClock();
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name} at ${clock.monotonic()}`);
    clock.after(20, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(31, note('d'));
    clock.advance(9);
    assert.deepEqual(ran, []);
    clock.advance(21);
    assert.deepEqual(ran, ['a at 10', 'b at 10', 'c at 20']);
    assert.deepEqual([clock.pending, clock.monotonic()], [1, 30]);
  });

  test('runs timers that are created during advance(), if due', () => {
    const clock = new SimClock();
    const ran: number[] = [];
    const again = (): void => {
      ran.push(clock.monotonic());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(35);
    assert.deepEqual(ran, [10, 20, 30]);
  });

  test('does not run cancelled timers, even if cancelled by an earlier timer', () => {
    const clock = new SimClock();
    let ran = false;
    const late = clock.after(20, () => {
      ran = true;
    });
    clock.after(10, () => late.cancel());
    clock.advance(100);
    assert.deepEqual([ran, clock.pending], [false, 0]);
  });

  test('runs a timer without delay when time passes, not at once', () => {
    const clock = new SimClock();
    let ran = 0;
    clock.after(-5, () => ran++);
    assert.equal(ran, 0);
    clock.advance(0);
    assert.deepEqual([ran, clock.monotonic()], [1, 0]);
  });
});
