// What is pinned at the place of a guard: what is ours is told from what is not, and is read and removed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { putInOlder } from '../../../../test/support/older-guard.ts';
import {
  assertOnlyNames,
  atEachCall,
  inForce,
  judged,
  judgedAtHooks,
  PLACE,
} from '../../../../test/support/sim/guard.ts';
import { SimBpf } from '../../../../test/support/sim/kernel-bpf.ts';
import type { KernelMapSpec } from '../../../host/host.ts';
import { CONFIG, CONFIG_BYTES, GUARD_ABI, MODE } from '../../bpf/layout.ts';
import type { ConfigMemory } from './config-memory.ts';
import { GuardKernel } from './kernel.ts';
import { MAP_NAMES, type MapName } from './maps.ts';
import {
  headOf,
  holding,
  holdingSame,
  isAttached,
  openMaps,
  openPinned,
  otherGuard,
  type Pinned,
  removeGuard,
  unfinishedOf,
} from './pinned.ts';

const { pins } = PLACE;
const THEIRS = '/sys/fs/bpf/theirs';
const SECOND_NS = 1_000_000_000n;
const MS_NS = 1_000_000n;

/** A kernel with a guard of ours, which nobody has open. */
function ours(): { readonly bpf: SimBpf } {
  const bpf = new SimBpf();
  GuardKernel.install(bpf, PLACE, inForce(1)).close();
  return { bpf };
}

/** A kernel with a guard that says that it is of a version; the layout of version 2 is known. */
function ofVersion(abi: number): { readonly bpf: SimBpf } {
  const bpf = new SimBpf();
  putInOlder(bpf, PLACE, { mode: 'enforce', users: [[1000, 'WEB']], namespaces: [], abi });
  return { bpf };
}

/** Looks at the guard that is there, and closes it. */
function looked<Result>(bpf: SimBpf, look: (pinned: Pinned) => Result): Result {
  const pinned = openPinned(bpf, pins) ?? assert.fail('there is no guard');
  try {
    return look(pinned);
  } finally {
    pinned.close();
  }
}

const configure = (bpf: SimBpf, change: (config: ConfigMemory) => void): void =>
  looked(bpf, ({ config }) => change(config));

/** Puts a map of another kind in the place of one. */
function exchangeMap(bpf: SimBpf, name: string, spec: Partial<KernelMapSpec>): void {
  const there = bpf.openMap(`${pins}/${name}`) ?? assert.fail(`no map ${name}`);
  const { info } = there;
  const inner = info.type === 'array_of_maps' && (spec.type ?? info.type) === 'array_of_maps';
  const innerMap = inner
    ? bpf.createMap({ type: 'hash', name: 'inner', keyBytes: 4, valueBytes: 4, entries: 1 })
    : undefined;
  const map = bpf.createMap({
    ...info,
    type: info.type as KernelMapSpec['type'],
    ...spec,
    ...(name === 'config' && { flags: ['mmapable'] }),
    ...(innerMap && { innerMap }),
  });
  // Only its shape is to tell that it is not ours.
  if (name === 'config' && map.info.type === 'array') {
    const memory = map.memory('read and write');
    memory.view.setUint32(CONFIG.fields.abi.offset, GUARD_ABI, true);
    memory.close();
  }
  bpf.unpin(`${pins}/${name}`);
  bpf.pin(map, `${pins}/${name}`);
  for (const one of [map, there, innerMap]) one?.close();
}

describe('what is there', () => {
  test('is a guard of ours, with its version, its number and its links, all of which are closed again', () => {
    const { bpf } = ours();
    looked(bpf, ({ abi, id, links }) => {
      assert.equal(abi, GUARD_ABI);
      const config = bpf.openMap(`${pins}/config`);
      assert.equal(id, config?.info.id);
      config?.close();
      assert.equal(isAttached(links), true);
    });
    assert.deepEqual(bpf.opened, []);
  });

  test('is nothing where there is no map of that name', () => {
    assert.equal(openPinned(new SimBpf(), pins), undefined);
    const { bpf } = ours();
    bpf.unpin(`${pins}/config`);
    assert.equal(openPinned(bpf, pins), undefined);
  });

  const foreign: Readonly<Record<string, (bpf: SimBpf) => void>> = {
    'whose map has another name': (bpf) => exchangeMap(bpf, 'config', { name: 'theirs' }),
    'whose map is of another type': (bpf) => exchangeMap(bpf, 'config', { type: 'hash' }),
    'whose map has other keys': (bpf) => exchangeMap(bpf, 'config', { keyBytes: 8 }),
    'whose map has no room for a head': (bpf) => exchangeMap(bpf, 'config', { valueBytes: CONFIG.bytes - 1 }),
    'that says no version': (bpf) => configure(bpf, (config) => config.set('abi', 0)),
    'without a link for IPv4': (bpf) => bpf.unpin(`${pins}/bind4`),
    'without a link for IPv6': (bpf) => bpf.unpin(`${pins}/bind6`),
    'with the program of another': (bpf) => {
      const program = bpf.loadProgram('theirs', 'bind6', new Uint8Array(0));
      const link = bpf.openLink(`${pins}/bind6`) ?? assert.fail();
      link.update(program);
      for (const one of [program, link]) one.close();
    },
  };
  for (const [name, spoil] of Object.entries(foreign)) {
    test(`is foreign ${name}: nothing of it is touched, and nothing stays open`, () => {
      const { bpf } = ours();
      spoil(bpf);
      const names = bpf.kernel.bpffs.paths();
      for (const act of [openPinned, removeGuard, GuardKernel.open, GuardKernel.look]) {
        assert.throws(() => act(bpf, pins), { code: 'GUARD_FOREIGN' });
      }
      assert.deepEqual(bpf.opened, []);
      assertOnlyNames(bpf.kernel, names);
    });
  }

  test('is a guard where there is room for a head', () => {
    const { bpf } = ours();
    exchangeMap(bpf, 'config', { valueBytes: CONFIG.bytes });
    assert.equal(
      looked(bpf, ({ abi }) => abi),
      GUARD_ABI,
    );
  });
});

