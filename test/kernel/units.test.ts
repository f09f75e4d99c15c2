// Units have jobs from the moment in which their cgroups are created, without a follower: the kernel assigns them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PortreeveError } from '../../src/base/errors.ts';
import { namesOf as namesOfJob } from '../../src/base/job.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { bytes32, bytes64 } from '../../src/guard/app/kernel/map-bytes.ts';
import { LinuxCgroups } from '../../src/host/linux/cgroups.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { BpfMap } from '../../src/host/linux/sys/bpf-map.ts';
import { jobsOf, listUnits } from '../../src/job/app/naming.ts';
import type { Jobs } from '../../src/job/core/jobs.ts';
import { BindAgent } from '../support/bind-agent.ts';
import { GuardFixture, guardReady, nothingInForce, profileOf, tablesOf } from '../support/guard.ts';
import { BOUND, USERS } from '../support/guard-setup.ts';
import { needs, probe } from '../support/probe.ts';
import { until } from '../support/sandbox.ts';

/** The maximum length of a job's name. */
const LONG = 'l'.repeat(64);

const PROFILE = `PORT
  4000 TCP SSH
  4001 TCP POSTGRESQL
  4002 TCP POSTGRESQL@15-MAIN
  4003 TCP WEB
  4004 TCP ROOT
  4005 TCP ${LONG.toUpperCase()}
`;

/** A bind of root in a cgroup: the errno, or the bound address. */
const BIND = `import errno, os, socket, sys
for at in range(1, len(sys.argv), 2):
    where, port = sys.argv[at:at + 2]
    child = os.fork()
    if child == 0:
        with open(where + "/cgroup.procs", "w") as procs:
            procs.write("0")
        try:
            socket.socket().bind(("0.0.0.0", int(port)))
            os._exit(0)
        except OSError as problem:
            os._exit(problem.errno)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print(errno.errorcode.get(code, "bound"))`;

interface Setup {
  readonly fixture: GuardFixture;
  /** Creates a cgroup, below a slice, for a unit. */
  readonly unit: (path: string) => string;
  /** Binds to ports, each from the cgroup before it, as root. */
  readonly binds: (...binds: readonly (readonly [cgroup: string, port: number])[]) => Promise<string[]>;
  /** The entry of a cgroup in the set in force: the bytes of its job, or undefined. */
  readonly jobOf: (cgroup: string, slot?: number) => Uint8Array | undefined;
}

async function setup(t: TestContext): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'), probe.cgroupEvents())) return undefined;
  const fixture = await GuardFixture.open(t, { isSlice: true });
  fixture.inForce(PROFILE, { users: USERS });
  const unit = (path: string) => {
    const directory = join(fixture.place.cgroup, path);
    mkdirSync(directory, { recursive: true });
    return directory;
  };
  const binds = async (...all: readonly (readonly [string, number])[]) => {
    const { stdout, stderr } = await fixture.run(['python3', '-c', BIND, ...all.flat().map(String)]);
    assert.equal(stderr, '');
    return stdout.trim().split('\n');
  };
  const jobOf = (cgroup: string, slot = slotInForce(fixture)) => {
    const jobs = jobsIn(fixture, slot);
    const value = jobs?.lookup(bytes64(statSync(cgroup, { bigint: true }).ino));
    jobs?.close();
    return value;
  };
  return { fixture, unit, binds, jobOf };
}

function slotInForce({ bpf, place }: GuardFixture): number {
  const config = bpf.openMap(`${place.pins}/config`) ?? assert.fail('no config');
  const slot = config.lookup(bytes32(0))?.[8] ?? 0;
  config.close();
  return slot;
}

function jobsIn({ bpf, place }: GuardFixture, slot: number): BpfMap | undefined {
  const outer = bpf.openMap(`${place.pins}/cgroups`) ?? assert.fail('no cgroups');
  const id = outer.lookup(bytes32(slot));
  outer.close();
  return id && BpfMap.byId(new DataView(id.buffer).getUint32(0, true));
}

