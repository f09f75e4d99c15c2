// Several processes share a guard: each sees what the others put in force, and none changes a guard that is gone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TableMaker } from '../../src/guard/app/kernel/install.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { removeGuard } from '../../src/guard/app/kernel/pinned.ts';
import { CONFIG } from '../../src/guard/bpf/layout.ts';
import { type AgentUser, BindAgent } from '../support/bind-agent.ts';
import { jobsOf, type NamedJobs, namesOf, nothingInForce, profileOf, tablesOf } from '../support/guard.ts';
import type { GuardTask } from '../support/guard-process.ts';
import { ALICE, BOUND, bindBy, type Setup, setup, USERS, WEB } from '../support/guard-setup.ts';
import { until } from '../support/sandbox.ts';

const GUARD_PROCESS = join(import.meta.dirname, '../support/guard-process.ts');
const FIRST = 'PORT\n 4000 TCP WEB\n 4001 TCP RESERVED\n';
const SECOND = 'PORT\n 4001 TCP WEB\n 4002 TCP CAROL\n';
const CAROL = { uid: 2000 };
const WITH_CAROL: NamedJobs = { users: [...USERS, [2000, 'WEB']] };
const NO_ONE = { cgroups: [], users: [] };
const TRIAL_MS = 1500;
const MINUTE_MS = 60_000;

const opened = (at: Setup): GuardKernel =>
  GuardKernel.open(at.fixture.bpf, at.fixture.place.pins) ?? assert.fail('no guard');

/** Builds the tables of the revisions 1 and 2, as a process does that reads the archive. */
function makerOf(at: Setup, jobs: NamedJobs = { users: USERS }, texts = [FIRST, SECOND]): TableMaker {
  return {
    tablesOf: (revision = 0) => tablesOf(profileOf(texts[revision - 1] ?? ''), { revision }),
    jobs: () => jobsOf(at.fixture.bpf, jobs),
  };
}

/** Whether a user gets the ports of the first profile, and of the second one. */
const gets = async (at: Setup, user: AgentUser) => [await at.bind(4000, user), await at.bind(4001, user)];
const ALL = [BOUND, BOUND];
const BY_FIRST = [BOUND, 'EACCES'];
const BY_NONE = ['EACCES', 'EACCES'];

test('a process that did not build the tables of a trial follows jobs in both sets', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(FIRST, { revision: 1 });
  at.inForce(SECOND, { revision: 2, trialMs: TRIAL_MS });
  const other = opened(at);
  assert.equal(other.knowsTables, false);
  assert.equal(other.updateJobs(jobsOf(at.fixture.bpf, WITH_CAROL), NO_ONE), false);
  other.renew(makerOf(at));
  assert.equal(other.knowsTables, true);
  assert.deepEqual([await gets(at, WEB), await gets(at, CAROL)], [ALL, [BOUND, 'EACCES']]);
  assert.equal(other.updateJobs(jobsOf(at.fixture.bpf, WITH_CAROL), NO_ONE), true);
  assert.deepEqual(await gets(at, CAROL), ALL);
  await until('the trial to end', () => other.hasReverted);
  assert.deepEqual([await gets(at, CAROL), await gets(at, ALICE)], [BY_FIRST, BY_NONE]);
  assert.equal(other.knowsTables, true);
  other.close();
});

test('during a trial, tables that have changed are not replaced', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(FIRST, { revision: 1 });
  at.inForce(SECOND, { revision: 2, trialMs: MINUTE_MS });
  const other = opened(at);
  for (const texts of [
    [FIRST, 'PORT 4001 TCP WEB\n'],
    ['PORT 4000 TCP WEB\n', SECOND],
  ]) {
    assert.throws(() => other.renew(makerOf(at, WITH_CAROL, texts)), { code: 'GUARD_TRIAL' });
  }
  assert.deepEqual(await gets(at, CAROL), [BOUND, 'EACCES']);
  assert.equal(other.knowsTables, false);
  assert.equal(other.confirm(), true);
  // Without a trial, new tables replace them.
  other.renew(makerOf(at, WITH_CAROL, [FIRST, 'PORT 4001 TCP WEB\n']));
  assert.deepEqual(await gets(at, CAROL), ALL);
  assert.equal(await at.bind(4002, CAROL), BOUND);
  other.close();
});

