// The guard as a whole: the kernel and the archive agree on what is in force, whatever fails.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { putInOlder } from '../../../test/support/older-guard.ts';
import {
  assertNothingLeft,
  assertOnlyNames,
  atEachCall,
  GUARD_NAMES,
  judged,
  NOW_MS,
  PLACE,
  WEB_UID,
} from '../../../test/support/sim/guard.ts';
import { CHOICES, LONG_NS, NOTE, SimGuardHost as Setup } from '../../../test/support/sim/guard-host.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import { GUARD_ABI, SETTINGS } from '../bpf/layout.ts';
import {
  confirmTrial,
  findGuard,
  guardState,
  makerOf,
  settleTrial,
  startGuard,
  stopGuard,
  tablesOf,
} from './guard.ts';

const TRIAL_MS = 1000;

const by = (revision: number, mode = 'enforce'): string => `${mode} ${4000 + revision} for ${WEB_UID}`;
/** For what must not be recorded. */
const unrecorded = (): never => assert.fail('it was recorded');

/** A host on which this many revisions were applied. */
function applied(count: number): Setup {
  const setup = new Setup();
  for (let i = 0; i < count; i++) setup.record();
  return setup;
}

/** The same with a guard that enforces the first revision. */
function guarded(mode: 'enforce' | 'observe' = 'enforce'): Setup {
  const setup = applied(1);
  startGuard(setup.deps, CHOICES, mode);
  setup.done.length = 0;
  return setup;
}

/** The same with the second revision on trial. */
function onTrial(): Setup {
  const setup = guarded();
  setup.change(TRIAL_MS);
  setup.done.length = 0;
  return setup;
}

const older = (abi = 2): Setup => {
  const setup = applied(1);
  putInOlder(setup.bpf, PLACE, { mode: 'enforce', users: [[WEB_UID, 'WEB']], namespaces: [], abi });
  return setup;
};

