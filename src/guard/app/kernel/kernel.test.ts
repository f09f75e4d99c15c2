// Changes of a guard, call by call: where one fails the old tables stay in force, or the new ones are, whole.
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
import { GuardKernel } from './kernel.ts';
import { removeGuard } from './pinned.ts';
import type { TableMaker } from './put-in.ts';

const { pins } = PLACE;
const TRIAL_MS = 1000;
const MS_NS = 1_000_000n;
const NO_ONE = { cgroups: [], users: [] };

/** What binds are judged by with the tables of a revision in force. */
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

/** The same when the trial has ended by itself. */
function goneBack(): Setup {
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

/** Another process opens it and can do with it what it wants. */
function assertUsable(kernel: SimBpfKernel): void {
  const bpf = new SimBpf(kernel);
  const guard = opened(bpf);
  guard.settle(() => undefined);
  guard.goBack();
  swapTo(guard, 9);
  assert.equal(judged(kernel), by(9));
  guard.remove();
  bpf.end();
}

describe('putting tables in force', () => {
  test('is all at once, and says since when and which', () => {
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
    test(`leaves the old ones or the new ones in force, whole, when a call ${fate}`, () => {
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
            assert.equal(guard.hasGoneBack, false);
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

  test('is refused while a trial goes on, and until one that has ended is settled', () => {
    const { kernel, guard } = onTrial();
    assert.throws(() => swapTo(guard, 3), { code: 'GUARD_TRIAL' });
    assert.equal(judged(kernel), by(2));
    endTrial(kernel);
    assert.throws(() => swapTo(guard, 3), { code: 'GUARD_TRIAL_ENDED' });
    assert.equal(judged(kernel), by(1));
  });

  test('is refused over others than those that were seen', () => {
    const { kernel, guard } = enforced();
    const over = guard.swapInForce;
    swapTo(opened(new SimBpf(kernel)), 2);
    assert.throws(() => swapTo(guard, 3, undefined, over), { code: 'GUARD_MOVED' });
    assert.equal(judged(kernel), by(2));
    swapTo(guard, 3, undefined, guard.swapInForce);
    assert.equal(judged(kernel), by(3));
  });

  test('is refused in a guard that has gone, or that another one has replaced', () => {
    const { kernel, guard } = enforced();
    const other = new SimBpf(kernel);
    removeGuard(other, pins);
    assert.throws(() => swapTo(guard, 2), { code: 'GUARD_GONE' });
    GuardKernel.install(other, PLACE, inForce(5)).close();
    for (const act of [
      () => swapTo(guard, 2),
      () => guard.setMode('enforce'),
      () => guard.confirm(),
      () => guard.meanwhile(() => assert.fail()),
    ]) {
      assert.throws(act, { code: 'GUARD_GONE' });
    }
    assert.equal(judged(kernel), by(5, 'off'));
  });
});

describe('a trial', () => {
  test('is in force up to its last moment, and what was before it from then on', () => {
    const { kernel, guard } = onTrial();
    assert.deepEqual([guard.state().trialMs, guard.hasGoneBack], [TRIAL_MS, false]);
    kernel.now += BigInt(TRIAL_MS) * MS_NS;
    assert.equal(judged(kernel), by(2));
    kernel.now += 1n;
    assert.equal(judged(kernel), by(1));
    assert.deepEqual([guard.state().revision, guard.hasGoneBack], [1, true]);
  });

  test('goes back to what was before it, whichever set of tables that is in', () => {
    for (const swaps of [0, 1, 2]) {
      const { kernel, guard } = enforced();
      for (let i = 0; i < swaps; i++) swapTo(guard, 3 + i);
      const before = judged(kernel);
      swapTo(guard, 2, TRIAL_MS);
      endTrial(kernel);
      assert.equal(judged(kernel), before);
    }
  });

  test('that is confirmed stays; there is nothing to confirm without one, or when it has ended', () => {
    const { kernel, guard } = onTrial();
    assert.equal(guard.confirm(), true);
    assert.equal(guard.confirm(), false);
    endTrial(kernel);
    assert.equal(judged(kernel), by(2));
    assert.equal(goneBack().guard.confirm(), false);
    assert.equal(enforced().guard.confirm(), false);
  });

  test('that is taken back is at once what was before it', () => {
    const { kernel, guard } = onTrial();
    assert.equal(guard.goBack(), true);
    assert.equal(judged(kernel), by(1));
    assert.equal(guard.hasGoneBack, false);
    assert.equal(guard.goBack(), false);
    endTrial(kernel);
    assert.equal(judged(kernel), by(1));
    assert.equal(goneBack().guard.goBack(), false);
  });

  test('that is taken back is over for every program before its time is forgotten', () => {
    const { bpf, guard } = onTrial();
    const waits: unknown[] = [];
    const call = bpf.call.bind(bpf);
    bpf.call = (name, act) => {
      if (name === 'update ports') waits.push([guard.state().revision, guard.state().trialMs]);
      return call(name, act);
    };
    guard.goBack();
    assert.deepEqual(waits, [
      [1, TRIAL_MS],
      [1, undefined],
    ]);
  });

  test('whose process was killed just before it would have begun leaves what is in force', () => {
    for (const isOver of [false, true]) {
      const { bpf, kernel, guard } = enforced();
      const map = bpf.openMap(`${pins}/config`) ?? assert.fail('no config');
      new ConfigMemory(map).set64('deadline', kernel.now + BigInt(TRIAL_MS) * MS_NS);
      if (isOver) endTrial(kernel);
      assert.equal(isOver ? guard.settle(() => true) : guard.goBack(), true);
      assert.equal(judged(kernel), by(1));
    }
  });

  test('that has ended is settled when it is recorded which revision is in force again', () => {
    const { kernel, guard } = goneBack();
    assert.throws(() => guard.settle(() => assert.fail('not recorded')), /not recorded/);
    assert.equal(guard.hasGoneBack, true);
    assert.equal(
      guard.settle((revision) => revision),
      1,
    );
    assert.equal(guard.hasGoneBack, false);
    assert.equal(
      guard.settle(() => assert.fail('settled twice')),
      undefined,
    );
    assert.equal(judged(kernel), by(1));
    const running = onTrial();
    assert.equal(
      running.guard.settle(() => assert.fail('it goes on')),
      undefined,
    );
    assert.equal(judged(running.kernel), by(2));
  });

  const ends: Readonly<
    Record<string, readonly [begin: () => Setup, act: (guard: GuardKernel) => unknown, after: number[]]>
  > = {
    confirmed: [onTrial, (guard) => guard.confirm(), [1, 2]],
    'taken back': [onTrial, (guard) => guard.goBack(), [1]],
    settled: [goneBack, (guard) => guard.settle(() => true), [1]],
  };
  for (const [name, [begin, act, after]] of Object.entries(ends)) {
    for (const fate of ['fails', 'dies'] as const) {
      test(`that is ${name} leaves one of the two in force for good when a call ${fate}`, () => {
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

  test('stays as it was when a call fails', () => {
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

  test('that come and go are put into the tables in force, and into both during a trial', () => {
    const { kernel, guard } = onTrial();
    guard.renew(makerOf(1));
    assert.equal(guard.updateJobs(changed(2000), { cgroups: [], users: [WEB_UID] }), true);
    assert.equal(judged(kernel), 'enforce 4002 for 2000');
    endTrial(kernel);
    assert.equal(judged(kernel), 'enforce 4001 for 2000');
  });

  test('are not put into tables that this process does not know, until it has made them itself', () => {
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

describe('making the tables anew', () => {
  const jobs = (): Jobs => ({ ...webJob(), users: new Map([...webJob().users].map(([, job]) => [7, job])) });

  test('exchanges jobs alone where they are the same, also during a trial', () => {
    const { kernel, guard } = onTrial();
    const before = guard.swapInForce;
    guard.renew({ ...makerOf(1), jobs });
    assert.equal(judged(kernel), 'enforce 4002 for 7');
    assert.equal(guard.swapInForce, before);
    endTrial(kernel);
    assert.equal(judged(kernel), 'enforce 4001 for 7');
  });

  test('puts others in force since the time of those before them, but not during a trial', () => {
    const others: TableMaker = { tablesOf: () => tablesOf(5), jobs };
    const { kernel, guard } = enforced();
    guard.renew(others);
    assert.equal(judged(kernel), 'enforce 4005 for 7');
    assert.equal(guard.state().since, NOW_MS);
    const trial = onTrial();
    assert.throws(() => trial.guard.renew(others), { code: 'GUARD_TRIAL' });
    assert.equal(judged(trial.kernel), by(2));
  });

  const meanwhile: Readonly<Record<string, (guard: GuardKernel) => void>> = {
    'has put others in force': (guard) => swapTo(guard, 3),
    'has begun a trial': (guard) => swapTo(guard, 3, TRIAL_MS),
    'has put others in force twice': (guard) => {
      swapTo(guard, 3);
      swapTo(guard, 4);
    },
  };
  for (const [name, act] of Object.entries(meanwhile)) {
    test(`is refused when another process ${name} meanwhile`, () => {
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