test('users that SAF permits are also followed during a trial', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const text = 'PORT 4000 TCP WEB SAF RES\n';
  const permits = (uids: readonly number[]) => () => ({
    uids: new Map(uids.map((uid) => [uid, true] as const)),
    everyone: false,
  });
  at.inForce(text, { revision: 1, permits: permits([]) });
  at.inForce(text, { revision: 2, permits: permits([]), trialMs: MINUTE_MS });
  assert.equal(await at.bind(4000, WEB), 'EACCES');
  const maker = {
    ...makerOf(at),
    tablesOf: (revision = 0) => tablesOf(profileOf(text), { revision, permits: permits([1000]) }),
  };
  at.fixture.kernel.renew(maker);
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(at.fixture.kernel.revert(), true);
  assert.equal(await at.bind(4000, WEB), BOUND);
});

test('tables that were replaced twice are not confused with the earlier ones', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel, bpf } = at.fixture;
  at.inForce(FIRST, { revision: 1 });
  const since = Date.now();
  const other = opened(at);
  // The same slot as before, at the same time: only the number of the swap distinguishes them.
  for (const text of ['PORT 4000 TCP A\n', 'PORT\n 4001 TCP A\n 4000 TCP OTHER\n']) {
    other.swap(tablesOf(profileOf(text), { revision: 1 }), () => jobsOf(bpf, { users: USERS }), since);
  }
  assert.equal(kernel.knowsTables, false);
  assert.equal(kernel.updateJobs(jobsOf(bpf, WITH_CAROL), NO_ONE), false);
  assert.deepEqual(await gets(at, CAROL), BY_NONE);
  // It knows its own tables.
  assert.equal(other.updateJobs(jobsOf(bpf, { users: [[2000, 'OTHER']] }), NO_ONE), true);
  assert.deepEqual(await gets(at, CAROL), BY_FIRST);
  other.close();
});

test('what another process has just put in force is not replaced', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel } = at.fixture;
  at.inForce(FIRST, { revision: 1 });
  const other = opened(at);
  const over = other.swapInForce;
  const slow: TableMaker = {
    ...makerOf(at),
    tablesOf: (revision = 0) => {
      at.inForce(SECOND, { revision: 2 });
      return tablesOf(profileOf(FIRST), { revision });
    },
  };
  assert.throws(() => other.renew(slow), { code: 'GUARD_MOVED' });
  const tables = tablesOf(profileOf(FIRST), { revision: 1 });
  const jobs = () => jobsOf(at.fixture.bpf, { users: USERS });
  assert.throws(() => other.swap(tables, jobs, Date.now(), undefined, over), { code: 'GUARD_MOVED' });
  assert.equal(kernel.state().revision, 2);
  assert.deepEqual(await gets(at, WEB), ALL);
  other.swap(tables, jobs, Date.now(), undefined, other.swapInForce);
  assert.deepEqual(await gets(at, WEB), BY_FIRST);
  other.close();
});

test('a guard that was removed or replaced is not changed', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, place } = at.fixture;
  const inner = { cgroup: at.fixture.below('inner'), pins: `${place.pins}-inner` };
  const first = GuardKernel.install(bpf, inner, nothingInForce());
  const other = GuardKernel.open(bpf, inner.pins) ?? assert.fail('no guard');
  other.setMode('observe');
  first.remove();
  const changes = [
    () => other.setMode('enforce'),
    () => other.confirm(),
    () => other.swap(tablesOf(profileOf(FIRST)), nothingInForce().jobs, Date.now()),
    () => other.updateJobs(nothingInForce().jobs(), NO_ONE),
    () => other.renew(makerOf(at)),
  ];
  for (const change of changes) assert.throws(change, { code: 'GUARD_GONE' });
  const second = GuardKernel.install(bpf, inner, nothingInForce());
  for (const change of changes) assert.throws(change, { code: 'GUARD_GONE' });
  assert.equal(second.state().mode, 'off');
  second.setMode('enforce');
  assert.equal(second.state().mode, 'enforce');
  other.close();
  second.remove();
  assert.deepEqual(namesOf(inner), [inner.cgroup]);
});

