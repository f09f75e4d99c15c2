// The guard as a whole: the kernel and the archive agree on what is in force, whatever fails on the way.
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
import { CHOICES, LONG_NS, NOTE, SimGuardHost as Scene } from '../../../test/support/sim/guard-host.ts';
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

/** A host on which so many revisions were applied. */
function applied(count: number): Scene {
  const scene = new Scene();
  for (let i = 0; i < count; i++) scene.record();
  return scene;
}

/** The same with a guard that enforces the first one. */
function guarded(mode: 'enforce' | 'observe' = 'enforce'): Scene {
  const scene = applied(1);
  startGuard(scene.deps, CHOICES, mode);
  scene.done.length = 0;
  return scene;
}

/** The same with the second one on trial. */
function onTrial(): Scene {
  const scene = guarded();
  scene.change(TRIAL_MS);
  scene.done.length = 0;
  return scene;
}

const older = (abi = 2): Scene => {
  const scene = applied(1);
  putInOlder(scene.bpf, PLACE, { mode: 'enforce', users: [[WEB_UID, 'WEB']], namespaces: [], abi });
  return scene;
};

describe('starting', () => {
  test('is refused where nothing was applied, and leaves nothing', () => {
    const scene = applied(0);
    assert.throws(() => startGuard(scene.deps, CHOICES, 'enforce'), { code: 'NOTHING_APPLIED' });
    assertNothingLeft(scene.kernel);
  });

  test('enforces what is in force, when reserved ports are no longer assigned', () => {
    const scene = applied(2);
    const { state, notes } = startGuard(scene.deps, CHOICES, 'enforce');
    assert.equal(judged(scene.kernel), by(2));
    assert.deepEqual([state.mode, state.revision, state.since, notes], ['enforce', 2, NOW_MS, [NOTE]]);
    assert.deepEqual(scene.done, ['granted  while nothing', `apply 4002 everywhere while ${by(2, 'off')}`]);
    assert.deepEqual(scene.bpf.opened, []);
    assertOnlyNames(scene.kernel, GUARD_NAMES);
  });

  test('observes first, and then gives reserved ports back to automatic assignment', () => {
    const scene = guarded();
    startGuard(scene.deps, CHOICES, 'observe');
    assert.equal(judged(scene.kernel), by(1, 'observe'));
    assert.equal(scene.done.at(-1), `restore ${scene.bpf.namespace} while ${by(1, 'observe')}`);
  });

  test('puts in force what was applied since', () => {
    const scene = guarded('observe');
    scene.record();
    assert.equal(startGuard(scene.deps, CHOICES, 'enforce').state.revision, 2);
    assert.equal(judged(scene.kernel), by(2));
  });

  test('leaves a trial as it is', () => {
    const scene = onTrial();
    const { state } = startGuard(scene.deps, CHOICES, 'observe');
    assert.deepEqual([state.trialMs, judged(scene.kernel)], [TRIAL_MS, by(2, 'observe')]);
  });

  test('is for one cgroup', () => {
    const scene = applied(1);
    const cgroup = '/sys/fs/cgroup/web.slice';
    scene.kernel.cgroups.set(cgroup, 2n);
    startGuard(scene.deps, { ...CHOICES, cgroup }, 'enforce');
    assert.equal(judged(scene.kernel), 'nothing');
    assert.equal(judged(scene.kernel, cgroup), by(1));
    assert.equal(scene.done.at(-1), 'apply 4001 while nothing');
    startGuard(scene.deps, { ...CHOICES, cgroup }, 'observe');
    const elsewhere = { ...CHOICES, cgroup: PLACE.cgroup };
    assert.throws(() => startGuard(scene.deps, elsewhere, 'enforce'), { code: 'GUARD_ELSEWHERE' });
    assert.equal(judged(scene.kernel, cgroup), by(1, 'observe'));
    assert.deepEqual(scene.bpf.opened, []);
  });

  test('puts it in anew where its cgroup is gone, and takes an older one over', () => {
    const gone = guarded();
    gone.kernel.removeCgroup(PLACE.cgroup);
    gone.kernel.cgroups.set(PLACE.cgroup, 5n);
    startGuard(gone.deps, CHOICES, 'enforce');
    assert.equal(judged(gone.kernel), by(1));
    const scene = older();
    startGuard(scene.deps, CHOICES, 'enforce');
    assert.equal(judged(scene.kernel), by(1));
    assertOnlyNames(scene.kernel, GUARD_NAMES);
  });

  test('refuses a newer one, which stays', () => {
    const scene = older(GUARD_ABI + 1);
    const before = judged(scene.kernel);
    assert.throws(() => startGuard(scene.deps, CHOICES, 'observe'), { code: 'GUARD_NEWER' });
    assert.equal(judged(scene.kernel), before);
  });

  test('does not replace what another process has put in force meanwhile', () => {
    const scene = guarded();
    const heads = scene.archive.heads.bind(scene.archive);
    let isFirst = true;
    scene.archive.heads = () => {
      const before = heads();
      if (isFirst) {
        isFirst = false;
        scene.another().change();
      }
      return before;
    };
    assert.throws(() => startGuard(scene.deps, CHOICES, 'enforce'), { code: 'GUARD_MOVED' });
    assert.equal(judged(scene.kernel), by(2));
  });

  test('holds in the namespaces of portreeve.toml, whose lists are written before', () => {
    const scene = applied(1);
    scene.namespaces.set(77n, { paths: ['/run/netns/web'] });
    const choices = { ...CHOICES, namespaces: ['/run/netns/web', '/run/netns/none'] };
    const { state, notes } = startGuard(scene.deps, choices, 'enforce');
    assert.deepEqual(state.namespaces, [scene.bpf.namespace, 77n]);
    assert.ok(scene.done.includes(`prepare 77 /run/netns/web while ${by(1, 'off')}`));
    assert.deepEqual(
      notes.map(({ code }) => code),
      ['NAMESPACE_ABSENT', 'LIST', 'LIST'],
    );
    const observed = applied(1);
    observed.namespaces.set(77n, { paths: ['/run/netns/web'] });
    startGuard(observed.deps, choices, 'observe');
    assert.ok(!observed.done.some((done) => done.startsWith('prepare')));
  });

  test('leaves nothing in the kernel nor in the lists when a call fails the first time', () => {
    const act = ({ deps }: Scene) => startGuard(deps, CHOICES, 'enforce');
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

  test('leaves the old tables or the new ones in force when a call fails, and never enforces old ones', () => {
    const begin = () => {
      const scene = guarded('observe');
      scene.record();
      return scene;
    };
    const act = ({ deps }: Scene) => startGuard(deps, CHOICES, 'enforce');
    atEachCall('fails', begin, act, ({ bpf, kernel }) => {
      assert.ok([by(1, 'observe'), by(2, 'observe'), by(2)].includes(judged(kernel)), judged(kernel));
      assert.deepEqual(bpf.opened, []);
    });
  });
});

describe('stopping', () => {
  test('leaves nothing, and gives the lists back', () => {
    const scene = guarded();
    assert.deepEqual(stopGuard(scene.deps, PLACE.pins), [NOTE]);
    assertNothingLeft(scene.kernel);
    assert.deepEqual(scene.done, ['restore 4026 while nothing']);
    assert.equal(stopGuard(scene.deps, PLACE.pins), undefined);
  });

  test('finishes what a process began that was killed', () => {
    const scene = guarded();
    scene.bpf.removeDirectory(PLACE.pins);
    scene.bpf.makeDirectory(`${PLACE.pins}-new`);
    assert.equal(stopGuard(scene.deps, PLACE.pins), undefined);
    assertOnlyNames(scene.kernel, []);
    assert.equal(scene.done.at(-1), 'restore 4026 while nothing');
  });

  test('takes an older one out, and no newer one', () => {
    const scene = older();
    assert.deepEqual(stopGuard(scene.deps, PLACE.pins), [NOTE]);
    assertOnlyNames(scene.kernel, []);
    const newer = older(GUARD_ABI + 1);
    assert.throws(() => stopGuard(newer.deps, PLACE.pins), { code: 'GUARD_NEWER' });
    assert.notEqual(judged(newer.kernel), 'nothing');
    assert.deepEqual(newer.done, []);
  });

  test('can be done again when a call fails', () => {
    const act = ({ deps }: Scene) => stopGuard(deps, PLACE.pins);
    atEachCall('fails', guarded, act, ({ bpf, kernel }, scene) => {
      assert.deepEqual(bpf.opened, []);
      stopGuard(scene.deps, PLACE.pins);
      assertOnlyNames(kernel, []);
      assert.equal(scene.done.at(-1), 'restore 4026 while nothing');
    });
  });
});

describe('a change', () => {
  test('is recorded alone where there is no guard, and cannot be tried', () => {
    const scene = applied(1);
    assert.deepEqual(scene.change(), { revision: 2, guard: undefined, notes: [] });
    assert.throws(() => scene.change(TRIAL_MS, unrecorded), { code: 'GUARD_ABSENT' });
    assertOnlyNames(scene.kernel, []);
  });

  test('is in the kernel before it is recorded, and not on trial afterwards', () => {
    const scene = guarded();
    const { revision, guard, notes } = scene.change(undefined, () => {
      assert.equal(judged(scene.kernel), by(2));
      return scene.record();
    });
    assert.deepEqual([revision, guard?.revision, guard?.trialMs, notes], [2, 2, undefined, [NOTE]]);
    assert.deepEqual(scene.done, [`granted  while ${by(1)}`, `apply 4002 everywhere while ${by(2)}`]);
    scene.assertAgrees();
    assert.equal(judged(scene.kernel), by(2));
  });

  test('leaves the lists alone where it is only observed, and while it is tried', () => {
    const scene = guarded('observe');
    assert.deepEqual(scene.change().notes, []);
    const trial = guarded();
    const { guard, notes } = trial.change(TRIAL_MS);
    assert.deepEqual([guard?.trialMs, notes], [TRIAL_MS, []]);
    for (const { done } of [scene, trial])
      assert.ok(
        done.every((one) => one.startsWith('granted')),
        `${done}`,
      );
  });

  test('that cannot be recorded goes back', () => {
    const scene = guarded();
    assert.throws(() => scene.change(undefined, () => assert.fail('the disk is full')), /the disk is full/);
    assert.equal(judged(scene.kernel), by(1));
    scene.assertAgrees();
    assert.equal(judged(scene.kernel), by(1));
  });

  test('that takes long to be recorded is put in force when it is', () => {
    const scene = guarded();
    const { guard } = scene.change(undefined, () => {
      scene.kernel.now += LONG_NS;
      assert.equal(judged(scene.kernel), by(1));
      return scene.record();
    });
    assert.deepEqual([guard?.revision, guard?.trialMs], [2, undefined]);
    scene.assertAgrees();
    assert.equal(judged(scene.kernel), by(2));
  });

  test('is refused while another one is tried, and not recorded', () => {
    const scene = onTrial();
    assert.throws(() => scene.change(undefined, unrecorded), { code: 'GUARD_TRIAL' });
    assert.equal(judged(scene.kernel), by(2));
  });

  for (const trialMs of [undefined, TRIAL_MS]) {
    for (const fate of ['fails', 'dies'] as const) {
      const name = trialMs === undefined ? 'for good' : 'on trial';
      test(`${name} leaves the kernel and the archive in agreement when a call ${fate}`, () => {
        const calls = atEachCall(
          fate,
          guarded,
          (scene) => scene.change(trialMs),
          ({ bpf, kernel }, scene) => {
            if (fate === 'fails') assert.deepEqual(bpf.opened, []);
            assert.ok([by(1), by(2)].includes(judged(kernel)), judged(kernel));
            scene.another().assertAgrees();
          },
        );
        assert.ok(calls > 40, `${calls}`);
      });
    }
  }
});

describe('a trial', () => {
  test('that is confirmed is kept, and reserved ports are no longer assigned', () => {
    const scene = onTrial();
    assert.equal(scene.archive.onTrial(), 2);
    const confirmed = confirmTrial(scene.deps, CHOICES);
    assert.deepEqual([confirmed?.state.revision, confirmed?.state.trialMs], [2, undefined]);
    assert.deepEqual(
      [scene.archive.onTrial(), scene.done],
      [undefined, [`apply 4002 everywhere while ${by(2)}`]],
    );
    assert.equal(confirmTrial(scene.deps, CHOICES), undefined);
    scene.assertAgrees();
    assert.equal(judged(scene.kernel), by(2));
  });

  test('cannot be confirmed without a guard, nor when it has ended', () => {
    assert.throws(() => confirmTrial(applied(1).deps, CHOICES), { code: 'GUARD_ABSENT' });
    const scene = onTrial();
    scene.kernel.now += LONG_NS;
    assert.equal(confirmTrial(scene.deps, CHOICES), undefined);
    assert.equal(scene.archive.onTrial(), 2);
  });

  test('that has ended is recorded as the revision before it, once', () => {
    const scene = onTrial();
    assert.equal(settleTrial(scene.deps, CHOICES, unrecorded), undefined);
    scene.kernel.now += LONG_NS;
    assert.equal(settleTrial(scene.deps, CHOICES, scene.recordAgain), 3);
    assert.equal(profileInForce(scene.archive).head?.again, 1);
    assert.equal(settleTrial(scene.deps, CHOICES, unrecorded), undefined);
    assert.equal(judged(scene.kernel), by(1));
  });

  test('of a guard that has gone is recorded as the revision before it, if there was one', () => {
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
    const scene = guarded();
    scene.change(undefined, () => scene.record(true));
    assert.equal(scene.archive.onTrial(), 2);
    assert.equal(settleTrial(scene.deps, CHOICES, unrecorded), undefined);
    assert.equal(scene.archive.onTrial(), undefined);
    const other = guarded();
    other.record(true);
    settleTrial(other.deps, CHOICES, unrecorded);
    assert.equal(other.archive.onTrial(), 2, 'it is not the one in force');
  });

  const ends: Readonly<Record<string, (scene: Scene) => unknown>> = {
    confirmed: ({ deps }) => confirmTrial(deps, CHOICES),
    settled: (scene) => {
      scene.kernel.now += LONG_NS;
      settleTrial(scene.deps, CHOICES, scene.recordAgain);
    },
  };
  for (const [name, act] of Object.entries(ends)) {
    for (const fate of ['fails', 'dies'] as const) {
      test(`that is ${name} leaves the kernel and the archive in agreement when a call ${fate}`, () => {
        atEachCall(fate, onTrial, act, ({ bpf }, scene) => {
          if (fate === 'fails') assert.deepEqual(bpf.opened, []);
          scene.another().assertAgrees();
        });
      });
    }
  }
});

describe('what is reported', () => {
  test('is the state, or of another version what can be told of it', () => {
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

  test('go by the choices and by the host, and the ports that they grant are recorded', () => {
    const scene = applied(0);
    scene.record(false, 'PORT\n 53 UDP WEB\n 54 UDP RESERVED\n 80 TCP WEB\n');
    scene.files = { '/proc/sys/net/ipv4/ip_unprivileged_port_start': '80\n' };
    const choices = { ...CHOICES, errno: 'EADDRINUSE', errnoLow: 'EACCES' } as const;
    const { settings } = tablesOf(profileInForce(scene.archive), 9, scene.deps, choices);
    const { errno, errnoLow, unprivilegedStart, noDelayUs, revision } = SETTINGS.read(
      new DataView(settings.buffer),
    );
    assert.deepEqual([errno, errnoLow, unprivilegedStart, noDelayUs, revision], [98, 13, 80, 8000, 9]);
    assert.deepEqual(scene.done, ['granted 53 while nothing']);
  });
});
