// Changes of a guard, call by call: where one fails, the old or the new tables are in force, complete.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertOnlyNames,
  atEachCall,
  GUARD_NAMES,
  inForce,
  judged,
  makerOf,
  NOW_MS,
  PLACE,
  tablesOf,
  WEB_UID,
  webJob,
} from '../../../../test/support/sim/guard.ts';
import { SimBpf, type SimBpfKernel } from '../../../../test/support/sim/kernel-bpf.ts';
import type { Jobs } from '../../../job/core/jobs.ts';
import { ConfigMemory } from './config-memory.ts';
import type { TableMaker } from './install.ts';
import { GuardKernel } from './kernel.ts';
import { removeGuard } from './pinned.ts';

const { pins } = PLACE;
const TRIAL_MS = 1000;
const MS_NS = 1_000_000n;
const NO_ONE = { cgroups: [], users: [] };

/** What judges binds with the tables of a revision in force. */
const by = (revision: number, mode = 'enforce'): string => `${mode} ${4000 + revision} for ${WEB_UID}`;

interface Setup {
  readonly bpf: SimBpf;
  readonly kernel: SimBpfKernel;
  readonly guard: GuardKernel;
}

/** A guard that enforces revision 1. */
function enforced(): Setup {
  const bpf = new SimBpf();
  const guard = GuardKernel.install(bpf, PLACE, inForce(1));
  guard.setMode('enforce');
  return { bpf, kernel: bpf.kernel, guard };
}

/** The same with revision 2 on trial. */
function onTrial(): Setup {
  const setup = enforced();
  swapTo(setup.guard, 2, TRIAL_MS);
  return setup;
}

/** The same after the trial has ended by itself. */
function revertedTrial(): Setup {
  const setup = onTrial();
  endTrial(setup.kernel);
  return setup;
}

function endTrial(kernel: SimBpfKernel): void {
  kernel.now += BigInt(TRIAL_MS) * MS_NS + 1n;
}

function swapTo(guard: GuardKernel, revision: number, trialMs?: number, over?: number): void {
  guard.swap(tablesOf(revision), webJob, NOW_MS + revision, trialMs, over);
}

const opened = (bpf: SimBpf, maker?: TableMaker): GuardKernel =>
  GuardKernel.open(bpf, pins, maker) ?? assert.fail('no guard');

/** Another process opens it and can do anything with it. */
function assertUsable(kernel: SimBpfKernel): void {
  const bpf = new SimBpf(kernel);
  const guard = opened(bpf);
  guard.settle(() => undefined);
  guard.revert();
  swapTo(guard, 9);
  assert.equal(judged(kernel), by(9));
  guard.remove();
  bpf.end();
}

describe('putting tables in force', () => {
  test('happens all at once, and is reported with time and revision', () => {
    const { kernel, guard } = enforced();
    assert.deepEqual([guard.state().revision, guard.state().since], [1, NOW_MS]);
    const before = guard.swapInForce;
    swapTo(guard, 2);
    assert.equal(judged(kernel), by(2));
    assert.deepEqual([guard.state().revision, guard.state().since], [2, NOW_MS + 2]);
    assert.notEqual(guard.swapInForce, before);
    swapTo(guard, 3);
    assert.equal(judged(kernel), by(3));
    assertOnlyNames(kernel, GUARD_NAMES);
  });

  for (const fate of ['fails', 'dies'] as const) {
    test(`leaves the old or the new ones in force, complete, when a call ${fate}`, () => {
      const seen = new Set<string>();
      const calls = atEachCall(
        fate,
        enforced,
        ({ guard }) => swapTo(guard, 2),
        ({ kernel, thrown }, { guard }) => {
          assert.ok(thrown instanceof Error);
          seen.add(judged(kernel));
          if (fate === 'fails') {
            assert.equal(judged(kernel), by(guard.state().revision));
            assert.equal(guard.hasReverted, false);
            swapTo(guard, 3);
            assert.equal(judged(kernel), by(3));
          }
          assertUsable(kernel);
        },
      );
      assert.ok(calls > 30, `${calls}`);
      assert.deepEqual([...seen], [by(1), by(2)]);
    });

    test(`on trial leaves the old ones, or the trial, when a call ${fate}`, () => {
      atEachCall(
        fate,
        enforced,
        ({ guard }) => swapTo(guard, 2, TRIAL_MS),
        ({ kernel }) => {
          assert.equal(judged(kernel), by(1));
          endTrial(kernel);
          assert.equal(judged(kernel), by(1));
          assertUsable(kernel);
        },
      );
    });
  }

  test('is refused during a trial, and until an ended one is settled', () => {
    const { kernel, guard } = onTrial();
    assert.throws(() => swapTo(guard, 3), { code: 'GUARD_TRIAL' });
    assert.equal(judged(kernel), by(2));
    endTrial(kernel);
    assert.throws(() => swapTo(guard, 3), { code: 'GUARD_TRIAL_ENDED' });
    assert.equal(judged(kernel), by(1));
  });

  test('is refused if other tables are in force than expected', () => {
    const { kernel, guard } = enforced();
    const over = guard.swapInForce;
    swapTo(opened(new SimBpf(kernel)), 2);
    assert.throws(() => swapTo(guard, 3, undefined, over), { code: 'GUARD_MOVED' });
    assert.equal(judged(kernel), by(2));
    swapTo(guard, 3, undefined, guard.swapInForce);
    assert.equal(judged(kernel), by(3));
  });

  test('is refused in a guard that is gone or was replaced', () => {
    const { kernel, guard } = enforced();
    const other = new SimBpf(kernel);
    removeGuard(other, pins);
    assert.throws(() => swapTo(guard, 2), { code: 'GUARD_GONE' });
    GuardKernel.install(other, PLACE, inForce(5)).close();
    for (const act of [
      () => swapTo(guard, 2),
      () => guard.setMode('enforce'),
      () => guard.confirm(),
      () => guard.locked(() => assert.fail()),
    ]) {
      assert.throws(act, { code: 'GUARD_GONE' });
    }
    assert.equal(judged(kernel), by(5, 'off'));
  });
});

