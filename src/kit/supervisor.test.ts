// The supervisor: restarts with an exponential delay, kills a process that hangs, and stops on request.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simHost } from '../../test/support/sim/host.ts';
import type { SimChild } from '../../test/support/sim/processes.ts';
import {
  RESTART_DELAY_MAX_MS,
  RESTART_DELAY_MIN_MS,
  RESTART_RECOVERED_MS,
  START_TIMEOUT_MS,
  STOP_GRACE_MS,
} from '../base/limits.ts';
import type { ChildEnd } from '../host/host.ts';
import { Supervisor } from './supervisor.ts';

/** A supervisor on a simulated host. */
function supervised() {
  const { clock, processes } = simHost();
  const deaths: { readonly end: ChildEnd; readonly delay: number }[] = [];
  const supervisor = new Supervisor(clock, {
    start: (onEnd) => processes.start({ argv: ['node'], fds: [], onLine: () => undefined, onEnd }),
    onDied: (end, delay) => deaths.push({ end, delay }),
  });
  const latest = (): SimChild => processes.started.at(-1) ?? assert.fail('nothing was started');
  return { clock, supervisor, deaths, started: processes.started, latest };
}

describe('a process that dies', () => {
  test('is restarted after 20 ms, doubled each time up to 10 s', () => {
    const { clock, supervisor, deaths, started, latest } = supervised();
    supervisor.start();
    for (let i = 0; i < 10; i++) {
      latest().exit(1);
      assert.equal(supervisor.state, 'waiting');
      assert.equal(supervisor.child, undefined);
      const delay = deaths.at(-1)?.delay ?? 0;
      clock.advance(delay - 1);
      assert.equal(started.length, i + 1);
      clock.advance(1);
      assert.equal(started.length, i + 2);
      assert.equal(supervisor.state, 'starting');
    }
    assert.deepEqual(
      deaths.map(({ delay }) => delay),
      [20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_000],
    );
    assert.equal(supervisor.restarts, 10);
    assert.deepEqual([RESTART_DELAY_MIN_MS, RESTART_DELAY_MAX_MS], [20, 10_000]);
  });

  test('is restarted with the shortest delay after it ran for 30 s', () => {
    for (const [ranFor, expected] of [
      [RESTART_RECOVERED_MS, RESTART_DELAY_MIN_MS],
      [RESTART_RECOVERED_MS - 1, RESTART_DELAY_MIN_MS * 4],
    ] as const) {
      const { clock, supervisor, deaths, latest } = supervised();
      supervisor.start();
      for (let i = 0; i < 2; i++) {
        latest().exit(1);
        clock.advance(RESTART_DELAY_MAX_MS);
      }
      supervisor.ready();
      clock.advance(ranFor);
      latest().die('SIGSEGV');
      assert.deepEqual(deaths.at(-1), { end: { code: null, signal: 'SIGSEGV' }, delay: expected });
    }
  });

  test('keeps its delay if it was never ready', () => {
    const { clock, supervisor, deaths, latest } = supervised();
    supervisor.start();
    latest().exit(1);
    clock.advance(RESTART_DELAY_MIN_MS);
    clock.advance(START_TIMEOUT_MS - 1);
    latest().exit(1);
    assert.equal(deaths.at(-1)?.delay, RESTART_DELAY_MIN_MS * 2);
  });
});

describe('a process that starts', () => {
  test('is killed and restarted if it is not ready after 10 s', () => {
    const { clock, supervisor, deaths, started, latest } = supervised();
    supervisor.start();
    clock.advance(START_TIMEOUT_MS - 1);
    assert.deepEqual(latest().signals, []);
    clock.advance(1);
    assert.deepEqual(deaths, [{ end: { code: null, signal: 'SIGKILL' }, delay: RESTART_DELAY_MIN_MS }]);
    clock.advance(RESTART_DELAY_MIN_MS);
    assert.equal(started.length, 2);
  });

  test('is not killed once it is ready', () => {
    const { clock, supervisor, latest } = supervised();
    supervisor.start();
    assert.equal(supervisor.state, 'starting');
    supervisor.ready();
    assert.equal(supervisor.state, 'running');
    clock.advance(10 * START_TIMEOUT_MS);
    assert.deepEqual([latest().signals, clock.pending], [[], 0]);
  });

  test('is not ready if it dies before it reports so', () => {
    const { clock, supervisor, deaths, latest } = supervised();
    supervisor.start();
    latest().exit(1);
    supervisor.ready();
    assert.equal(supervisor.state, 'waiting');
    clock.advance(100);
    assert.equal(supervisor.state, 'starting');
    assert.equal(deaths.length, 1);
  });
});

describe('a process that is stopped', () => {
  /** Whether a promise is settled, without waiting for it. */
  async function isSettled(promise: Promise<void>): Promise<boolean> {
    return (await Promise.race([promise.then(() => 'settled'), Promise.resolve('waits')])) === 'settled';
  }

  test('ends by itself when its channel is closed', async () => {
    const { clock, supervisor, deaths, started, latest } = supervised();
    supervisor.start();
    supervisor.ready();
    const stopped = supervisor.stop();
    assert.deepEqual([supervisor.state, latest().isChannelOpen], ['stopping', false]);
    assert.equal(await isSettled(stopped), false);
    clock.advance(STOP_GRACE_MS - 1);
    latest().exit(0);
    await stopped;
    clock.advance(10 * RESTART_DELAY_MAX_MS);
    assert.deepEqual([supervisor.state, started.length, latest().signals], ['stopped', 1, []]);
    assert.deepEqual([deaths, clock.pending], [[], 0]);
  });

  test('is killed if it does not end within 500 ms', async () => {
    const { clock, supervisor, latest } = supervised();
    supervisor.start();
    supervisor.ready();
    const stopped = supervisor.stop();
    clock.advance(499);
    assert.deepEqual(latest().signals, []);
    clock.advance(1);
    await stopped;
    assert.deepEqual([latest().signals, supervisor.state], [['SIGKILL'], 'stopped']);
    assert.equal(STOP_GRACE_MS, 500);
  });

  test('while it starts is not killed by the start timeout', async () => {
    const { clock, supervisor, latest } = supervised();
    supervisor.start();
    clock.advance(START_TIMEOUT_MS - 100);
    const stopped = supervisor.stop();
    clock.advance(100);
    assert.deepEqual(latest().signals, []);
    latest().exit(0);
    await stopped;
    assert.equal(clock.pending, 0);
  });

  test('while it waits for a restart is not restarted', async () => {
    const { clock, supervisor, started, latest } = supervised();
    supervisor.start();
    latest().exit(1);
    await supervisor.stop();
    clock.advance(10 * RESTART_DELAY_MAX_MS);
    assert.deepEqual([supervisor.state, started.length], ['stopped', 1]);
  });

  test('twice is stopped once, and both calls resolve', async () => {
    const { clock, supervisor, latest } = supervised();
    supervisor.start();
    const both = [supervisor.stop(), supervisor.stop()];
    clock.advance(100);
    latest().exit(0);
    await Promise.all(both);
    await supervisor.stop();
    assert.equal(supervisor.state, 'stopped');
  });

  test('before it was started is stopped', async () => {
    const { supervisor, started } = supervised();
    await supervisor.stop();
    assert.deepEqual([supervisor.state, started.length], ['stopped', 0]);
  });
});
