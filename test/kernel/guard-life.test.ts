// The life of the guard: trials, killed processes, modes, and what is left when it is removed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { R0 } from '../../src/bpf/instruction.ts';
import { encode } from '../../src/bpf/program.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { openCgroup } from '../../src/host/linux/cgroup.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { sys } from '../../src/host/linux/sys/libc.ts';
import { BindAgent } from '../support/bind-agent.ts';
import { attachedPrograms, objectIds } from '../support/bpf-queries.ts';
import { namesOf, nothingInForce } from '../support/guard.ts';
import type { GuardDone, GuardTask } from '../support/guard-process.ts';
import { ALICE, BOUND, bindBy, type Setup, setup, USERS, WEB } from '../support/guard-setup.ts';
import { until } from '../support/sandbox.ts';

const GUARD_PROCESS = join(import.meta.dirname, '../support/guard-process.ts');
const FOR_WEB = 'PORT 4000 TCP WEB\n';
const FOR_ALICE = 'PORT 4000 TCP ALICE\n';
const TRIAL_MS = 1000;
const MINUTE_MS = 60_000;

/** Which user may bind 4000 now. */
async function holder(agent: BindAgent): Promise<string> {
  const results = [await bindBy(agent, 4000, WEB), await bindBy(agent, 4000, ALICE)];
  const names: Readonly<Record<string, string>> = {
    [`${BOUND} EACCES`]: 'WEB',
    [`EACCES ${BOUND}`]: 'ALICE',
    [`${BOUND} ${BOUND}`]: 'both',
  };
  return names[results.join(' ')] ?? results.join(' ');
}

/** Starts a process with a guard, and waits until its profile is in force. */
async function guardProcess(t: TestContext, task: GuardTask) {
  const child = spawn(process.execPath, [GUARD_PROCESS, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const line = await until('the guard to be in force', () => /^\{.*\}$/m.exec(output)?.[0], 30_000);
  const { made }: GuardDone = JSON.parse(line);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return { made, kill };
}

/** A guard of another process in a cgroup below that of the setup, whose own guard allows everything. */
async function inner(at: Setup) {
  const cgroup = at.fixture.below('inner');
  const place = { cgroup, pins: `${at.fixture.place.pins}-inner` };
  const netns = `${at.fixture.netns}`;
  const task = { from: 'install', place, netns, profile: FOR_WEB, jobs: { users: USERS } } as const;
  return { place, task, agent: await BindAgent.on(at.fixture, { cgroup }) };
}

function opened(at: Setup, pins = at.fixture.place.pins): GuardKernel {
  return GuardKernel.open(at.fixture.bpf, pins) ?? assert.fail(`no guard at ${pins}`);
}

test('kill -9 of the process that installed the guard changes nothing; another one takes over', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { place, task, agent } = await inner(at);
  const first = await guardProcess(t, task);
  assert.equal(await holder(agent), 'WEB');
  await first.kill();
  assert.equal(await holder(agent), 'WEB');

  const second = await guardProcess(t, { ...task, from: 'open', profile: FOR_ALICE });
  assert.equal(await holder(agent), 'ALICE');
  await second.kill();
  assert.equal(await holder(agent), 'ALICE');

  const guard = opened(at, place.pins);
  assert.equal(guard.state().mode, 'enforce');
  guard.remove();
  assert.equal(await holder(agent), 'both');
  const made = [...first.made, ...second.made];
  assert.ok(made.length > 20);
  const left = () => made.filter(([kind, id]) => [...objectIds(kind)].includes(id));
  await until('the kernel to let go of what the processes made', () => left().length === 0);
});

test('a trial reverts by itself, even when the process that began it is killed', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { place, task, agent } = await inner(at);
  await (await guardProcess(t, task)).kill();
  const trial = await guardProcess(t, { ...task, from: 'open', profile: FOR_ALICE, trialMs: 3 * TRIAL_MS });
  assert.equal(await holder(agent), 'ALICE');
  await trial.kill();
  assert.equal(await holder(agent), 'ALICE');
  await until('the trial to end', async () => (await holder(agent)) === 'WEB');
  const guard = opened(at, place.pins);
  assert.equal(guard.state().hasReverted, true);
  guard.remove();
});