describe('a trial', () => {
  test('is in force until its deadline, and from then on what was before it', () => {
    const { kernel, guard } = onTrial();
    assert.deepEqual([guard.state().trialMs, guard.hasReverted], [TRIAL_MS, false]);
    kernel.now += BigInt(TRIAL_MS) * MS_NS;
    assert.equal(judged(kernel), by(2));
    kernel.now += 1n;
    assert.equal(judged(kernel), by(1));
    assert.deepEqual([guard.state().revision, guard.hasReverted], [1, true]);
  });

  test('reverts to what was before it, in either set of tables', () => {
    for (const swaps of [0, 1, 2]) {
      const { kernel, guard } = enforced();
      for (let i = 0; i < swaps; i++) swapTo(guard, 3 + i);
      const before = judged(kernel);
      swapTo(guard, 2, TRIAL_MS);
      endTrial(kernel);
      assert.equal(judged(kernel), before);
    }
  });

  test('that is confirmed is permanent; without one, or after its end, there is nothing to confirm', () => {
    const { kernel, guard } = onTrial();
    assert.equal(guard.confirm(), true);
    assert.equal(guard.confirm(), false);
    endTrial(kernel);
    assert.equal(judged(kernel), by(2));
    assert.equal(revertedTrial().guard.confirm(), false);
    assert.equal(enforced().guard.confirm(), false);
  });

  test('that is reverted ends at once', () => {
    const { kernel, guard } = onTrial();
    assert.equal(guard.revert(), true);
    assert.equal(judged(kernel), by(1));
    assert.equal(guard.hasReverted, false);
    assert.equal(guard.revert(), false);
    endTrial(kernel);
    assert.equal(judged(kernel), by(1));
    assert.equal(revertedTrial().guard.revert(), false);
  });

  test('that is reverted is over for every program before its deadline is cleared', () => {
    const { bpf, guard } = onTrial();
    const waits: unknown[] = [];
    const call = bpf.call.bind(bpf);
    bpf.call = (name, act) => {
      if (name === 'update ports') waits.push([guard.state().revision, guard.state().trialMs]);
      return call(name, act);
    };
    guard.revert();
    assert.deepEqual(waits, [
      [1, TRIAL_MS],
      [1, undefined],
    ]);
  });

  test('whose process was killed just before it started leaves what is in force', () => {
    for (const isOver of [false, true]) {
      const { bpf, kernel, guard } = enforced();
      const map = bpf.openMap(`${pins}/config`) ?? assert.fail('no config');
      new ConfigMemory(map).set64('deadline', kernel.now + BigInt(TRIAL_MS) * MS_NS);
      if (isOver) endTrial(kernel);
      assert.equal(isOver ? guard.settle(() => true) : guard.revert(), true);
      assert.equal(judged(kernel), by(1));
    }
  });

  test('that has ended is settled when the revision in force again is recorded', () => {
    const { kernel, guard } = revertedTrial();
    assert.throws(() => guard.settle(() => assert.fail('not recorded')), /not recorded/);
    assert.equal(guard.hasReverted, true);
    assert.equal(
      guard.settle((revision) => revision),
      1,
    );
    assert.equal(guard.hasReverted, false);
    assert.equal(
      guard.settle(() => assert.fail('settled twice')),
      undefined,
    );
    assert.equal(judged(kernel), by(1));
    const running = onTrial();
    assert.equal(
      running.guard.settle(() => assert.fail('the trial has not ended')),
      undefined,
    );
    assert.equal(judged(running.kernel), by(2));
  });

  const ends: Readonly<
    Record<string, readonly [begin: () => Setup, act: (guard: GuardKernel) => unknown, after: number[]]>
  > = {
    confirmed: [onTrial, (guard) => guard.confirm(), [1, 2]],
    'taken back': [onTrial, (guard) => guard.revert(), [1]],
    settled: [revertedTrial, (guard) => guard.settle(() => true), [1]],
  };
  for (const [name, [begin, act, after]] of Object.entries(ends)) {
    for (const fate of ['fails', 'dies'] as const) {
      test(`that is ${name} leaves one of the two in force permanently when a call ${fate}`, () => {
        const ended = new Set<string>();
        atEachCall(
          fate,
          begin,
          ({ guard }) => act(guard),
          ({ kernel }) => {
            assert.ok([by(1), by(2)].includes(judged(kernel)));
            endTrial(kernel);
            ended.add(judged(kernel));
            assertUsable(kernel);
          },
        );
        assert.deepEqual(
          [...ended],
          after.map((revision) => by(revision)),
        );
      });
    }
  }
});