test('a socket unit, a unit in its own slice and an instance bind at once, and no other one', async (t) => {
  const at = await setup(t);
  if (!at) return;
  assert.ok(at.fixture.kernel.state().namesUnits);
  const socket = at.unit('ssh.socket');
  const custom = at.unit('custom.slice/custom-web.slice/web.service');
  const instance = at.unit('system-postgresql.slice/postgresql@15-main.service');
  const other = at.unit('other.service');
  const results = await at.binds(
    [socket, 4000],
    [custom, 4003],
    [instance, 4001],
    [instance, 4002],
    [other, 4000],
    [other, 4001],
    [other, 4003],
    // What has no job by its unit has one by its user.
    [other, 4004],
    [socket, 4004],
  );
  assert.deepEqual(results, [
    ...['bound', 'bound', 'bound', 'bound'],
    ...['EACCES', 'EACCES', 'EACCES', 'bound', 'EACCES'],
  ]);
});

test('what resembles a unit but is not one gets nothing', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const userSlice = at.unit('foreign.slice');
  chownSync(userSlice, 1000, 1000);
  const planted = await at.fixture.run(['mkdir', join(userSlice, 'ssh.service')], { uid: 1000 });
  assert.equal(planted.stderr, '');
  const others = [
    'other.service/ssh.service',
    'docker-0123.scope/ssh.service',
    'docker-0123.scope/system.slice/ssh.service',
    'user.slice/ssh.service',
    'user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service',
    'plain/ssh.service',
    'xssh.service',
    'ssh.servicex',
    'ssh.service.d',
    'ssh.scope',
    'ssh.mount',
    'ssh@.servic',
  ].map(at.unit);
  const binds = [...others, join(userSlice, 'ssh.service')].map((cgroup) => [cgroup, 4000] as const);
  assert.deepEqual(
    await at.binds(...binds),
    binds.map(() => 'EACCES'),
  );
  // Its twin is allowed: created by root, in a slice of root.
  assert.deepEqual(await at.binds([at.unit('mine.slice/ssh.service'), 4000]), ['bound']);
});

test('cgroups of version 1, which have the same numbers, are neither added nor removed', async (t) => {
  const at = await setup(t);
  if (!at || !needs(t, probe.namedHierarchies())) return;
  const hierarchy = mkdtempSync(join(tmpdir(), 'portreeve-v1-'));
  const options = `none,name=${basename(hierarchy)}`;
  assert.equal(spawnSync('mount', ['-t', 'cgroup', '-o', options, 'none', hierarchy]).status, 0);
  const other = join(hierarchy, 'ssh.service');
  t.after(() => {
    if (existsSync(other)) rmdirSync(other);
    assert.equal(spawnSync('umount', [hierarchy]).status, 0);
    rmdirSync(hierarchy);
  });
  mkdirSync(other);
  assert.equal(at.jobOf(other), undefined);
  // A job of that number, as one of version 2 may have that was created long ago.
  at.fixture.inForce(PROFILE, { users: USERS, cgroups: [[other, 'SSH']] });
  assert.ok(at.jobOf(other));
  rmdirSync(other);
  const jobs = jobsIn(at.fixture, slotInForce(at.fixture));
  assert.equal([...(jobs?.keys() ?? [])].length, 1);
  jobs?.close();
  assert.ok(at.jobOf(at.unit('ssh.service')));
});