test('a confirmed trial is permanent, and there is only one at a time', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel, bpf } = at.fixture;
  at.inForce(FOR_WEB);
  assert.equal(kernel.confirm(), false);
  at.inForce(FOR_ALICE, { trialMs: TRIAL_MS });
  const end = bpf.bootNow() + BigInt(TRIAL_MS) * 1_000_000n;
  assert.throws(() => at.inForce(FOR_WEB), { code: 'GUARD_TRIAL' });
  assert.ok((kernel.state().trialMs ?? 0) > 0);
  assert.equal(kernel.confirm(), true);
  await until('the end of what was the trial', () => bpf.bootNow() > end);
  assert.equal(await holder(at.agent), 'ALICE');
  const { trialMs, hasReverted } = kernel.state();
  assert.deepEqual({ trialMs, hasReverted }, { trialMs: undefined, hasReverted: false });
  at.inForce(FOR_WEB);
  assert.equal(await holder(at.agent), 'WEB');
});

test('after a reverted trial another profile can be applied', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(FOR_WEB);
  at.inForce(FOR_ALICE, { trialMs: 1 });
  await until('the trial to end', () => at.fixture.kernel.state().hasReverted);
  assert.equal(await holder(at.agent), 'WEB');
  assert.equal(at.fixture.kernel.confirm(), false);
  // What was on trial may be recorded as in force: first it is recorded that it is not.
  assert.throws(() => at.inForce(FOR_ALICE), { code: 'GUARD_TRIAL_ENDED' });
  assert.throws(() => at.fixture.kernel.settle(() => assert.fail('not recorded')), /not recorded/);
  assert.equal(at.fixture.kernel.state().hasReverted, true);
  assert.equal(
    at.fixture.kernel.settle((revision) => revision),
    1,
  );
  assert.equal(
    at.fixture.kernel.settle(() => assert.fail()),
    undefined,
  );
  at.inForce(FOR_ALICE, { trialMs: MINUTE_MS });
  assert.equal(await holder(at.agent), 'ALICE');
  assert.equal(at.fixture.kernel.confirm(), true);
  assert.equal(await holder(at.agent), 'ALICE');
});

test('observe refuses nothing, changes nothing and counts; off does not even count', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel } = at.fixture;
  const counted = () => {
    const { judged, RESERVED_FOR_OTHERS } = kernel.state().counters;
    return [judged, RESERVED_FOR_OTHERS];
  };
  at.inForce('PORT\n 4000 TCP WEB BIND 192.0.2.7\n 80 TCP WEB\n');
  assert.equal(await at.bind(4000, WEB), '192.0.2.7');
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
  assert.equal(await at.bind(80, WEB), BOUND);
  assert.deepEqual(counted(), [2n, 1n]);
  kernel.setMode('observe');
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(await at.bind(4000, ALICE), BOUND);
  assert.equal(await at.bind(80, WEB), 'EACCES');
  assert.deepEqual(counted(), [4n, 2n]);
  kernel.setMode('off');
  assert.equal(await at.bind(4000, ALICE), BOUND);
  assert.deepEqual(counted(), [4n, 2n]);
});

