// The guard is installed completely or not at all, and replaces an older one, which judges until then.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OlderGuard, putInOlder } from '../../../../test/support/older-guard.ts';
import {
  assertNothingLeft,
  assertOnlyNames,
  atEachCall,
  GUARD_NAMES,
  inForce,
  judged,
  judgedAtHooks,
  makerOf,
  NOW_MS,
  PLACE,
  WEB_UID,
  webJob,
} from '../../../../test/support/sim/guard.ts';
import { SimBpf, type SimBpfKernel } from '../../../../test/support/sim/kernel-bpf.ts';
import { CONFIG, COUNTERS, GUARD_ABI, MODE } from '../../bpf/layout.ts';
import { OLDER_LAYOUTS } from '../../bpf/older.ts';
import { ConfigMemory } from './config-memory.ts';
import { installGuard, type Parts, removeUnfinished, type TableMaker } from './install.ts';
import { GuardKernel } from './kernel.ts';
import { bytes32, bytes64, sumsOf } from './map-bytes.ts';
import { openPinned, removeGuard, unfinishedOf } from './pinned.ts';

const { pins } = PLACE;
const OFF_1 = `off 4001 for ${WEB_UID}`;
const OTHER_PINS = '/sys/fs/bpf/foreign';

const start = () => ({ bpf: new SimBpf() });

function close({ maps, links, config }: Parts): void {
  for (const one of [config, ...Object.values(maps), ...Object.values(links)]) one.close();
}

function headOf(bpf: SimBpf) {
  const pinned = openPinned(bpf, pins) ?? assert.fail('no guard');
  const { abi, config } = pinned;
  const head = { abi, since: config.get64('since'), home: config.get64('home') };
  const hasMounted = config.get('hasMounted');
  pinned.close();
  return { ...head, hasMounted };
}