test('the kernel assigns the same jobs as a scan of the cgroups', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const slices = ['', 'a.slice', 'a.slice/a-b.slice', 'a.slice/user.slice', 'auser.slice', 'x.scope', 'y'];
  const names = [
    'ssh.service',
    'SSH.socket',
    '_ssh.service',
    '__ssh.service',
    'postgresql@1.service',
    'postgresql@a\\x2db.service',
    'postgresql@a:b.service',
    'postgresql@\u00fc.service',
    `postgresql@${'1'.repeat(64 - 'postgresql@'.length)}.service`,
    `postgresql@${'1'.repeat(65 - 'postgresql@'.length)}.service`,
    `postgresql@${'1'.repeat(64 - 'postgresql@'.length)}.socket`,
    `_postgresql@${'1'.repeat(65 - 'postgresql@'.length)}.socket`,
    `${LONG}.service`,
    `${LONG}.socket`,
    `x${LONG}.service`,
    'web.timer',
  ];
  const paths = slices.flatMap((slice) => names.map((name) => at.unit(join(slice, name))));
  paths.push(at.unit(`${'s'.repeat(200)}.slice/web.service`));
  const root = at.fixture.bpf.cgroupRoot().length;
  const cgroups = new LinuxCgroups();
  const lines = paths.map((path) => {
    const parts = path.slice(root).split('/');
    const line = parts.map((_, i) => parts.slice(0, parts.length - i).join('/')).slice(0, -1);
    const own = line.flatMap((each) => cgroups.at(each) ?? []);
    const [group] = own;
    const job = jobsOf({ cgroups: own, made: [], accounts: [] }).cgroups.get(group?.id ?? 0n);
    return { path: path.slice(root), names: namesOfJob(job), bytes: at.jobOf(path) };
  });
  const tables = tablesOf(profileOf(PROFILE));
  for (const { path, names: jobNames, bytes } of lines) {
    const [name, ...aliases] = jobNames;
    const isNamed = jobNames.some((each) => tables.names.includes(each));
    assert.deepEqual(bytes, name && isNamed ? tables.job({ name, aliases }) : undefined, path);
  }
  assert.ok(lines.filter(({ bytes }) => bytes).length > 10);
});

test('an unlimited number of units that start and stop finds room', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const directory = join(at.fixture.place.cgroup, 'ssh.service');
  // More than the map has room for.
  for (let i = 0; i < 5000; i++) {
    mkdirSync(directory);
    rmdirSync(directory);
  }
  const again = at.unit('ssh.service');
  assert.deepEqual(await at.binds([again, 4000]), ['bound']);
  const jobs = jobsIn(at.fixture, slotInForce(at.fixture));
  assert.equal([...(jobs?.keys() ?? [])].length, 1);
  jobs?.close();
});

test('during a trial units get jobs in both profiles', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.fixture.inForce('PORT 4000 TCP WEB\n', { users: USERS }, { trialMs: 600_000 });
  const [ssh, web] = [at.unit('ssh.service'), at.unit('web.service')];
  assert.deepEqual(await at.binds([ssh, 4000], [web, 4000]), ['EACCES', 'bound']);
  assert.ok(at.fixture.kernel.revert());
  assert.deepEqual(await at.binds([ssh, 4000], [web, 4000]), ['bound', 'EACCES']);
});

/** Lists units as a command does, without a follower, and creates more units between its scans. */
function hurried(at: Setup, slow: (scan: number) => void): { jobs: () => Jobs; scans: () => number } {
  const cgroups = new LinuxCgroups();
  const root = at.fixture.place.cgroup.slice(at.fixture.bpf.cgroupRoot().length);
  let scans = 0;
  const jobs = () => {
    const named = jobsOf({ cgroups: listUnits(cgroups, root), made: [], accounts: [] }, root);
    slow(scans++);
    return named;
  };
  return { jobs, scans: () => scans };
}

const HURRIED = ['ssh.service', 'ssh.socket', 'web.service'] as const;

test('a unit that starts while tables are filled is in them, even without a follower', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { jobs, scans } = hurried(at, (scan) => at.unit(HURRIED[scan] ?? assert.fail('one scan too many')));
  at.fixture.kernel.swap(tablesOf(profileOf(PROFILE)), jobs, Date.now());
  assert.equal(scans(), 2);
  const [first, second] = HURRIED.map(at.unit);
  assert.deepEqual(await at.binds([first ?? '', 4000], [second ?? '', 4000]), ['bound', 'bound']);
});