test('jobs that appear and disappear are followed in the tables in force', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { kernel, bpf, place } = at.fixture;
  at.inForce('PORT\n 4000 TCP WEB\n 4001 TCP OMVS\n');
  const carol = { uid: 2000 };
  assert.equal(await at.bind(4001, carol), 'EACCES');
  const job = at.fixture.jobs({ users: [[2000, 'WEB']] });
  assert.equal(kernel.updateJobs(job, { cgroups: [], users: [1000] }), true);
  assert.equal(await at.bind(4000, carol), BOUND);
  assert.equal(await at.bind(4000, WEB), 'EACCES');
  assert.equal(await at.bind(4001, WEB), 'EACCES');
  const cgroups = at.fixture.jobs({ cgroups: [[place.cgroup, 'WEB']] });
  assert.equal(kernel.updateJobs(cgroups, { cgroups: [], users: [] }), true);
  assert.equal(await at.bind(4000, ALICE), BOUND);
  const none = at.fixture.jobs({});
  assert.equal(kernel.updateJobs(none, { cgroups: [bpf.cgroupId(place.cgroup)], users: [] }), true);
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
  // A process that did not install the tables cannot know their numbers.
  const other = opened(at);
  assert.equal(other.updateJobs(job, { cgroups: [], users: [] }), false);
  other.close();
});

test('a program of another build is replaced without a gap', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, place } = at.fixture;
  at.inForce(FOR_WEB);
  const older = new Assembler('portreeve_bind4');
  older.mov(R0, 0);
  older.exit();
  const program = bpf.loadProgram(
    'portreeve_bind4',
    'bind4',
    encode(older.assemble(), () => -1),
  );
  const link = bpf.openLink(`${place.pins}/bind4`) ?? assert.fail('no link');
  link.update(program);
  program.close();
  assert.equal(await at.bind(4000, WEB), 'EPERM');
  const olderId = link.programId;
  const guard = opened(at);
  assert.notEqual(link.programId, olderId);
  assert.equal(await holder(at.agent), 'WEB');
  const ownId = link.programId;
  opened(at).close();
  assert.equal(link.programId, ownId, 'our program is not replaced');
  guard.close();
  link.close();
});

test('a foreign object at the place of the guard is not changed', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { place } = at.fixture;
  const bpf = new LinuxBpf();
  const pins = `${place.pins}-foreign`;
  assert.equal(GuardKernel.open(bpf, pins), undefined);
  bpf.makeDirectory(pins);
  t.after(() => bpf.removeDirectory(pins));
  const map = bpf.createMap({ type: 'array', name: 'foreign', keyBytes: 4, valueBytes: 4, entries: 1 });
  bpf.pin(map, `${pins}/config`);
  map.close();
  assert.throws(() => GuardKernel.open(bpf, pins), { code: 'GUARD_FOREIGN' });
  assert.throws(() => GuardKernel.install(bpf, { pins, cgroup: place.cgroup }, nothingInForce()), {
    code: 'GUARD_THERE',
  });
  const foreign = bpf.openMap(`${pins}/config`);
  assert.equal(foreign?.info.name, 'foreign');
  foreign?.close();
});

test('an existing guard is not installed a second time, and continues', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, place } = at.fixture;
  at.inForce(FOR_WEB);
  assert.throws(() => GuardKernel.install(bpf, place, nothingInForce()), { code: 'GUARD_THERE' });
  assert.equal(await holder(at.agent), 'WEB');
  opened(at).close();
});

test('remove leaves the kernel as it was', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  const { place } = fixture;
  const fd = openCgroup(place.cgroup);
  t.after(() => sys.close(fd));
  const attached = () => (['bind4', 'bind6'] as const).flatMap((hook) => attachedPrograms(fd, hook));
  at.inForce(FOR_WEB);
  at.inForce(FOR_ALICE, { trialMs: MINUTE_MS });
  assert.equal(attached().length, 2);
  assert.deepEqual(namesOf(place), [place.cgroup, place.pins]);
  assert.ok(fixture.bpf.left().length > 20);
  await fixture.remove();
  assert.deepEqual(fixture.bpf.left(), []);
  assert.deepEqual(attached(), []);
  assert.deepEqual(namesOf(place), [place.cgroup]);
  assert.equal(await holder(at.agent), 'both');
});
