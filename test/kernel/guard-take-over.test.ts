// A guard of an older portreeve is replaced without a gap, and keeps its state.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GuardPlace, TableMaker } from '../../src/guard/app/kernel/install.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { removeGuard } from '../../src/guard/app/kernel/pinned.ts';
import { GUARD_ABI } from '../../src/guard/bpf/layout.ts';
import { BPFFS } from '../../src/host/linux/bpffs.ts';
import { type AgentBind, BindAgent } from '../support/bind-agent.ts';
import { jobsOf, namesOf, profileOf, tablesOf, WatchedBpf } from '../support/guard.ts';
import { ALICE, BOUND, bindBy, type Setup, setup, TCP6, USERS, WEB } from '../support/guard-setup.ts';
import { installOlder, type OlderGuard } from '../support/older-guard.ts';
import { until } from '../support/sandbox.ts';
import type { TakeOverTask } from '../support/take-over-process.ts';

const TAKE_OVER = join(import.meta.dirname, '../support/take-over-process.ts');
/** The profile of the recorded guard, in present statements. */
const PROFILE = 'PORT\n 4000 TCP WEB\n 4001 TCP ALICE SHAREPORT\n';
const OLDER_USERS = [
  [0, 'ROOT'],
  [1000, 'WEB'],
  [1001, 'ALICE'],
] as const;
const UNKNOWN_ABI = 1;
const TRIAL_NS = 2_000_000_000n;

interface Inner {
  readonly at: Setup;
  readonly bpf: WatchedBpf;
  readonly place: GuardPlace;
  readonly agent: BindAgent;
  /** Installs the older guard. */
  readonly older: (more?: Partial<OlderGuard>) => void;
  readonly maker: TableMaker;
  /** Replaces it. */
  readonly open: (maker?: TableMaker) => GuardKernel;
}

/** A place for an older guard, in a cgroup below that of the setup, whose own guard allows everything. */
async function inner(t: TestContext): Promise<Inner | undefined> {
  const at = await setup(t);
  if (!at) return undefined;
  const bpf = new WatchedBpf();
  const cgroup = at.fixture.below('inner');
  const place = { cgroup, pins: `${at.fixture.place.pins}-inner` };
  t.after(async () => {
    if (existsSync(place.pins)) removeGuard(bpf, place.pins);
    // Its cgroup was removed before.
    assert.deepEqual(
      readdirSync(BPFFS).filter((name) => name.startsWith(basename(place.pins))),
      [],
    );
    await until('the kernel to let go of it', () => bpf.left().length === 0);
  });
  const maker: TableMaker = {
    tablesOf: (revision) =>
      revision === 2
        ? tablesOf(profileOf(''), { revision })
        : tablesOf(profileOf(PROFILE), { revision: revision ?? 7 }),
    jobs: () => jobsOf(bpf, { users: USERS }),
  };
  return {
    at,
    bpf,
    place,
    maker,
    agent: await BindAgent.on(at.fixture, { cgroup }),
    older: (more) =>
      installOlder(bpf, place, {
        mode: 'enforce',
        users: OLDER_USERS,
        namespaces: [at.fixture.netns],
        ...more,
      }),
    open: (given = maker) => GuardKernel.open(bpf, place.pins, given) ?? assert.fail('no guard'),
  };
}

/** The results for WEB and ALICE on the port of WEB. */
const answers = async (agent: BindAgent) => [
  await bindBy(agent, 4000, WEB),
  await bindBy(agent, 4000, ALICE),
];
const GUARDED = [BOUND, 'EACCES'];
const OPEN = [BOUND, BOUND];

test('under load no bind is wrongly allowed or refused', async (t) => {
  const on = await inner(t);
  if (!on) return;
  const rounds = 4;
  const loops = await Promise.all(
    Array.from({ length: 4 }, () => BindAgent.on(on.at.fixture, { cgroup: on.place.cgroup, isNice: true })),
  );
  const bindsOf = (port: number): AgentBind[] => [
    { socket: 'tcp4', address: '0.0.0.0', port },
    { ...TCP6, port },
  ];
  /** The user, the port, and the expected result of every attempt. */
  const tries = [
    [WEB, 4000, [BOUND, '::']],
    [ALICE, 4000, ['EACCES']],
    [ALICE, 4001, [BOUND, '::']],
    [WEB, 4001, ['EACCES']],
  ] as const;
  let total = 0;
  for (let round = 0; round < rounds; round++) {
    on.older();
    const stops = tries.map(([user, port], i) => loops[i]?.repeat(bindsOf(port), user) ?? assert.fail());
    on.open().close();
    const counts = await Promise.all(stops.map((stop) => stop()));
    for (const [i, count] of counts.entries()) {
      assert.deepEqual(Object.keys(count).sort(), tries[i]?.[2], `round ${round}`);
      total += Object.values(count).reduce((sum, one) => sum + one, 0);
    }
    removeGuard(on.bpf, on.place.pins);
  }
  assert.ok(total > 100 * rounds, `only ${total} binds`);
  t.diagnostic(`${total} binds`);
});