test('a unit that starts while the jobs in force are rebuilt keeps its port', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const tables = tablesOf(profileOf(PROFILE));
  const { jobs } = hurried(at, (scan) => {
    const unit = at.unit(HURRIED[scan] ?? assert.fail('one scan too many'));
    assert.ok(at.jobOf(unit));
  });
  at.fixture.kernel.renew({ tablesOf: () => tables, jobs });
  const units = HURRIED.slice(0, 2).map(at.unit);
  assert.deepEqual(await at.binds(...units.map((unit) => [unit, 4000] as const)), ['bound', 'bound']);
  // Even if all known jobs were read before they started: the follower sees them later.
  const stale = { cgroups: new Map(), users: new Map() };
  at.fixture.kernel.renew({ tablesOf: () => tables, jobs: () => stale });
  assert.deepEqual(await at.binds(...units.map((unit) => [unit, 4000] as const)), ['bound', 'bound']);
});

test('tables that are no longer in force get no units', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const before = slotInForce(at.fixture);
  at.fixture.inForce(PROFILE, { users: USERS });
  const unit = at.unit('ssh.service');
  assert.equal(at.jobOf(unit, before), undefined);
  assert.ok(at.jobOf(unit));
});

test('programs of another build are replaced without a moment without either', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, place } = at.fixture;
  const pin = `${place.pins}/cgroup_rmdir`;
  assert.ok(bpf.unpin(pin));
  GuardKernel.open(
    new Watching((path) => {
      if (path.startsWith(`${place.pins}/cgroup_mkdir`)) assert.ok(existsSync(`${place.pins}/cgroup_mkdir`));
    }),
    place.pins,
  )?.close();
  assert.ok(at.fixture.kernel.state().namesUnits);
  assert.deepEqual(
    readdirSync(place.pins).filter((name) => name.startsWith('cgroup_')),
    ['cgroup_mkdir', 'cgroup_rmdir'],
  );
});

/** Receives every name that an object gets. */
class Watching extends LinuxBpf {
  readonly #seen: (path: string) => void;

  constructor(seen: (path: string) => void) {
    super();
    this.#seen = seen;
  }

  override pin(...[object, path]: Parameters<LinuxBpf['pin']>): void {
    this.#seen(path);
    super.pin(object, path);
  }
}

test('the installed programs are called when no process has them open, and restored where missing', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { bpf, place } = at.fixture;
  assert.ok(bpf.unpin(`${place.pins}/cgroup_mkdir`));
  assert.equal(at.fixture.kernel.state().namesUnits, false);
  // The kernel releases what has no name a moment later.
  let tries = 0;
  await until('the program to go', () => !at.jobOf(at.unit(`a${++tries}.slice/ssh.service`)));
  GuardKernel.open(bpf, place.pins)?.close();
  assert.ok(at.fixture.kernel.state().namesUnits);
  assert.ok(at.jobOf(at.unit('b.slice/ssh.service')));
});

/** A kernel without these tracepoints, or one that does not permit them. */
class Untraced extends LinuxBpf {
  override attachEvent(): never {
    throw new PortreeveError('TRACEPOINT_MISSING', 'the tracepoint cgroup_mkdir cannot be used');
  }
}

test('where the kernel cannot assign jobs to units, the guard is installed all the same, and reports it', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const pins = `${at.fixture.place.pins}-untraced`;
  const guard = GuardKernel.install(new Untraced(), { ...at.fixture.place, pins }, nothingInForce());
  t.after(() => guard.remove());
  assert.equal(guard.state().namesUnits, false);
  const agent = await BindAgent.on(at.fixture);
  assert.equal(await agent.bindOne({ socket: 'tcp4', address: '0.0.0.0', port: 5000 }), BOUND);
});
