// Enforcing, observing and looking at a guard, over a host in memory.
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
async function applied(text = RESERVED, changes: Partial<Pick<InspectDeps, 'uid' | 'askDaemon'>> = {}) {
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
  test('enforces what was applied, and names the sockets that are open against it', async () => {
    const { host, steps, changeTo } = await applied();
    const { state, concerned } = changeTo('enforce');
    assert.deepEqual([state.mode, state.revision, host.enforcingMs], ['enforce', 1, state.since]);
    assert.ok(!(concerned instanceof PortreeveError));
    assert.equal(concerned.impacts.refused, 1);
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['settled', 'checked'],
    );
  });

  test('is marked when it begins to enforce, and not again while it does', async () => {
    const { host, changeTo } = await applied();
    changeTo('observe');
    assert.equal(host.enforcingMs, undefined);
    changeTo('enforce');
    const since = host.enforcingMs;
    host.advance(1000);
    changeTo('enforce');
    assert.deepEqual([since !== undefined, host.enforcingMs], [true, since]);
  });

  test('is not started where the kernel cannot do it exactly and that is wanted', async () => {
    const { host, steps, changeTo } = await applied(LATE);
    assert.throws(() => changeTo('enforce', true), code('GUARD_INEXACT'));
    assert.ok(steps.some((step) => step.step === 'checked' && step.limits.length > 0));
    assert.deepEqual([host.inKernel, host.enforcingMs], [undefined, undefined]);
  });

  test('is not there where a call of the kernel fails, and is not marked', async () => {
    for (const index of [0, 3, 10, 40, 100]) {
      const { host, changeTo } = await applied();
      host.bpf.failAt(index);
      assert.throws(() => changeTo('enforce'), code('BPF_CALL'));
      assert.deepEqual([guardState(host.deps, CHOICES.pins), host.enforcingMs], [undefined, undefined]);
    }
  });
});

describe('looking at it', () => {
  test('root sees the kernel, and what is held against the rules', async () => {
    const { host, changeTo } = await applied();
    changeTo('enforce');
    const found = await inspectGuard(host.deps, REQUEST);
    assert.ok('guard' in found && 'revision' in found.guard);
    assert.deepEqual([found.guard.mode, found.guard.revision], ['enforce', 1]);
    assert.deepEqual([found.inspected?.held?.refused, found.lacks.missing], [1, []]);
    const restarts = inspectRestarts(host.deps, USUAL_PLACES, CHOICES);
    assert.deepEqual([restarts?.guard.revision, restarts?.impacts.refused], [1, 1]);
  });

  test('where the guard is at another place, its rules are not known', async () => {
    const { host, changeTo } = await applied();
    changeTo('enforce');
    const places = { state: undefined, pins: CHOICES.pins };
    const found = await inspectGuard(host.deps, { ...REQUEST, places });
    assert.ok('guard' in found);
    assert.deepEqual(
      [found.inspected, found.lacks.limits],
      [{ held: undefined, assignable: undefined }, undefined],
    );
  });

  test('where it is off, nothing is held against it', async () => {
    const { host } = await applied();
    const found = await inspectGuard(host.deps, REQUEST);
    assert.ok('guard' in found);
    assert.deepEqual([found.guard, found.inspected], [{ mode: 'off' }, undefined]);
    assert.equal(inspectRestarts(host.deps, USUAL_PLACES, CHOICES), undefined);
  });

  test('everybody else has what the daemon reports, and root has it where its daemon is named', async () => {
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

  test('what the daemon does not report is not known; a bug is not taken for that', async () => {
    const askDaemon = async () => {
      throw new PortreeveError('DAEMON_ABSENT', 'no portreeve daemon answers');
    };
    const { host } = await applied(RESERVED, { uid: 1000, askDaemon });
    await assert.rejects(inspectGuard(host.deps, REQUEST), code('GUARD_UNKNOWN'));
    const broken = async () => {
      throw new TypeError('a bug');
    };
    await assert.rejects(inspectGuard({ ...host.deps, askDaemon: broken }, REQUEST), TypeError);
  });
});