describe('starting', () => {
  test('is refused where no profile was applied, and leaves nothing behind', () => {
    const setup = applied(0);
    assert.throws(() => startGuard(setup.deps, CHOICES, 'enforce'), { code: 'NOTHING_APPLIED' });
    assertNothingLeft(setup.kernel);
  });

  test('enforces the profile in force, after the reserved ports are excluded from assignment', () => {
    const setup = applied(2);
    const { state, notes } = startGuard(setup.deps, CHOICES, 'enforce');
    assert.equal(judged(setup.kernel), by(2));
    assert.deepEqual([state.mode, state.revision, state.since, notes], ['enforce', 2, NOW_MS, [NOTE]]);
    assert.deepEqual(setup.done, ['granted  while nothing', `apply 4002 everywhere while ${by(2, 'off')}`]);
    assert.deepEqual(setup.bpf.opened, []);
    assertOnlyNames(setup.kernel, GUARD_NAMES);
  });

  test('observes first, and then permits the assignment of reserved ports again', () => {
    const setup = guarded();
    startGuard(setup.deps, CHOICES, 'observe');
    assert.equal(judged(setup.kernel), by(1, 'observe'));
    assert.equal(setup.done.at(-1), `restore ${setup.bpf.namespace} while ${by(1, 'observe')}`);
  });

  test('puts in force what was applied since then', () => {
    const setup = guarded('observe');
    setup.record();
    assert.equal(startGuard(setup.deps, CHOICES, 'enforce').state.revision, 2);
    assert.equal(judged(setup.kernel), by(2));
  });

  test('does not change a trial', () => {
    const setup = onTrial();
    const { state } = startGuard(setup.deps, CHOICES, 'observe');
    assert.deepEqual([state.trialMs, judged(setup.kernel)], [TRIAL_MS, by(2, 'observe')]);
  });

  test('can be limited to one cgroup', () => {
    const setup = applied(1);
    const cgroup = '/sys/fs/cgroup/web.slice';
    setup.kernel.cgroups.set(cgroup, 2n);
    startGuard(setup.deps, { ...CHOICES, cgroup }, 'enforce');
    assert.equal(judged(setup.kernel), 'nothing');
    assert.equal(judged(setup.kernel, cgroup), by(1));
    assert.equal(setup.done.at(-1), 'apply 4001 while nothing');
    startGuard(setup.deps, { ...CHOICES, cgroup }, 'observe');
    const elsewhere = { ...CHOICES, cgroup: PLACE.cgroup };
    assert.throws(() => startGuard(setup.deps, elsewhere, 'enforce'), { code: 'GUARD_ELSEWHERE' });
    assert.equal(judged(setup.kernel, cgroup), by(1, 'observe'));
    assert.deepEqual(setup.bpf.opened, []);
  });

  test('installs the guard again where its cgroup is gone, and replaces an older one', () => {
    const gone = guarded();
    gone.kernel.removeCgroup(PLACE.cgroup);
    gone.kernel.cgroups.set(PLACE.cgroup, 5n);
    startGuard(gone.deps, CHOICES, 'enforce');
    assert.equal(judged(gone.kernel), by(1));
    const setup = older();
    startGuard(setup.deps, CHOICES, 'enforce');
    assert.equal(judged(setup.kernel), by(1));
    assertOnlyNames(setup.kernel, GUARD_NAMES);
  });

  test('is refused for a newer guard, which is not changed', () => {
    const setup = older(GUARD_ABI + 1);
    const before = judged(setup.kernel);
    assert.throws(() => startGuard(setup.deps, CHOICES, 'observe'), { code: 'GUARD_NEWER' });
    assert.equal(judged(setup.kernel), before);
  });

  test('does not replace what another process has just put in force', () => {
    const setup = guarded();
    const heads = setup.archive.heads.bind(setup.archive);
    let isFirst = true;
    setup.archive.heads = () => {
      const before = heads();
      if (isFirst) {
        isFirst = false;
        setup.another().change();
      }
      return before;
    };
    assert.throws(() => startGuard(setup.deps, CHOICES, 'enforce'), { code: 'GUARD_MOVED' });
    assert.equal(judged(setup.kernel), by(2));
  });

  test('covers the namespaces in portreeve.toml, whose lists are written before', () => {
    const setup = applied(1);
    setup.namespaces.set(77n, { paths: ['/run/netns/web'] });
    const choices = { ...CHOICES, namespaces: ['/run/netns/web', '/run/netns/none'] };
    const { state, notes } = startGuard(setup.deps, choices, 'enforce');
    assert.deepEqual(state.namespaces, [setup.bpf.namespace, 77n]);
    assert.ok(setup.done.includes(`prepare 77 /run/netns/web while ${by(1, 'off')}`));
    assert.deepEqual(
      notes.map(({ code }) => code),
      ['NAMESPACE_ABSENT', 'LIST', 'LIST'],
    );
    const observed = applied(1);
    observed.namespaces.set(77n, { paths: ['/run/netns/web'] });
    startGuard(observed.deps, choices, 'observe');
    assert.ok(!observed.done.some((done) => done.startsWith('prepare')));
  });

  test('leaves nothing in the kernel or in the lists when a call fails the first time', () => {
    const act = ({ deps }: Setup) => startGuard(deps, CHOICES, 'enforce');
    const calls = atEachCall(
      'fails',
      () => applied(1),
      act,
      ({ bpf, kernel, thrown }, { done }) => {
        assert.deepEqual(bpf.opened, []);
        if (thrown === undefined) {
          assert.equal(judged(kernel), by(1));
          return;
        }
        assertNothingLeft(kernel);
        if (done.some((one) => one.startsWith('apply')))
          assert.equal(done.at(-1), 'restore 4026 while nothing');
      },
    );
    assert.ok(calls > 80, `${calls}`);
  });

  test('leaves the old or the new tables in force when a call fails, and never enforces old ones', () => {
    const begin = () => {
      const setup = guarded('observe');
      setup.record();
      return setup;
    };
    const act = ({ deps }: Setup) => startGuard(deps, CHOICES, 'enforce');
    atEachCall('fails', begin, act, ({ bpf, kernel }) => {
      assert.ok([by(1, 'observe'), by(2, 'observe'), by(2)].includes(judged(kernel)), judged(kernel));
      assert.deepEqual(bpf.opened, []);
    });
  });
});

describe('stopping', () => {
  test('leaves nothing behind, and restores the lists', () => {
    const setup = guarded();
    assert.deepEqual(stopGuard(setup.deps, PLACE.pins), [NOTE]);
    assertNothingLeft(setup.kernel);
    assert.deepEqual(setup.done, ['restore 4026 while nothing']);
    assert.equal(stopGuard(setup.deps, PLACE.pins), undefined);
  });

  test('finishes the work of a process that was killed', () => {
    const setup = guarded();
    setup.bpf.removeDirectory(PLACE.pins);
    setup.bpf.makeDirectory(`${PLACE.pins}-new`);
    assert.equal(stopGuard(setup.deps, PLACE.pins), undefined);
    assertOnlyNames(setup.kernel, []);
    assert.equal(setup.done.at(-1), 'restore 4026 while nothing');
  });

  test('removes an older guard, but not a newer one', () => {
    const setup = older();
    assert.deepEqual(stopGuard(setup.deps, PLACE.pins), [NOTE]);
    assertOnlyNames(setup.kernel, []);
    const newer = older(GUARD_ABI + 1);
    assert.throws(() => stopGuard(newer.deps, PLACE.pins), { code: 'GUARD_NEWER' });
    assert.notEqual(judged(newer.kernel), 'nothing');
    assert.deepEqual(newer.done, []);
  });

  test('can be repeated when a call fails', () => {
    const act = ({ deps }: Setup) => stopGuard(deps, PLACE.pins);
    atEachCall('fails', guarded, act, ({ bpf, kernel }, setup) => {
      assert.deepEqual(bpf.opened, []);
      stopGuard(setup.deps, PLACE.pins);
      assertOnlyNames(kernel, []);
      assert.equal(setup.done.at(-1), 'restore 4026 while nothing');
    });
  });
});

