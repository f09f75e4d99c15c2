// What is pinned at the place of a guard: recognizes, reads and removes what is portreeve's.
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
  isAttached,
  openMaps,
  openPinned,
  otherGuard,
  type Pinned,
  removeGuard,
  unfinishedOf,
  withLock,
  withSameLocked,
} from './pinned.ts';

const { pins } = PLACE;
const OTHER_PINS = '/sys/fs/bpf/foreign';
const SECOND_NS = 1_000_000_000n;
const MS_NS = 1_000_000n;

/** A kernel with a guard of portreeve, which no process has open. */
function withGuard(): { readonly bpf: SimBpf } {
  const bpf = new SimBpf();
  GuardKernel.install(bpf, PLACE, inForce(1)).close();
  return { bpf };
}

/** A kernel with a guard that has another version; the layout of version 2 is known. */
function ofVersion(abi: number): { readonly bpf: SimBpf } {
  const bpf = new SimBpf();
  putInOlder(bpf, PLACE, { mode: 'enforce', users: [[1000, 'WEB']], namespaces: [], abi });
  return { bpf };
}

/** Opens the guard, reads it, and closes it. */
function withPinned<Result>(bpf: SimBpf, act: (pinned: Pinned) => Result): Result {
  const pinned = openPinned(bpf, pins) ?? assert.fail('there is no guard');
  try {
    return act(pinned);
  } finally {
    pinned.close();
  }
}

const configure = (bpf: SimBpf, change: (config: ConfigMemory) => void): void =>
  withPinned(bpf, ({ config }) => change(config));

/** Replaces a map with one of another kind. */
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
  // Only its shape shows that it is foreign.
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
  test('is a guard of portreeve, with its version, id and links, which are all closed again', () => {
    const { bpf } = withGuard();
    withPinned(bpf, ({ abi, id, links }) => {
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
    const { bpf } = withGuard();
    bpf.unpin(`${pins}/config`);
    assert.equal(openPinned(bpf, pins), undefined);
  });

  const foreign: Readonly<Record<string, (bpf: SimBpf) => void>> = {
    'whose map has another name': (bpf) => exchangeMap(bpf, 'config', { name: 'foreign' }),
    'whose map is of another type': (bpf) => exchangeMap(bpf, 'config', { type: 'hash' }),
    'whose map has other keys': (bpf) => exchangeMap(bpf, 'config', { keyBytes: 8 }),
    'whose map has no room for a head': (bpf) => exchangeMap(bpf, 'config', { valueBytes: CONFIG.bytes - 1 }),
    'without a version': (bpf) => configure(bpf, (config) => config.set('abi', 0)),
    'without a link for IPv4': (bpf) => bpf.unpin(`${pins}/bind4`),
    'without a link for IPv6': (bpf) => bpf.unpin(`${pins}/bind6`),
    'with the program of another': (bpf) => {
      const program = bpf.loadProgram('foreign', 'bind6', new Uint8Array(0));
      const link = bpf.openLink(`${pins}/bind6`) ?? assert.fail();
      link.update(program);
      for (const one of [program, link]) one.close();
    },
  };
  for (const [name, spoil] of Object.entries(foreign)) {
    test(`is foreign ${name}: it is not touched, and nothing remains open`, () => {
      const { bpf } = withGuard();
      spoil(bpf);
      const names = bpf.kernel.bpffs.paths();
      for (const act of [openPinned, removeGuard, GuardKernel.open, GuardKernel.inspect]) {
        assert.throws(() => act(bpf, pins), { code: 'GUARD_FOREIGN' });
      }
      assert.deepEqual(bpf.opened, []);
      assertOnlyNames(bpf.kernel, names);
    });
  }

  test('is a guard where there is room for a head', () => {
    const { bpf } = withGuard();
    exchangeMap(bpf, 'config', { valueBytes: CONFIG.bytes });
    assert.equal(
      withPinned(bpf, ({ abi }) => abi),
      GUARD_ABI,
    );
  });
});