describe('installing', () => {
  test('creates all names, closes everything else, and sets the mode off', () => {
    const { bpf } = start();
    const parts = installGuard(bpf, PLACE, inForce(1));
    assert.deepEqual([...parts.maps.netns.keys()], [bytes64(bpf.namespace)]);
    close(parts);
    assert.deepEqual(bpf.opened, []);
    assertOnlyNames(bpf.kernel, GUARD_NAMES);
    assert.equal(judged(bpf.kernel), OFF_1);
    assert.deepEqual(headOf(bpf), {
      abi: GUARD_ABI,
      since: BigInt(NOW_MS),
      home: bpf.namespace,
      hasMounted: 1,
    });
  });

  test('records that bpffs was mounted before, and does not unmount it on failure', () => {
    const { bpf } = start();
    bpf.makeDirectory(OTHER_PINS);
    close(installGuard(bpf, PLACE, inForce(1)));
    assert.equal(headOf(bpf).hasMounted, 0);
    assert.equal(removeGuard(bpf, pins), true);
    assertOnlyNames(bpf.kernel, [OTHER_PINS]);
  });

  test('works without assigning jobs to units where the kernel has no cgroup events', () => {
    const { bpf } = start();
    bpf.kernel.hasTracepoints = false;
    close(installGuard(bpf, PLACE, inForce(1)));
    assert.equal(judged(bpf.kernel), OFF_1);
    assertOnlyNames(
      bpf.kernel,
      GUARD_NAMES.filter((name) => !name.includes('cgroup_')),
    );
  });

  test('leaves nothing when a call fails, or continues without assigning jobs to units', () => {
    const calls = atEachCall(
      'fails',
      start,
      ({ bpf }) => close(installGuard(bpf, PLACE, inForce(1))),
      ({ kernel, thrown }) => {
        if (thrown !== undefined) assertNothingLeft(kernel);
        else assertWhole(kernel);
      },
    );
    assert.ok(calls > 50, `${calls}`);
  });

  test('leaves what others have in bpffs when a call fails', () => {
    const begin = () => {
      const { bpf } = start();
      bpf.makeDirectory(OTHER_PINS);
      return { bpf };
    };
    const act = ({ bpf }: { readonly bpf: SimBpf }) => close(installGuard(bpf, PLACE, inForce(1)));
    atEachCall('fails', begin, act, ({ kernel, thrown }) => {
      if (thrown !== undefined) assertOnlyNames(kernel, [OTHER_PINS]);
    });
  });

  test('leaves a complete guard or none under its name when the process is killed, and succeeds again', () => {
    const act = ({ bpf }: { readonly bpf: SimBpf }) => close(installGuard(bpf, PLACE, inForce(1)));
    atEachCall('dies', start, act, ({ kernel }) => {
      const isIn = kernel.bpffs.paths().includes(pins);
      if (isIn) assertOnlyNames(kernel, GUARD_NAMES);
      for (const each of judgedAtHooks(kernel)) assert.match(each, /^(nothing|off )/);
      const next = new SimBpf(kernel);
      if (!isIn) close(installGuard(next, PLACE, inForce(1)));
      assertOnlyNames(kernel, GUARD_NAMES);
      assert.equal(judged(kernel), OFF_1);
    });
  });

  test('does not unmount bpffs when a call fails if others have mounted it', () => {
    const begin = () => {
      const { bpf } = start();
      bpf.makeDirectory('/sys/fs/bpf');
      return { bpf };
    };
    const act = ({ bpf }: { readonly bpf: SimBpf }) => close(installGuard(bpf, PLACE, inForce(1)));
    atEachCall('fails', begin, act, ({ kernel }) => assert.ok(kernel.bpffs.isMounted));
  });

  test('what is unfinished is left to the process that works on it while there is a guard', () => {
    const { bpf } = start();
    close(installGuard(bpf, PLACE, inForce(1)));
    bpf.makeDirectory(unfinishedOf(pins));
    removeUnfinished(bpf, pins);
    assertOnlyNames(bpf.kernel, [...GUARD_NAMES, unfinishedOf(pins)].sort());
  });

  test('what a killed process left is removed on request, but a guard is not', () => {
    const act = ({ bpf }: { readonly bpf: SimBpf }) => close(installGuard(bpf, PLACE, inForce(1)));
    atEachCall('dies', start, act, ({ kernel }) => {
      const isIn = kernel.bpffs.paths().includes(pins);
      removeUnfinished(new SimBpf(kernel), pins);
      assertOnlyNames(kernel, isIn ? GUARD_NAMES : []);
    });
  });

  test('refuses a place that exists or appears in between, and leaves it unchanged', () => {
    const { bpf } = start();
    bpf.makeDirectory(pins);
    assert.throws(() => installGuard(bpf, PLACE, inForce(1)), { code: 'GUARD_THERE' });
    assertOnlyNames(bpf.kernel, [pins]);

    const other = new SimBpf();
    const jobs = () => {
      const map = other.createMap({ type: 'hash', name: 'other', keyBytes: 4, valueBytes: 4, entries: 1 });
      other.makeDirectory(pins);
      other.pin(map, `${pins}/other`);
      map.close();
      return webJob();
    };
    // It reads the jobs twice: what appears the second time also occupies the name.
    const once = { ...inForce(1), jobs: () => (other.kernel.bpffs.get(`${pins}/other`) ? webJob() : jobs()) };
    assert.throws(() => installGuard(other, PLACE, once), { code: 'GUARD_THERE' });
    assertOnlyNames(other.kernel, [pins, `${pins}/other`]);
    assert.equal(judged(other.kernel), 'nothing');
  });

  test('fails if another process installs a guard at the same time', () => {
    const { bpf } = start();
    bpf.makeDirectory(OTHER_PINS);
    const held = new SimBpf(bpf.kernel).hold('/sys/fs/bpf');
    assert.throws(() => installGuard(bpf, PLACE, inForce(1)), { code: 'BPF_BUSY' });
    held?.release();
    close(installGuard(bpf, PLACE, inForce(1)));
    assert.throws(() => installGuard(bpf, PLACE, inForce(2)), { code: 'GUARD_THERE' });
    assert.equal(judged(bpf.kernel), OFF_1);
  });
});

/** A guard that is complete except for assigning jobs to units, all of them or none. */
function assertWhole(kernel: SimBpfKernel): void {
  const named = GUARD_NAMES.filter((name) => !name.includes('cgroup_'));
  assertOnlyNames(kernel, named);
  assert.equal(judged(kernel), OFF_1);
}

/** The recorded guard of an older portreeve has two reserved ports and three users. */
const OLDER = 'enforce 4000 4001 for 0 1000 1001';
const OWN = `enforce 4001 for ${WEB_UID}`;
const NETNS = 77n;
const SECOND_NS = 1_000_000_000n;

function older(more: Partial<OlderGuard> = {}) {
  const bpf = new SimBpf();
  putInOlder(bpf, PLACE, {
    mode: 'enforce',
    users: [
      [0, 'ROOT'],
      [WEB_UID, 'WEB'],
      [1001, 'ALICE'],
    ],
    namespaces: [NETNS],
    ...more,
  });
  return { bpf };
}