describe('the maps of a guard of our version', () => {
  test('are all there', () => {
    const { bpf } = ours();
    const maps = openMaps(bpf, pins);
    assert.deepEqual(
      Object.values(maps).map(({ info }) => info.name),
      MAP_NAMES,
    );
    for (const map of Object.values(maps)) map.close();
  });

  const shapes: readonly Partial<KernelMapSpec>[] = [{ name: 'theirs' }, { keyBytes: 12 }, { entries: 4096 }];
  for (const name of MAP_NAMES) {
    test(`are foreign without ${name}, or with one of another shape`, () => {
      const { bpf } = ours();
      for (const shape of shapes) {
        exchangeMap(bpf, name, shape);
        assert.throws(() => openMaps(bpf, pins), { code: 'GUARD_FOREIGN' }, JSON.stringify(shape));
        assert.deepEqual(bpf.opened, []);
      }
      bpf.unpin(`${pins}/${name}`);
      assert.throws(() => openMaps(bpf, pins), { code: 'GUARD_FOREIGN' });
      assert.deepEqual(bpf.opened, []);
    });
  }

  test('may have values of no other length and be of no other type', () => {
    const others: readonly (readonly [MapName, Partial<KernelMapSpec>])[] = [
      ['config', { valueBytes: CONFIG_BYTES + 4 }],
      ['newest', { type: 'hash' }],
    ];
    for (const [name, shape] of others) {
      const { bpf } = ours();
      exchangeMap(bpf, name, shape);
      assert.throws(() => openMaps(bpf, pins), { code: 'GUARD_FOREIGN' });
    }
  });
});

describe('the head', () => {
  const head = (bpf: SimBpf) => looked(bpf, (pinned) => headOf(pinned, bpf.bootNow()));

  for (const mode of ['off', 'observe', 'enforce'] as const) {
    test(`says that the mode is ${mode}`, () => {
      const { bpf } = ours();
      configure(bpf, (config) => config.set('mode', MODE[mode]));
      assert.equal(head(bpf).mode, mode);
    });
  }

  test('says since when, where and in which cgroup', () => {
    const { bpf } = ours();
    configure(bpf, (config) => config.set64('since', 4711n));
    const { since, home, cgroupId } = head(bpf);
    assert.deepEqual([since, home, cgroupId], [4711, bpf.namespace, 1n]);
    assert.equal(head(bpf).isAttached, true);
    bpf.kernel.removeCgroup(PLACE.cgroup);
    assert.deepEqual([head(bpf).isAttached, head(bpf).cgroupId], [false, 0n]);
  });

  test('says how long a trial goes on, up to its last moment, and that it has ended from then on', () => {
    const { bpf } = ours();
    const { kernel } = bpf;
    const trial = () => {
      const { trialMs, hasGoneBack } = head(bpf);
      return [trialMs, hasGoneBack];
    };
    assert.deepEqual(trial(), [undefined, false]);
    configure(bpf, (config) => config.set64('deadline', kernel.now + SECOND_NS));
    assert.deepEqual(trial(), [1000, false]);
    kernel.now += SECOND_NS - MS_NS;
    assert.deepEqual(trial(), [1, false]);
    kernel.now += MS_NS;
    assert.deepEqual(trial(), [undefined, false]);
    kernel.now += 1n;
    assert.deepEqual(trial(), [undefined, true]);
  });

  test('one hook that is not called is enough for it not to be attached', () => {
    const { bpf } = ours();
    const link = bpf.openLink(`${pins}/bind6`) ?? assert.fail();
    link.detach();
    link.close();
    assert.equal(head(bpf).isAttached, false);
  });
});