describe('the maps of a guard of our version', () => {
  test('are all there', () => {
    const { bpf } = withGuard();
    const maps = openMaps(bpf, pins);
    assert.deepEqual(
      Object.values(maps).map(({ info }) => info.name),
      MAP_NAMES,
    );
    for (const map of Object.values(maps)) map.close();
  });

  const shapes: readonly Partial<KernelMapSpec>[] = [
    { name: 'foreign' },
    { keyBytes: 12 },
    { entries: 4096 },
  ];
  for (const name of MAP_NAMES) {
    test(`are foreign without ${name}, or with one of another shape`, () => {
      const { bpf } = withGuard();
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

  test('must have values of this length and be of this type', () => {
    const others: readonly (readonly [MapName, Partial<KernelMapSpec>])[] = [
      ['config', { valueBytes: CONFIG_BYTES + 4 }],
      ['newest', { type: 'hash' }],
    ];
    for (const [name, shape] of others) {
      const { bpf } = withGuard();
      exchangeMap(bpf, name, shape);
      assert.throws(() => openMaps(bpf, pins), { code: 'GUARD_FOREIGN' });
    }
  });
});

describe('the head', () => {
  const head = (bpf: SimBpf) => withPinned(bpf, (pinned) => headOf(pinned, bpf.bootNow()));

  for (const mode of ['off', 'observe', 'enforce'] as const) {
    test(`reads the mode ${mode}`, () => {
      const { bpf } = withGuard();
      configure(bpf, (config) => config.set('mode', MODE[mode]));
      assert.equal(head(bpf).mode, mode);
    });
  }

  test('reads the time, the namespace and the cgroup', () => {
    const { bpf } = withGuard();
    configure(bpf, (config) => config.set64('since', 4711n));
    const { since, home, cgroupId } = head(bpf);
    assert.deepEqual([since, home, cgroupId], [4711, bpf.namespace, 1n]);
    assert.equal(head(bpf).isAttached, true);
    bpf.kernel.removeCgroup(PLACE.cgroup);
    assert.deepEqual([head(bpf).isAttached, head(bpf).cgroupId], [false, 0n]);
  });

  test('reads the remaining time of a trial up to its deadline, and that it has ended from then on', () => {
    const { bpf } = withGuard();
    const { kernel } = bpf;
    const trial = () => {
      const { trialMs, hasReverted } = head(bpf);
      return [trialMs, hasReverted];
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

  test('is not attached if one hook is not called', () => {
    const { bpf } = withGuard();
    const link = bpf.openLink(`${pins}/bind6`) ?? assert.fail();
    link.detach();
    link.close();
    assert.equal(head(bpf).isAttached, false);
  });
});

describe('a guard of another version', () => {
  const other = (bpf: SimBpf) => withPinned(bpf, (pinned) => otherGuard(bpf, pins, pinned));

  test('of a known layout has its revision and counters', () => {
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

  test('of an unknown layout has neither, and whether it is newer', () => {
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

describe('the lock of a guard', () => {
  test('is held by one process at a time, and released afterwards, even on failure', () => {
    const { bpf } = withGuard();
    const other = new SimBpf(bpf.kernel);
    assert.equal(
      withLock(bpf, pins, () => {
        assert.throws(() => withLock(other, pins, () => assert.fail()), { code: 'BPF_BUSY' });
        return 'done';
      }),
      'done',
    );
    assert.throws(() => withLock(bpf, pins, () => assert.fail('broken')), /broken/);
    assert.throws(() => withSameLocked(bpf, pins, idOf(bpf), () => assert.fail('broken')), /broken/);
    assert.equal(
      withLock(other, pins, () => 'free'),
      'free',
    );
    assert.equal(
      withLock(other, OTHER_PINS, () => 'none'),
      undefined,
    );
  });

  const idOf = (bpf: SimBpf): number => withPinned(bpf, ({ id }) => id);

  test('of a given id is refused when that guard is gone or was replaced', () => {
    const { bpf } = withGuard();
    const id = idOf(bpf);
    assert.equal(
      withSameLocked(bpf, pins, id, () => 'same'),
      'same',
    );
    removeGuard(bpf, pins);
    assert.throws(() => withSameLocked(bpf, pins, id, () => assert.fail()), { code: 'GUARD_GONE' });
    GuardKernel.install(bpf, PLACE, inForce(1)).close();
    assert.throws(() => withSameLocked(bpf, pins, id, () => assert.fail()), { code: 'GUARD_GONE' });
    assert.ok(bpf.hold(pins), 'it is not locked');
    assert.deepEqual(bpf.opened, []);
  });
});

describe('removing a guard', () => {
  test('leaves nothing of it or of unfinished parts, and returns whether there was one', () => {
    const { bpf } = withGuard();
    bpf.makeDirectory(unfinishedOf(pins));
    assert.equal(removeGuard(bpf, pins), true);
    assertOnlyNames(bpf.kernel, []);
    assert.equal(bpf.kernel.bpffs.isMounted, false);
    assert.equal(removeGuard(bpf, pins), false);
  });

  test('does not unmount bpffs where others have mounted it', () => {
    const bpf = new SimBpf();
    bpf.makeDirectory('/sys/fs/bpf');
    GuardKernel.install(bpf, PLACE, inForce(1)).remove();
    assert.equal(bpf.kernel.bpffs.isMounted, true);
  });

  test('removes an older one, even if its programs are no longer called, but not a newer one', () => {
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

  test('ends its enforcement even if another process has a link open', () => {
    const { bpf } = withGuard();
    const link = new SimBpf(bpf.kernel).openLink(`${pins}/bind4`);
    removeGuard(bpf, pins);
    assert.equal(link?.cgroupId, 0n);
    assert.equal(judged(bpf.kernel), 'nothing');
  });

  const enforced = () => {
    const at = withGuard();
    configure(at.bpf, (config) => config.set('mode', MODE.enforce));
    return at;
  };
  for (const fate of ['fails', 'dies'] as const) {
    test(`leaves no bind half refused when a call ${fate}, and can be repeated`, () => {
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
