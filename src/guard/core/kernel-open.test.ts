// Opens, inspects and installs the guard in the kernel: changes nothing that need not change, and leaks nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { putInOlder } from '../../../test/support/older-guard.ts';
import {
  assertNothingLeft,
  assertOnlyNames,
  atEachCall,
  GUARD_NAMES,
  inForce,
  judged,
  makerOf,
  PLACE,
  WEB_UID,
} from '../../../test/support/sim/guard.ts';
import { SimBpf } from '../../../test/support/sim/kernel-bpf.ts';
import { Assembler } from '../../bpf/assembler.ts';
import { R0 } from '../../bpf/instruction.ts';
import { encode } from '../../bpf/program.ts';
import type { KernelHook } from '../../host/host.ts';
import type { TableMaker } from '../app/kernel/install.ts';
import { GuardKernel } from '../app/kernel/kernel.ts';
import { HOOKS, UNIT_HOOKS } from '../app/kernel/maps.ts';
import { GUARD_ABI } from '../bpf/layout.ts';

const { pins } = PLACE;

/** What judges binds with the tables of revision 1 in force. */
const by = (revision: number, mode = 'enforce'): string => `${mode} ${4000 + revision} for ${WEB_UID}`;

/** A guard that enforces revision 1. */
function enforced() {
  const bpf = new SimBpf();
  const guard = GuardKernel.install(bpf, PLACE, inForce(1));
  guard.setMode('enforce');
  return { bpf, kernel: bpf.kernel, guard };
}

const opened = (bpf: SimBpf, maker?: TableMaker): GuardKernel =>
  GuardKernel.open(bpf, pins, maker) ?? assert.fail('no guard');

/** A program that does nothing, under the name of one of the guard's. */
function otherProgram(bpf: SimBpf, hook: KernelHook, name = `portreeve_${hook.replace('cgroup_', '')}`) {
  const other = new Assembler(name);
  other.mov(R0, 1);
  other.exit();
  return bpf.loadProgram(
    name,
    hook,
    encode(other.assemble(), () => -1),
  );
}

/** Replaces the program of a hook. */
function exchangeProgram(bpf: SimBpf, hook: KernelHook, name?: string): void {
  const link = bpf.openLink(`${pins}/${hook}`) ?? assert.fail(`no link ${hook}`);
  const program = otherProgram(bpf, hook, name);
  link.update(program);
  for (const one of [link, program]) one.close();
}