const opened = (bpf: SimBpf, maker: TableMaker = makerOf(7)): GuardKernel =>
  GuardKernel.open(bpf, pins, maker) ?? assert.fail('no guard');

/** Changes what is in force in a guard of any version, as a process of that version does. */
function configOf(bpf: SimBpf, change: (config: ConfigMemory) => void): void {
  const map = bpf.openMap(`${pins}/config`) ?? assert.fail('no config');
  const config = new ConfigMemory(map);
  change(config);
  config.close();
  map.close();
}

/** Makes the programs count something, on each CPU. */
function counted(bpf: SimBpf, index: number, counts: readonly number[]): void {
  const map = bpf.openMap(`${pins}/counters`) ?? assert.fail('no counters');
  map.update(bytes32(index), new Uint8Array(BigUint64Array.from(counts.map(BigInt)).buffer));
  map.close();
}

describe('replacing an older guard', () => {
  test('puts tables of the same revision in force, and keeps its state', () => {
    const { bpf } = older();
    assert.equal(judged(bpf.kernel), OLDER);
    counted(bpf, COUNTERS.indexOf('judged'), [5, 2]);
    counted(bpf, COUNTERS.indexOf('lost'), [0, 3]);
    const netns = bpf.openMap(`${pins}/netns`) ?? assert.fail();
    netns.update(bytes64(NETNS), bytes32(2));
    netns.close();
    const events = bpf.openMap(`${pins}/events`) ?? assert.fail();
    events.close();
    const guard = opened(bpf);
    const state = guard.state();
    assert.deepEqual(guard.namespaces.list().at(-1), { cookie: NETNS, by: 'settings' });
    assert.equal(guard.events.info.id, events.info.id);
    assert.deepEqual([state.counters.judged, state.counters.lost], [7n, 3n]);
    assert.deepEqual(
      [state.revision, state.since, state.home, state.namespaces, state.namesUnits],
      [1, 1_700_000_000_000, bpf.namespace, [bpf.namespace, NETNS], true],
    );
    guard.close();
    assert.deepEqual(bpf.opened, []);
    assertOnlyNames(bpf.kernel, GUARD_NAMES);
    assert.equal(judged(bpf.kernel), OWN);
  });

  test('reads the counters when the older programs have ended, and does not change those of the new guard', () => {
    const { bpf } = older();
    counted(bpf, 0, [5, 0]);
    opened(bpf).close();
    const wait = bpf.calls.indexOf('update ports', bpf.calls.lastIndexOf('update link'));
    assert.ok(wait > 0 && wait < bpf.calls.lastIndexOf('lookup counters'), `${bpf.calls}`);
    const counters = bpf.openMap(`${pins}/counters`) ?? assert.fail();
    const sums = sumsOf(counters, 2 * COUNTERS.length);
    counters.close();
    assert.deepEqual([sums[0], sums[COUNTERS.length]], [0n, 5n]);
  });

  for (const mode of ['off', 'observe', 'enforce'] as const) {
    test(`keeps the mode ${mode}, even if it changes in between`, () => {
      const { bpf } = older({ mode: mode === 'off' ? 'enforce' : 'off' });
      const jobs = () => {
        configOf(bpf, (config) => config.set('mode', MODE[mode]));
        return webJob();
      };
      const guard = opened(bpf, { ...makerOf(1), jobs });
      assert.equal(guard.state().mode, mode);
      guard.close();
    });
  }

  test('continues a trial, which ends at its time', () => {
    const { bpf } = older({ trialUntil: new SimBpf().bootNow() + SECOND_NS });
    const { kernel } = bpf;
    const guard = opened(bpf);
    assert.deepEqual([guard.state().revision, guard.state().trialMs], [2, 1000]);
    assert.equal(judged(kernel), `enforce 4002 for ${WEB_UID}`);
    kernel.now += SECOND_NS;
    assert.equal(judged(kernel), `enforce 4002 for ${WEB_UID}`);
    kernel.now += 1n;
    assert.equal(judged(kernel), OWN);
    assert.deepEqual([guard.state().revision, guard.hasReverted], [1, true]);
    guard.close();
  });

  test('with an unknown layout gets the latest tables, and starts counters and events from zero', () => {
    const { bpf } = older({ abi: 1 });
    const events = bpf.openMap(`${pins}/events`) ?? assert.fail();
    events.close();
    const guard = opened(bpf, makerOf(7));
    assert.deepEqual([guard.state().revision, guard.state().counters.judged], [7, 0n]);
    assert.notEqual(guard.events.info.id, events.info.id);
    assert.equal(judged(bpf.kernel), `enforce 4007 for ${WEB_UID}`);
    guard.close();
  });

  test('without a recorded revision gets the latest tables', () => {
    const { bpf } = older();
    const map = bpf.openMap(`${pins}/config`) ?? assert.fail('no config');
    const at = CONFIG.bytes + (OLDER_LAYOUTS[2]?.revisionAt ?? assert.fail());
    map.memory('read and write').view.setUint32(at, 0, true);
    map.close();
    const guard = opened(bpf, makerOf(7));
    assert.equal(guard.state().revision, 7);
    guard.close();
  });

  const withNetns = (keyBytes: number, valueBytes: number) => {
    const at = older();
    at.bpf.unpin(`${pins}/netns`);
    const map = at.bpf.createMap({ type: 'hash', name: 'netns', keyBytes, valueBytes, entries: 1 });
    at.bpf.pin(map, `${pins}/netns`);
    map.close();
    return at;
  };
  const refused: Readonly<Record<string, readonly [code: string, spoil: () => { readonly bpf: SimBpf }]>> = {
    'whose layout is unknown during a trial': [
      'GUARD_TRIAL',
      () => older({ abi: 1, trialUntil: new SimBpf().bootNow() + SECOND_NS }),
    ],
    'whose programs are no longer called': [
      'GUARD_DETACHED',
      () => {
        const at = older();
        at.bpf.kernel.removeCgroup(PLACE.cgroup);
        return at;
      },
    ],
    'whose namespaces have other keys': ['GUARD_FOREIGN', () => withNetns(4, 4)],
    'whose namespaces have other values': ['GUARD_FOREIGN', () => withNetns(8, 8)],
    'that has no map of namespaces': [
      'GUARD_FOREIGN',
      () => {
        const at = older();
        at.bpf.unpin(`${pins}/netns`);
        return at;
      },
    ],
    'that has no map of events': [
      'GUARD_FOREIGN',
      () => {
        const at = older();
        at.bpf.unpin(`${pins}/events`);
        return at;
      },
    ],
    'whose tables cannot be built': ['NO_TABLES', older],
  };
  for (const [name, [code, spoiled]] of Object.entries(refused)) {
    test(`refuses one ${name} with ${code}, and leaves it unchanged`, () => {
      const { bpf } = spoiled();
      const [names, before] = [bpf.kernel.bpffs.paths(), judged(bpf.kernel)];
      const tables = () => {
        throw Object.assign(new Error('no tables'), { code: 'NO_TABLES' });
      };
      const maker = code === 'NO_TABLES' ? { ...makerOf(1), tablesOf: tables } : makerOf(1);
      assert.throws(() => opened(bpf, maker), { code });
      assertOnlyNames(bpf.kernel, names);
      assert.equal(judged(bpf.kernel), before);
      assert.ok(bpf.hold(pins), 'it is not locked');
    });
  }

  const takeOver = ({ bpf }: { readonly bpf: SimBpf }) => opened(bpf).close();

  test('leaves one of the two in force, complete, when a call fails, and the next process continues', () => {
    const calls = atEachCall('fails', older, takeOver, ({ bpf, kernel, thrown }) => {
      if (thrown === undefined) assert.equal(judged(kernel), OWN);
      else assertOneOfBoth(bpf);
      takeOver({ bpf });
      assert.equal(judged(kernel), OWN);
      assert.deepEqual(bpf.opened, []);
      assert.equal(removeGuard(bpf, pins), true);
      assertOnlyNames(kernel, []);
    });
    assert.ok(calls > 90, `${calls}`);
  });

  test('leaves each hook with one of the two when the process is killed, and the next process continues', () => {
    atEachCall('dies', older, takeOver, ({ kernel }) => {
      for (const each of judgedAtHooks(kernel)) assert.ok([OLDER, OWN].includes(each), each);
      const next = new SimBpf(kernel);
      takeOver({ bpf: next });
      assert.equal(judged(kernel), OWN);
      const guard = opened(next);
      assert.deepEqual(guard.state().namespaces, [next.namespace, NETNS]);
      guard.remove();
      assertOnlyNames(kernel, []);
    });
  });
});

/** The guard that judges binds is the one that is pinned under the names: the older or the new one. */
function assertOneOfBoth(bpf: SimBpf): void {
  const isOwn = judged(bpf.kernel) === OWN;
  if (!isOwn) assert.equal(judged(bpf.kernel), OLDER);
  assert.equal(headOf(bpf).abi, isOwn ? GUARD_ABI : 2);
}