test('mode, counters, namespaces, time and unread events are kept', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older();
  assert.deepEqual(await answers(on.agent), GUARDED);
  const events = on.bpf.openMap(`${on.place.pins}/events`);
  events?.close();
  const guard = on.open();
  assert.deepEqual(await answers(on.agent), GUARDED);
  const { mode, revision, since, counters, namespaces, home, trialMs } = guard.state();
  assert.deepEqual(
    { mode, revision, since, trialMs },
    {
      mode: 'enforce',
      revision: 1,
      since: 1_700_000_000_000,
      trialMs: undefined,
    },
  );
  assert.deepEqual([counters.judged, counters.RESERVED_FOR_OTHERS], [2n, 2n]);
  assert.deepEqual([home, namespaces.includes(on.at.fixture.netns)], [on.bpf.namespaceCookie(), true]);
  assert.equal(guard.events.info.id, events?.info.id);
  // And it is a guard like any other.
  guard.swap(tablesOf(profileOf('PORT 4000 TCP ALICE')), on.maker.jobs, Date.now());
  assert.deepEqual(await answers(on.agent), ['EACCES', BOUND]);
  guard.close();
  assert.deepEqual(namesOf(on.place), [on.place.cgroup, on.place.pins]);
  on.open({ tablesOf: () => assert.fail('it has this version'), jobs: () => assert.fail() }).close();
});

for (const mode of ['observe', 'off'] as const) {
  test(`one in the mode ${mode} keeps it`, async (t) => {
    const on = await inner(t);
    if (!on) return;
    on.older({ mode });
    assert.deepEqual(await answers(on.agent), OPEN);
    const guard = on.open();
    assert.deepEqual(await answers(on.agent), OPEN);
    assert.equal(guard.state().mode, mode);
    guard.setMode('enforce');
    assert.deepEqual(await answers(on.agent), GUARDED);
    guard.close();
  });
}

test('a trial continues, and reverts by itself', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older({ trialUntil: on.bpf.bootNow() + TRIAL_NS });
  assert.deepEqual(await answers(on.agent), OPEN);
  const guard = on.open();
  const { trialMs = 0, revision } = guard.state();
  assert.ok(trialMs > 0 && trialMs <= 2000 && revision === 2, `${trialMs} ${revision}`);
  assert.deepEqual(await answers(on.agent), OPEN);
  await until('it to go back', () => guard.state().hasReverted);
  assert.deepEqual(await answers(on.agent), GUARDED);
  assert.equal(
    guard.settle((number) => number),
    1,
  );
  guard.close();
});

test('a reverted trial that is not settled is kept as such', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older({ trialUntil: on.bpf.bootNow() });
  assert.deepEqual(await answers(on.agent), GUARDED);
  const guard = on.open();
  assert.deepEqual(await answers(on.agent), GUARDED);
  assert.equal(
    guard.settle((number) => number),
    1,
  );
  assert.deepEqual(await answers(on.agent), GUARDED);
  guard.close();
});

test('one of an unknown layout gets the profile in force of the archive, and counts from zero', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older({ abi: UNKNOWN_ABI });
  assert.deepEqual(await answers(on.agent), GUARDED);
  const guard = on.open();
  assert.deepEqual(await answers(on.agent), GUARDED);
  const { revision, counters } = guard.state();
  assert.deepEqual([revision, counters.judged, counters.RESERVED_FOR_OTHERS], [7, 1n, 1n]);
  guard.close();
  removeGuard(on.bpf, on.place.pins);

  on.older({ abi: UNKNOWN_ABI, trialUntil: on.bpf.bootNow() + TRIAL_NS });
  assert.throws(() => on.open(), { code: 'GUARD_TRIAL' });
});