test('of several processes that install a guard at once one succeeds, and the others report an error', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const place = { cgroup: at.fixture.below('inner'), pins: `${at.fixture.place.pins}-inner` };
  const task: GuardTask = {
    from: 'install',
    place,
    netns: `${at.fixture.netns}`,
    profile: FIRST,
    jobs: { users: USERS },
  };
  const children = Array.from({ length: 5 }, () =>
    spawn(process.execPath, [GUARD_PROCESS, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const outputs = await Promise.all(
    children.map(async ({ stdout, stderr }) => {
      const [first] = await Promise.race([once(stdout, 'data'), once(stderr, 'data')]);
      return `${first}`;
    }),
  );
  assert.equal(outputs.filter((text) => text.startsWith('{')).length, 1);
  assert.equal(
    outputs.filter((text) => text.includes('GUARD_THERE') || text.includes('already exists')).length,
    4,
  );
  assert.deepEqual(namesOf(place), [place.cgroup, place.pins]);
  const agent = await BindAgent.on(at.fixture, { cgroup: place.cgroup });
  assert.deepEqual([await bindBy(agent, 4000, WEB), await bindBy(agent, 4000, ALICE)], BY_FIRST);
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'close')));
  assert.equal(removeGuard(at.fixture.bpf, place.pins), true);
  assert.equal(await bindBy(agent, 4000, ALICE), BOUND);
});

test('more users than there is room for leave nothing open, and get room when the tables are rebuilt', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel, bpf } = at.fixture;
  at.inForce(FIRST, { revision: 1 });
  const many = Array.from({ length: 5000 }, (_, i) => [100_000 + i, 'WEB'] as const);
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  assert.throws(() => kernel.updateJobs(jobsOf(bpf, { users: many }), NO_ONE), { code: 'BPF_CALL' });
  assert.equal(descriptors(), before);
  const last = { uid: 104_999 };
  assert.deepEqual(await gets(at, last), BY_NONE);
  kernel.renew(makerOf(at, { users: many }));
  assert.deepEqual(await gets(at, last), BY_FIRST);
  assert.equal(descriptors(), before);
});

test('the first change of a new guard can be on trial: it reverts to the first profile', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, kernel } = at.fixture;
  const { tables, jobs } = nothingInForce();
  kernel.setMode('enforce');
  const before = bpf.left().length;
  at.inForce(FIRST, { revision: 1, trialMs: TRIAL_MS });
  assert.deepEqual(await gets(at, ALICE), BY_NONE);
  await until('the trial to end', () => kernel.hasReverted);
  assert.deepEqual(await gets(at, ALICE), ALL);
  assert.equal(
    kernel.settle((revision) => revision),
    0,
  );
  // The maps of the trial are kept, and contain the tables after these.
  assert.equal(bpf.left().length, before + 5);
  kernel.swap(tables, jobs, Date.now());
  kernel.swap(tables, jobs, Date.now());
  assert.equal(bpf.left().length, before + 5);
  assert.deepEqual(await gets(at, ALICE), ALL);
});

test('a process that is killed before the tables of its trial are in force changes nothing', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, kernel, place } = at.fixture;
  at.inForce(FIRST, { revision: 1 });
  // The state just before the slot changes: the deadline is set, and both slots are the one in force.
  const config = bpf.openMap(`${place.pins}/config`) ?? assert.fail('no config');
  const memory = config.memory('read and write');
  const { slot, previousSlot, deadline } = CONFIG.fields;
  memory.view.setUint32(previousSlot.offset, memory.view.getUint32(slot.offset, true), true);
  memory.view.setBigUint64(deadline.offset, bpf.bootNow() + 1n, true);
  memory.close();
  config.close();
  await until('the trial to end', () => kernel.hasReverted);
  assert.equal(
    kernel.settle((revision) => revision),
    1,
  );
  assert.deepEqual([await gets(at, WEB), await gets(at, ALICE)], [BY_FIRST, BY_NONE]);
});