describe('a change', () => {
  test('is only recorded where there is no guard, and cannot be tried', () => {
    const setup = applied(1);
    assert.deepEqual(setup.change(), { revision: 2, guard: undefined, notes: [] });
    assert.throws(() => setup.change(TRIAL_MS, unrecorded), { code: 'GUARD_ABSENT' });
    assertOnlyNames(setup.kernel, []);
  });

  test('is in the kernel before it is recorded, and not on trial afterwards', () => {
    const setup = guarded();
    const { revision, guard, notes } = setup.change(undefined, () => {
      assert.equal(judged(setup.kernel), by(2));
      return setup.record();
    });
    assert.deepEqual([revision, guard?.revision, guard?.trialMs, notes], [2, 2, undefined, [NOTE]]);
    assert.deepEqual(setup.done, [`granted  while ${by(1)}`, `apply 4002 everywhere while ${by(2)}`]);
    setup.assertAgrees();
    assert.equal(judged(setup.kernel), by(2));
  });

  test('does not change the lists in observe mode or during a trial', () => {
    const setup = guarded('observe');
    assert.deepEqual(setup.change().notes, []);
    const trial = guarded();
    const { guard, notes } = trial.change(TRIAL_MS);
    assert.deepEqual([guard?.trialMs, notes], [TRIAL_MS, []]);
    for (const { done } of [setup, trial])
      assert.ok(
        done.every((one) => one.startsWith('granted')),
        `${done}`,
      );
  });

  test('that cannot be recorded reverts', () => {
    const setup = guarded();
    assert.throws(() => setup.change(undefined, () => assert.fail('the disk is full')), /the disk is full/);
    assert.equal(judged(setup.kernel), by(1));
    setup.assertAgrees();
    assert.equal(judged(setup.kernel), by(1));
  });

  test('that takes long to be recorded is put in force then', () => {
    const setup = guarded();
    const { guard } = setup.change(undefined, () => {
      setup.kernel.now += LONG_NS;
      assert.equal(judged(setup.kernel), by(1));
      return setup.record();
    });
    assert.deepEqual([guard?.revision, guard?.trialMs], [2, undefined]);
    setup.assertAgrees();
    assert.equal(judged(setup.kernel), by(2));
  });

  test('is refused during another trial, and not recorded', () => {
    const setup = onTrial();
    assert.throws(() => setup.change(undefined, unrecorded), { code: 'GUARD_TRIAL' });
    assert.equal(judged(setup.kernel), by(2));
  });

  for (const trialMs of [undefined, TRIAL_MS]) {
    for (const fate of ['fails', 'dies'] as const) {
      const name = trialMs === undefined ? 'for good' : 'on trial';
      test(`${name} leaves the kernel and the archive in agreement when a call ${fate}`, () => {
        const calls = atEachCall(
          fate,
          guarded,
          (setup) => setup.change(trialMs),
          ({ bpf, kernel }, setup) => {
            if (fate === 'fails') assert.deepEqual(bpf.opened, []);
            assert.ok([by(1), by(2)].includes(judged(kernel)), judged(kernel));
            setup.another().assertAgrees();
          },
        );
        assert.ok(calls > 40, `${calls}`);
      });
    }
  }
});