test('without tables, or where these cannot be determined, it is not changed', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older();
  assert.throws(() => GuardKernel.open(on.bpf, on.place.pins), { code: 'GUARD_OLDER' });
  const made = on.bpf.made.length;
  assert.throws(() => on.open({ ...on.maker, tablesOf: () => assert.fail('not recorded') }), /not recorded/);
  assert.ok(on.bpf.made.length > made);
  assert.deepEqual(namesOf(on.place), [on.place.cgroup, on.place.pins]);
  assert.deepEqual(await answers(on.agent), GUARDED);
  const left = on.bpf.made.slice(made).map(([, id]) => id);
  await until('what was begun to go', () => !on.bpf.left().some(([, id]) => left.includes(id)));
  const seen = GuardKernel.inspect(on.bpf, on.place.pins);
  assert.ok(seen && 'abi' in seen && !seen.isNewer);
  assert.deepEqual([seen.abi, seen.mode, seen.revision, seen.counters['judged']], [2, 'enforce', 1, 1n]);
});

test('one of a newer portreeve is refused, and not changed', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older({ abi: GUARD_ABI + 1 });
  assert.throws(() => on.open(), { code: 'GUARD_NEWER' });
  assert.throws(() => removeGuard(on.bpf, on.place.pins), { code: 'GUARD_NEWER' });
  assert.deepEqual(await answers(on.agent), GUARDED);
  const seen = GuardKernel.inspect(on.bpf, on.place.pins);
  assert.ok(seen && 'abi' in seen && seen.isNewer);
  assert.deepEqual([seen.mode, seen.revision, seen.counters], ['enforce', undefined, {}]);
  // Its own version removes it.
  on.bpf.removeDirectory(on.place.pins);
});

test('a foreign program under the names of the guard is not changed', async (t) => {
  const on = await inner(t);
  if (!on) return;
  on.older();
  const foreign = on.bpf.loadProgram('foreign', 'bind6', ALLOW);
  const link = on.bpf.openLink(`${on.place.pins}/bind6`) ?? assert.fail('no link');
  link.update(foreign);
  foreign.close();
  const { programId } = link;
  for (const act of [
    on.open,
    () => removeGuard(on.bpf, on.place.pins),
    () => GuardKernel.inspect(on.bpf, on.place.pins),
  ]) {
    assert.throws(() => act(), { code: 'GUARD_FOREIGN' });
  }
  assert.equal(link.programId, programId);
  link.close();
  on.bpf.removeDirectory(on.place.pins);
});

/** r0 = 1; exit */
const ALLOW = Uint8Array.from(Buffer.from('b7000000010000009500000000000000', 'hex'));

test('a process that is killed in between leaves one or the other in force, and the next one continues', async (t) => {
  const on = await inner(t);
  if (!on) return;
  const task: TakeOverTask = { pins: on.place.pins, profile: PROFILE, jobs: { users: USERS } };
  const takeOver = (dieBefore?: number) => {
    const words = [TAKE_OVER, JSON.stringify({ ...task, ...(dieBefore !== undefined && { dieBefore }) })];
    return spawnSync(process.execPath, words, { encoding: 'utf8' });
  };
  on.older();
  const whole = takeOver();
  const steps: string[] = JSON.parse(whole.stdout);
  removeGuard(on.bpf, on.place.pins);
  const names = ['fill rules_set', 'exchange', 'update', 'removeDirectory'];
  const points = [...new Set([...names.map((name) => steps.lastIndexOf(name)), steps.indexOf('update')])];
  assert.ok(points.every((point) => point > 0) && points.length === names.length + 1, `${steps}`);
  for (const point of points) {
    on.older();
    assert.equal(takeOver(point).signal, 'SIGKILL');
    assert.deepEqual(await answers(on.agent), GUARDED, `killed before ${steps[point]}`);
    const guard = on.open();
    assert.deepEqual(await answers(on.agent), GUARDED);
    guard.swap(tablesOf(profileOf('PORT 4000 TCP ALICE')), on.maker.jobs, Date.now());
    assert.deepEqual(await answers(on.agent), ['EACCES', BOUND], `after ${steps[point]}`);
    guard.remove();
    assert.deepEqual(namesOf(on.place), [on.place.cgroup]);
    assert.deepEqual(await answers(on.agent), OPEN);
  }
});
