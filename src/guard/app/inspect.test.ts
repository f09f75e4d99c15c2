// Enforcing, observing and inspecting a guard on a simulated host.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHOICES, GuardHostInMemory, USUAL_PLACES } from '../../../test/support/guard-use-cases.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { changeMode, type ModeStep } from './change-mode.ts';
import { guardState } from './guard.ts';
import { type InspectDeps, inspectGuard, inspectRestarts } from './inspect.ts';

const [RESERVED, LATE] = ['PORT 4001 TCP RESERVED\n', 'PORT\n  80 TCP WEB\n  UNRSV TCP * DENY\n'];
const ANY = parseIp('0.0.0.0') ?? assert.fail();
const REQUEST = {
  places: USUAL_PLACES,
  isDaemonNamed: false,
  pins: CHOICES.pins,
  choices: async () => CHOICES,
};

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof PortreeveError && thrown.code === expected;

/** A host on which a profile was applied, and a socket holds the port that it reserves for no one. */
async function applied(text = RESERVED, changes: Partial<Pick<InspectDeps, 'uid' | 'queryDaemon'>> = {}) {
  const host = new GuardHostInMemory(changes);
  await host.change(text);
  host.sockets.open({ local: { address: ANY, port: 4001 }, uid: 1000 });
  const steps: ModeStep[] = [];
  const changeTo = (mode: 'enforce' | 'observe', isExact = false) => {
    steps.length = 0;
    return changeMode(host.deps, { mode, choices: CHOICES, isExact }, (step) => void steps.push(step));
  };
  return { host, steps, changeTo };
}

describe('a guard that is started', () => {
  test('enforces the profile in force, and lists the open sockets that violate it', async () => {
    const { host, steps, changeTo } = await applied();
    const { state, affected } = changeTo('enforce');
    assert.deepEqual([state.mode, state.revision, host.enforcingMs], ['enforce', 1, state.since]);
    assert.ok(!(affected instanceof PortreeveError));
    assert.equal(affected.impacts.refused, 1);
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['settled', 'checked'],
    );
  });

  test('records when it starts to enforce, and not again while it does', async () => {
    const { host, changeTo } = await applied();
    changeTo('observe');
    assert.equal(host.enforcingMs, undefined);
    changeTo('enforce');
    const since = host.enforcingMs;
    host.advance(1000);
    changeTo('enforce');
    assert.deepEqual([since !== undefined, host.enforcingMs], [true, since]);
  });

  test('is not started with --exact where the kernel cannot enforce the profile exactly', async () => {
    const { host, steps, changeTo } = await applied(LATE);
    assert.throws(() => changeTo('enforce', true), code('GUARD_INEXACT'));
    assert.ok(steps.some((step) => step.step === 'checked' && step.limits.length > 0));
    assert.deepEqual([host.inKernel, host.enforcingMs], [undefined, undefined]);
  });

  test('is not there where a call of the kernel fails, and records nothing', async () => {
    for (const index of [0, 3, 10, 40, 100]) {
      const { host, changeTo } = await applied();
      host.bpf.failAt(index);
      assert.throws(() => changeTo('enforce'), code('BPF_CALL'));
      assert.deepEqual([guardState(host.deps, CHOICES.pins), host.enforcingMs], [undefined, undefined]);
    }
  });
});

describe('inspecting it', () => {
  test('root sees the kernel, and the sockets that violate the rules', async () => {
    const { host, changeTo } = await applied();
    changeTo('enforce');
    const found = await inspectGuard(host.deps, REQUEST);
    assert.ok('guard' in found && 'revision' in found.guard);
    assert.deepEqual([found.guard.mode, found.guard.revision], ['enforce', 1]);
    assert.deepEqual([found.inspected?.affected?.refused, found.lacks.missing], [1, []]);
    const restarts = inspectRestarts(host.deps, USUAL_PLACES, CHOICES);
    assert.deepEqual([restarts?.guard.revision, restarts?.impacts.refused], [1, 1]);
  });

  test('the rules of a guard at another place are unknown', async () => {
    const { host, changeTo } = await applied();
    changeTo('enforce');
    const places = { state: undefined, pins: CHOICES.pins };
    const found = await inspectGuard(host.deps, { ...REQUEST, places });
    assert.ok('guard' in found);
    assert.deepEqual(
      [found.inspected, found.lacks.limits],
      [{ affected: undefined, assignable: undefined }, undefined],
    );
  });

  test('a guard that is off has no such sockets', async () => {
    const { host } = await applied();
    const found = await inspectGuard(host.deps, REQUEST);
    assert.ok('guard' in found);
    assert.deepEqual([found.guard, found.inspected], [{ mode: 'off' }, undefined]);
    assert.equal(inspectRestarts(host.deps, USUAL_PLACES, CHOICES), undefined);
  });

  test('other users get the report of the daemon, and so does root if the daemon is named', async () => {
    const { host, changeTo } = await applied();
    changeTo('enforce');
    for (const [uid, isDaemonNamed] of [
      [1000, false],
      [0, true],
    ] as const) {
      const found = await inspectGuard({ ...host.deps, uid }, { ...REQUEST, isDaemonNamed });
      assert.ok('guard' in found);
      assert.deepEqual([found.guard, found.inspected], [{ mode: 'off' }, undefined]);
    }
  });

  test('what the daemon does not report is unknown, but a bug is thrown', async () => {
    const queryDaemon = async () => {
      throw new PortreeveError('DAEMON_ABSENT', 'no portreeve daemon answers');
    };
    const { host } = await applied(RESERVED, { uid: 1000, queryDaemon });
    await assert.rejects(inspectGuard(host.deps, REQUEST), code('GUARD_UNKNOWN'));
    const broken = async () => {
      throw new TypeError('a bug');
    };
    await assert.rejects(inspectGuard({ ...host.deps, queryDaemon: broken }, REQUEST), TypeError);
  });
});