describe('opening', () => {
  test('returns undefined where there is no guard', () => {
    assert.equal(GuardKernel.open(new SimBpf(), pins), undefined);
    assert.equal(GuardKernel.inspect(new SimBpf(), pins), undefined);
  });

  test('does not replace programs of this build', () => {
    const { bpf, guard } = enforced();
    guard.close();
    const before = bpf.kernel.attached(PLACE.cgroup, 'bind4');
    opened(bpf, { tablesOf: () => assert.fail('it has this version'), jobs: () => assert.fail() }).close();
    assert.deepEqual(bpf.kernel.attached(PLACE.cgroup, 'bind4'), before);
    assert.deepEqual(bpf.opened, []);
  });

  for (const hook of [...HOOKS, ...UNIT_HOOKS]) {
    test(`replaces the program of another build: ${hook}`, () => {
      const { bpf, kernel, guard } = enforced();
      exchangeProgram(bpf, hook);
      if (hook.startsWith('cgroup_')) assert.equal(guard.state().namesUnits, false);
      const other = opened(bpf);
      assert.equal(other.state().namesUnits, true);
      assert.equal(judged(kernel), by(1));
      for (const one of [guard, other]) one.close();
      assert.deepEqual(bpf.opened, []);
      assertOnlyNames(kernel, GUARD_NAMES);
    });
  }

  test('replaces a program of portreeve that uses the maps of another guard', () => {
    const { bpf, kernel } = enforced();
    const elsewhere = { pins: `${pins}-2`, cgroup: '/sys/fs/cgroup/two' };
    kernel.cgroups.set(elsewhere.cgroup, 2n);
    GuardKernel.install(bpf, elsewhere, inForce(2)).close();
    const [link, otherLink] = [bpf.openLink(`${pins}/bind4`), bpf.openLink(`${elsewhere.pins}/bind4`)];
    const program = bpf.programById(otherLink?.programId ?? 0) ?? assert.fail();
    link?.update(program);
    opened(bpf).close();
    assert.equal(judged(kernel), by(1));
  });

  const older = () => {
    const bpf = new SimBpf();
    putInOlder(bpf, PLACE, { mode: 'enforce', users: [[WEB_UID, 'WEB']], namespaces: [] });
    return bpf;
  };

  test('replaces an older guard only if its tables can be built', () => {
    const bpf = older();
    const before = judged(bpf.kernel);
    assert.throws(() => opened(bpf), { code: 'GUARD_OLDER' });
    assert.equal(judged(bpf.kernel), before);
    assert.deepEqual(bpf.opened, []);
    opened(bpf, makerOf(1)).close();
    assert.equal(judged(bpf.kernel), by(1));
    assert.deepEqual(bpf.opened, []);
  });

  test('refuses a newer one, and one whose programs are no longer called', () => {
    const newer = new SimBpf();
    putInOlder(newer, PLACE, { mode: 'enforce', users: [], namespaces: [], abi: GUARD_ABI + 1 });
    assert.throws(() => opened(newer, makerOf(1)), { code: 'GUARD_NEWER' });
    assert.deepEqual(newer.opened, []);
    const { bpf, kernel, guard } = enforced();
    guard.close();
    kernel.removeCgroup(PLACE.cgroup);
    assert.throws(() => opened(bpf), { code: 'GUARD_DETACHED' });
    assert.deepEqual(bpf.opened, []);
  });

  test('leaves what is in force, and nothing open, when a call fails', () => {
    const begin = () => {
      const { bpf, guard } = enforced();
      guard.close();
      for (const hook of [...HOOKS, ...UNIT_HOOKS]) exchangeProgram(bpf, hook);
      return { bpf };
    };
    const calls = atEachCall(
      'fails',
      begin,
      ({ bpf }) => opened(bpf).close(),
      ({ bpf, kernel }) => {
        assert.deepEqual(bpf.opened, []);
        for (const hook of HOOKS) assert.equal(kernel.attached(PLACE.cgroup, hook).length, 1);
        opened(bpf).close();
        assert.equal(judged(kernel), by(1));
      },
    );
    assert.ok(calls > 30, `${calls}`);
  });
});

describe('inspecting', () => {
  test('changes nothing and leaves nothing open, whatever the version', () => {
    const { bpf, guard } = enforced();
    const state = guard.state();
    guard.close();
    exchangeProgram(bpf, 'bind4');
    const [attached] = bpf.kernel.attached(PLACE.cgroup, 'bind4');
    assert.deepEqual(GuardKernel.inspect(bpf, pins), state);
    assert.equal(bpf.kernel.attached(PLACE.cgroup, 'bind4')[0], attached);
    assert.deepEqual(bpf.opened, []);
    const older = new SimBpf();
    putInOlder(older, PLACE, { mode: 'observe', users: [], namespaces: [] });
    const found = GuardKernel.inspect(older, pins);
    assert.deepEqual(found && 'abi' in found && [found.abi, found.mode, found.revision], [2, 'observe', 1]);
    assert.deepEqual(older.opened, []);
  });

  test('leaves nothing open when a call fails', () => {
    const begin = () => {
      const { bpf, guard } = enforced();
      guard.close();
      return { bpf };
    };
    const act = ({ bpf }: { readonly bpf: SimBpf }) => GuardKernel.inspect(bpf, pins);
    atEachCall('fails', begin, act, ({ bpf, kernel, thrown }) => {
      assert.ok(thrown instanceof Error);
      assert.deepEqual(bpf.opened, []);
      assert.equal(judged(kernel), by(1));
    });
  });
});

test('installing returns an open guard that is off, or leaves nothing when a call fails', () => {
  const act = ({ bpf }: { readonly bpf: SimBpf }) => GuardKernel.install(bpf, PLACE, inForce(1)).close();
  const begin = () => ({ bpf: new SimBpf() });
  atEachCall('fails', begin, act, ({ bpf, kernel, thrown }) => {
    if (thrown === undefined) assert.equal(judged(kernel), by(1, 'off'));
    else assertNothingLeft(kernel);
    assert.deepEqual(bpf.opened, []);
  });
});