describe('a trial', () => {
  test('that is confirmed is kept, and its reserved ports are excluded from assignment', () => {
    const setup = onTrial();
    assert.equal(setup.archive.onTrial(), 2);
    const confirmed = confirmTrial(setup.deps, CHOICES);
    assert.deepEqual([confirmed?.state.revision, confirmed?.state.trialMs], [2, undefined]);
    assert.deepEqual(
      [setup.archive.onTrial(), setup.done],
      [undefined, [`apply 4002 everywhere while ${by(2)}`]],
    );
    assert.equal(confirmTrial(setup.deps, CHOICES), undefined);
    setup.assertAgrees();
    assert.equal(judged(setup.kernel), by(2));
  });

  test('cannot be confirmed without a guard or after its end', () => {
    assert.throws(() => confirmTrial(applied(1).deps, CHOICES), { code: 'GUARD_ABSENT' });
    const setup = onTrial();
    setup.kernel.now += LONG_NS;
    assert.equal(confirmTrial(setup.deps, CHOICES), undefined);
    assert.equal(setup.archive.onTrial(), 2);
  });

  test('that has ended is recorded as the revision before it, once', () => {
    const setup = onTrial();
    assert.equal(settleTrial(setup.deps, CHOICES, unrecorded), undefined);
    setup.kernel.now += LONG_NS;
    assert.equal(settleTrial(setup.deps, CHOICES, setup.recordAgain), 3);
    assert.equal(profileInForce(setup.archive).head?.again, 1);
    assert.equal(settleTrial(setup.deps, CHOICES, unrecorded), undefined);
    assert.equal(judged(setup.kernel), by(1));
  });

  test('of a guard that is gone is recorded as the revision before it, if there was one', () => {
    const detached = onTrial();
    detached.kernel.removeCgroup(PLACE.cgroup);
    const removed = onTrial();
    stopGuard(removed.deps, PLACE.pins);
    for (const { deps, archive, recordAgain } of [detached, removed]) {
      assert.equal(settleTrial(deps, CHOICES, recordAgain), 3);
      assert.equal(profileInForce(archive).head?.again, 1);
    }
    const first = applied(0);
    first.record(true);
    assert.equal(settleTrial(first.deps, CHOICES, unrecorded), undefined);
    assert.equal(settleTrial(applied(2).deps, CHOICES, unrecorded), undefined);
  });

  test('that another portreeve has confirmed is kept', () => {
    const setup = guarded();
    setup.change(undefined, () => setup.record(true));
    assert.equal(setup.archive.onTrial(), 2);
    assert.equal(settleTrial(setup.deps, CHOICES, unrecorded), undefined);
    assert.equal(setup.archive.onTrial(), undefined);
    const other = guarded();
    other.record(true);
    settleTrial(other.deps, CHOICES, unrecorded);
    assert.equal(other.archive.onTrial(), 2, 'it is not the revision in force');
  });

  const ends: Readonly<Record<string, (setup: Setup) => unknown>> = {
    confirmed: ({ deps }) => confirmTrial(deps, CHOICES),
    settled: (setup) => {
      setup.kernel.now += LONG_NS;
      settleTrial(setup.deps, CHOICES, setup.recordAgain);
    },
  };
  for (const [name, act] of Object.entries(ends)) {
    for (const fate of ['fails', 'dies'] as const) {
      test(`that is ${name} leaves the kernel and the archive in agreement when a call ${fate}`, () => {
        atEachCall(fate, onTrial, act, ({ bpf }, setup) => {
          if (fate === 'fails') assert.deepEqual(bpf.opened, []);
          setup.another().assertAgrees();
        });
      });
    }
  }
});

describe('findGuard()', () => {
  test('returns the state or, for another version, what is known', () => {
    assert.equal(findGuard(applied(1).deps, PLACE.pins), undefined);
    const { deps } = guarded();
    assert.deepEqual(guardState(deps, PLACE.pins), findGuard(deps, PLACE.pins));
    assert.equal(guardState(deps, PLACE.pins)?.revision, 1);
    assert.throws(() => guardState(older().deps, PLACE.pins), { code: 'GUARD_OLDER' });
    assert.throws(() => guardState(older(GUARD_ABI + 1).deps, PLACE.pins), { code: 'GUARD_NEWER' });
  });
});

describe('the tables', () => {
  test('are those of a revision, or of the latest', () => {
    const { tablesOf: make } = makerOf(applied(2).deps, CHOICES);
    const revision = (number?: number) => SETTINGS.read(new DataView(make(number).settings.buffer)).revision;
    assert.deepEqual([revision(1), revision(2), revision()], [1, 2, 2]);
    assert.throws(() => make(3), { code: 'REVISION_UNKNOWN' });
    assert.throws(() => makerOf(applied(0).deps, CHOICES).tablesOf(undefined), { code: 'NOTHING_APPLIED' });
  });

  test('depend on the settings and the host, and the granted ports are recorded', () => {
    const setup = applied(0);
    setup.record(false, 'PORT\n 53 UDP WEB\n 54 UDP RESERVED\n 80 TCP WEB\n');
    setup.files = { '/proc/sys/net/ipv4/ip_unprivileged_port_start': '80\n' };
    const choices = { ...CHOICES, errno: 'EADDRINUSE', errnoLow: 'EACCES' } as const;
    const { settings } = tablesOf(profileInForce(setup.archive), 9, setup.deps, choices);
    const { errno, errnoLow, unprivilegedStart, noDelayUs, revision } = SETTINGS.read(
      new DataView(settings.buffer),
    );
    assert.deepEqual([errno, errnoLow, unprivilegedStart, noDelayUs, revision], [98, 13, 80, 8000, 9]);
    assert.deepEqual(setup.done, ['granted 53 while nothing']);
  });
});