describe('a guard of another version', () => {
  const other = (bpf: SimBpf) => looked(bpf, (pinned) => otherGuard(bpf, pins, pinned));

  test('of a layout that is known says its revision and what it has counted', () => {
    const { bpf } = ofVersion(2);
    const counters = bpf.openMap(`${pins}/counters`) ?? assert.fail();
    counters.update(new Uint8Array(4), Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]));
    counters.close();
    const { abi, isNewer, revision, counters: counted, mode } = other(bpf);
    assert.deepEqual([abi, isNewer, revision, mode], [2, false, 1, 'enforce']);
    assert.deepEqual([counted['judged'], counted['lost']], [4n, 0n]);
    configure(bpf, (config) => config.set('slot', 1));
    assert.equal(other(bpf).revision, 2);
    bpf.unpin(`${pins}/counters`);
    assert.throws(() => other(bpf), { code: 'GUARD_FOREIGN' });
    assert.deepEqual(bpf.opened, []);
  });

  test('of another layout says neither, and whether it is newer', () => {
    for (const [abi, isNewer] of [
      [1, false],
      [GUARD_ABI + 1, true],
    ] as const) {
      const { bpf } = ofVersion(abi);
      const found = other(bpf);
      assert.deepEqual(
        [found.abi, found.isNewer, found.revision, found.counters],
        [abi, isNewer, undefined, {}],
      );
    }
  });
});

describe('holding a guard', () => {
  test('is for one process at a time, and ends with what is done, also when that fails', () => {
    const { bpf } = ours();
    const other = new SimBpf(bpf.kernel);
    assert.equal(
      holding(bpf, pins, () => {
        assert.throws(() => holding(other, pins, () => assert.fail()), { code: 'BPF_BUSY' });
        return 'done';
      }),
      'done',
    );
    assert.throws(() => holding(bpf, pins, () => assert.fail('broken')), /broken/);
    assert.throws(() => holdingSame(bpf, pins, idOf(bpf), () => assert.fail('broken')), /broken/);
    assert.equal(
      holding(other, pins, () => 'free'),
      'free',
    );
    assert.equal(
      holding(other, THEIRS, () => 'none'),
      undefined,
    );
  });

  const idOf = (bpf: SimBpf): number => looked(bpf, ({ id }) => id);

  test('of which the number is known is refused when it has gone, or another has its place', () => {
    const { bpf } = ours();
    const id = idOf(bpf);
    assert.equal(
      holdingSame(bpf, pins, id, () => 'same'),
      'same',
    );
    removeGuard(bpf, pins);
    assert.throws(() => holdingSame(bpf, pins, id, () => assert.fail()), { code: 'GUARD_GONE' });
    GuardKernel.install(bpf, PLACE, inForce(1)).close();
    assert.throws(() => holdingSame(bpf, pins, id, () => assert.fail()), { code: 'GUARD_GONE' });
    assert.ok(bpf.hold(pins), 'it is held by nobody');
    assert.deepEqual(bpf.opened, []);
  });
});

describe('removing a guard', () => {
  test('leaves nothing of it, nor of what was not finished, and says whether there was one', () => {
    const { bpf } = ours();
    bpf.makeDirectory(unfinishedOf(pins));
    assert.equal(removeGuard(bpf, pins), true);
    assertOnlyNames(bpf.kernel, []);
    assert.equal(bpf.kernel.bpffs.isMounted, false);
    assert.equal(removeGuard(bpf, pins), false);
  });

  test('leaves bpffs mounted where others have mounted it', () => {
    const bpf = new SimBpf();
    bpf.makeDirectory('/sys/fs/bpf');
    GuardKernel.install(bpf, PLACE, inForce(1)).remove();
    assert.equal(bpf.kernel.bpffs.isMounted, true);
  });

  test('takes an older one out, also one whose programs are not called any more, and no newer one', () => {
    for (const abi of [1, 2]) {
      const { bpf } = ofVersion(abi);
      bpf.kernel.removeCgroup(PLACE.cgroup);
      assert.equal(removeGuard(bpf, pins), true);
      assertOnlyNames(bpf.kernel, []);
    }
    const { bpf } = ofVersion(GUARD_ABI + 1);
    const before = judged(bpf.kernel);
    assert.throws(() => removeGuard(bpf, pins), { code: 'GUARD_NEWER' });
    assert.equal(judged(bpf.kernel), before);
    assert.deepEqual(bpf.opened, []);
  });

  test('ends what it judges even where somebody else has a link open', () => {
    const { bpf } = ours();
    const link = new SimBpf(bpf.kernel).openLink(`${pins}/bind4`);
    removeGuard(bpf, pins);
    assert.equal(link?.cgroupId, 0n);
    assert.equal(judged(bpf.kernel), 'nothing');
  });

  const enforced = () => {
    const at = ours();
    configure(at.bpf, (config) => config.set('mode', MODE.enforce));
    return at;
  };
  for (const fate of ['fails', 'dies'] as const) {
    test(`refuses nobody halfway when a call ${fate}, and can be done again`, () => {
      const act = ({ bpf }: { readonly bpf: SimBpf }) => removeGuard(bpf, pins);
      const calls = atEachCall(fate, enforced, act, ({ bpf, kernel }) => {
        const each = judgedAtHooks(kernel);
        if (each.includes('nothing')) assert.ok(!each.some((one) => one.startsWith('enforce')), `${each}`);
        if (fate === 'fails') assert.deepEqual(bpf.opened, []);
        removeGuard(new SimBpf(kernel), pins);
        assertOnlyNames(kernel, []);
      });
      assert.ok(calls > 8, `${calls}`);
    });
  }
});