describe('the mode', () => {
  test('is one of three, and needs no swap', () => {
    const { kernel, guard } = enforced();
    for (const mode of ['observe', 'off', 'enforce'] as const) {
      guard.setMode(mode);
      assert.equal(guard.state().mode, mode);
      assert.equal(judged(kernel), by(1, mode));
    }
  });

  test('is unchanged when a call fails', () => {
    atEachCall(
      'fails',
      enforced,
      ({ guard }) => guard.setMode('off'),
      ({ kernel }) => assert.equal(judged(kernel), by(1)),
    );
  });
});

describe('jobs', () => {
  const changed = (uid: number): Jobs => ({
    cgroups: new Map(),
    users: new Map([...webJob().users].map(([, job]) => [uid, job])),
  });

  test('are added to and removed from the tables in force, and both sets during a trial', () => {
    const { kernel, guard } = onTrial();
    guard.renew(makerOf(1));
    assert.equal(guard.updateJobs(changed(2000), { cgroups: [], users: [WEB_UID] }), true);
    assert.equal(judged(kernel), 'enforce 4002 for 2000');
    endTrial(kernel);
    assert.equal(judged(kernel), 'enforce 4001 for 2000');
  });

  test('are not put into tables that this process does not know, until it has rebuilt them', () => {
    const { kernel, guard } = onTrial();
    const other = opened(new SimBpf(kernel));
    assert.equal(other.knowsTables, false);
    assert.equal(other.updateJobs(changed(2000), NO_ONE), false);
    assert.equal(judged(kernel), by(2));
    other.renew(makerOf(1));
    assert.equal(other.updateJobs(changed(2000), NO_ONE), true);
    assert.equal(judged(kernel), `enforce 4002 for ${WEB_UID} 2000`);
    assert.equal(guard.confirm(), true);
    swapTo(guard, 3);
    assert.equal(other.knowsTables, false);
  });
});

describe('rebuilding the tables', () => {
  const jobs = (): Jobs => ({ ...webJob(), users: new Map([...webJob().users].map(([, job]) => [7, job])) });

  test('replaces only jobs where the tables are the same, also during a trial', () => {
    const { kernel, guard } = onTrial();
    const before = guard.swapInForce;
    guard.renew({ ...makerOf(1), jobs });
    assert.equal(judged(kernel), 'enforce 4002 for 7');
    assert.equal(guard.swapInForce, before);
    endTrial(kernel);
    assert.equal(judged(kernel), 'enforce 4001 for 7');
  });

  test('puts changed tables in force with the time of those before, but not during a trial', () => {
    const others: TableMaker = { tablesOf: () => tablesOf(5), jobs };
    const { kernel, guard } = enforced();
    guard.renew(others);
    assert.equal(judged(kernel), 'enforce 4005 for 7');
    assert.equal(guard.state().since, NOW_MS);
    const trial = onTrial();
    assert.throws(() => trial.guard.renew(others), { code: 'GUARD_TRIAL' });
    assert.equal(judged(trial.kernel), by(2));
  });

  const locked: Readonly<Record<string, (guard: GuardKernel) => void>> = {
    'has put others in force': (guard) => swapTo(guard, 3),
    'has begun a trial': (guard) => swapTo(guard, 3, TRIAL_MS),
    'has put others in force twice': (guard) => {
      swapTo(guard, 3);
      swapTo(guard, 4);
    },
  };
  for (const [name, act] of Object.entries(locked)) {
    test(`is refused when another process ${name} in between`, () => {
      const { kernel, guard } = enforced();
      const other = opened(new SimBpf(kernel));
      const tables = () => {
        act(other);
        return tablesOf(5);
      };
      assert.throws(() => guard.renew({ ...makerOf(1), tablesOf: tables }), { code: 'GUARD_MOVED' });
      assert.match(judged(kernel), /^enforce 400[34] for/);
    });
  }
});
