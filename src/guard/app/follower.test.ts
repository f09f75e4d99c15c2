// The jobs in the kernel follow the host: users, system units, and cgroups that were created for jobs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { JOB_CGROUPS_MAX, JOB_CGROUPS_PER_USER_MAX, JOB_TICK_MS } from '../../base/limits.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import { Follower, type JobKernel } from './follower.ts';

const ROOT = 'root:x:0:0::/:/bin/sh';
const ALICE = 'alice:x:1000:1000::/:/bin/sh';

/** Keeps jobs as the kernel does: in tables, which belong to the process that installed them. */
class FakeKernel implements JobKernel {
  readonly cgroups = new Map<bigint, string>();
  readonly users = new Map<number, string>();
  /** Calls that changed something. */
  changes = 0;
  knowsTables = false;

  /** Tables are put in force, by us or by another process. */
  swap(jobs: Jobs, isOurs: boolean): void {
    this.cgroups.clear();
    this.users.clear();
    for (const [id, job] of jobs.cgroups) this.cgroups.set(id, job.name);
    for (const [uid, job] of jobs.users) this.users.set(uid, job.name);
    this.changes++;
    this.knowsTables = isOurs;
  }

  updateJobs(
    changed: Jobs,
    gone: { readonly cgroups: readonly bigint[]; readonly users: readonly number[] },
  ) {
    if (!this.knowsTables) return false;
    this.changes++;
    for (const [id, job] of changed.cgroups) this.cgroups.set(id, job.name);
    for (const [uid, job] of changed.users) this.users.set(uid, job.name);
    for (const id of gone.cgroups) this.cgroups.delete(id);
    for (const uid of gone.users) this.users.delete(uid);
    return true;
  }

  get names(): string[] {
    return [...this.cgroups.values(), ...this.users.values()].sort();
  }
}

/** A host with a follower that is called as the daemon calls it. */
class Fixture {
  readonly clock = new SimClock();
  readonly cgroups = new SimCgroups();
  readonly files = new SimFiles({ '/etc/passwd': `${ROOT}\n`, '/etc/group': '' }, 1);
  readonly warnings: string[] = [];
  kernel: FakeKernel | undefined = new FakeKernel();
  /** Why tables cannot be rebuilt; and how often that was tried. */
  refusal: string | undefined;
  renewals = 0;
  follower: Follower;

  constructor() {
    this.follower = this.start();
    const tick = () => {
      this.follower.tick();
      this.clock.after(JOB_TICK_MS, tick);
    };
    this.clock.after(0, tick);
  }

  start(): Follower {
    const follower: Follower = new Follower({
      cgroups: this.cgroups,
      files: this.files,
      kernel: () => this.kernel,
      renewTables: () => {
        this.renewals++;
        if (this.refusal) throw new Error(this.refusal);
        this.kernel?.swap(follower.jobs, true);
      },
      warn: (message) => this.warnings.push(message),
    });
    this.follower = follower;
    return follower;
  }

  get names(): string[] {
    return this.kernel?.names ?? [];
  }
}

test('at the start, the kernel gets all users, units, and cgroups of an earlier daemon', () => {
  const fixture = new Fixture();
  fixture.cgroups.add('/system.slice/nginx.service');
  const made = fixture.cgroups.make('/', 'WEB-1', 'WEB', 0);
  fixture.cgroups.place(1, made.path);
  fixture.start();
  fixture.clock.advance(0);
  assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'WEB']);
});

describe('within a second', () => {
  const started = () => {
    const fixture = new Fixture();
    fixture.cgroups.add('/system.slice/nginx.service');
    fixture.clock.advance(0);
    return fixture;
  };

  test('a user appears, is renamed, and disappears', () => {
    const fixture = started();
    for (const [name, expected] of [
      ['alice', 'ALICE'],
      ['bob', 'BOB'],
    ]) {
      fixture.files.write('/etc/passwd', `${ROOT}\n${name}:x:1000:1000::/:/bin/sh\n`);
      fixture.clock.advance(JOB_TICK_MS);
      assert.deepEqual(fixture.names, ['NGINX', 'ROOT', expected].sort());
    }
    fixture.files.write('/etc/passwd', `${ROOT}\n`);
    fixture.clock.advance(JOB_TICK_MS);
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT']);
  });

  test('a unit file causes the tables to be rebuilt, but the scope of a user session does not', () => {
    const fixture = started();
    const before = fixture.renewals;
    const directory = '/run/systemd/transient';
    const begins = (unit: string) => {
      fixture.files.write(`${directory}/${unit}`, '');
      // The directory has also changed.
      fixture.files.write(directory, '');
      fixture.clock.advance(1000);
    };
    begins('session-1.scope');
    assert.equal(fixture.renewals, before);
    begins('web.service');
    assert.equal(fixture.renewals, before + 1);
    assert.deepEqual(fixture.follower.jobs.units, [{ unit: 'web.service', activates: undefined }]);
  });

  test('a change of a group causes the tables to be rebuilt, because SAF may permit other users', () => {
    const fixture = started();
    const before = fixture.renewals;
    fixture.files.write('/etc/group', 'web:x:7:alice\n');
    fixture.clock.advance(JOB_TICK_MS);
    assert.equal(fixture.renewals, before + 1);
    fixture.clock.advance(10 * JOB_TICK_MS);
    assert.equal(fixture.renewals, before + 1);
  });

  test('units start and stop; the host sends notifications, so that no tick is needed', () => {
    const fixture = started();
    fixture.cgroups.add('/system.slice/sshd.service');
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'SSHD']);
    fixture.cgroups.add('/system.slice/system-a.slice/a@b.service');
    assert.deepEqual(fixture.names, ['A@B', 'NGINX', 'ROOT', 'SSHD']);
    fixture.cgroups.add('/system.slice/system-a.slice/a@c.service');
    assert.ok(fixture.names.includes('A@C'));
    fixture.cgroups.drop('/system.slice/system-a.slice');
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'SSHD']);
  });

  test('the same on a host without notifications', () => {
    const fixture = started();
    fixture.cgroups.isMute = true;
    fixture.cgroups.add('/system.slice/sshd.service');
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'SSHD']);
    fixture.cgroups.drop('/system.slice/nginx.service');
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.names, ['ROOT', 'SSHD']);
  });

  test('a restarted unit is recognized by its new cgroup', () => {
    const fixture = started();
    const path = '/system.slice/nginx.service';
    const before = fixture.cgroups.at(path)?.id ?? assert.fail();
    fixture.cgroups.drop(path);
    const { id } = fixture.cgroups.add(path);
    assert.deepEqual(
      [fixture.kernel?.cgroups.get(before), fixture.kernel?.cgroups.get(id)],
      [undefined, 'NGINX'],
    );
  });

  test('the slice itself is created and removed', () => {
    const fixture = started();
    fixture.cgroups.drop('/system.slice');
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.names, ['ROOT']);
    fixture.cgroups.add('/system.slice/nginx.service');
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT']);
    assert.deepEqual(fixture.cgroups.watched, ['/', '/system.slice']);
  });

  test('the guard is installed, removed, and installed again', () => {
    const fixture = started();
    const { kernel } = fixture;
    fixture.kernel = undefined;
    fixture.clock.advance(1000);
    fixture.cgroups.add('/system.slice/sshd.service');
    fixture.kernel = new FakeKernel();
    fixture.clock.advance(1000);
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'SSHD']);
    assert.deepEqual(kernel?.names, ['NGINX', 'ROOT']);
  });

  test('tables that another process put in force are rebuilt with the current jobs', () => {
    const fixture = started();
    const made = fixture.follower.make('/', 'WEB-1', 'WEB', 0);
    fixture.cgroups.place(1, made.path);
    fixture.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
    fixture.clock.advance(JOB_TICK_MS);
    assert.deepEqual(fixture.names, ['NGINX', 'ROOT', 'WEB']);
  });
});

test('nothing is written to the kernel if nothing changes', () => {
  const fixture = new Fixture();
  fixture.cgroups.add('/system.slice/nginx.service');
  fixture.clock.advance(1000);
  const before = fixture.kernel?.changes;
  fixture.clock.advance(100_000);
  assert.equal(fixture.kernel?.changes, before);
  // At most once a second everything is checked: the root, and the slice in it.
  assert.ok(fixture.cgroups.listed < 220, `${fixture.cgroups.listed}`);
});

test('a failure is reported once, retried once a second, and ends when it succeeds', () => {
  const fixture = new Fixture();
  fixture.refusal = 'a profile is on trial';
  fixture.clock.advance(10_000);
  assert.deepEqual(fixture.warnings, ['could not update the jobs in the kernel: a profile is on trial']);
  assert.ok(fixture.renewals <= 11, `${fixture.renewals}`);
  fixture.refusal = undefined;
  fixture.clock.advance(1000);
  assert.deepEqual(fixture.names, ['ROOT']);
  fixture.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
  fixture.refusal = 'a profile is on trial';
  fixture.clock.advance(10_000);
  assert.equal(fixture.warnings.length, 2);
});

test('a brief failure is not reported, because other processes record a change after it is in force', () => {
  const fixture = new Fixture();
  fixture.clock.advance(1000);
  fixture.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
  fixture.refusal = 'there is no revision 2';
  fixture.clock.advance(JOB_TICK_MS);
  fixture.refusal = undefined;
  fixture.clock.advance(1000);
  assert.deepEqual([fixture.names, fixture.warnings], [['ROOT'], []]);
});

test('a kernel without room gets new tables', () => {
  const fixture = new Fixture();
  fixture.clock.advance(0);
  const { kernel } = fixture;
  if (kernel) kernel.updateJobs = () => assert.fail('E2BIG');
  const before = fixture.renewals;
  fixture.cgroups.add('/system.slice/nginx.service');
  fixture.clock.advance(1000);
  assert.deepEqual([fixture.names, fixture.renewals - before], [['NGINX', 'ROOT'], 1]);
});

test('an unreadable passwd file is reported once, and the known users are kept', () => {
  const fixture = new Fixture();
  fixture.clock.advance(0);
  fixture.files.write('/etc/passwd', `${ROOT}\n${ALICE}\n`);
  fixture.files.forbid('/etc/passwd');
  fixture.clock.advance(10_000);
  assert.deepEqual(
    [fixture.names, fixture.warnings],
    [['ROOT'], ['cannot read /etc/passwd: permission denied']],
  );
});

test('a name that cannot be a job is reported once, and again if it disappeared in between', () => {
  const fixture = new Fixture();
  const path = '/system.slice/a\\x2db.service';
  fixture.cgroups.add(path);
  fixture.clock.advance(10_000);
  assert.equal(fixture.warnings.length, 1);
  assert.match(fixture.warnings[0] ?? '', /a\\x2db/);
  fixture.cgroups.drop(path);
  fixture.clock.advance(1000);
  fixture.cgroups.add(path);
  fixture.clock.advance(1000);
  assert.equal(fixture.warnings.length, 2);
});

describe('a cgroup that is created for a job', () => {
  const made = () => {
    const fixture = new Fixture();
    fixture.clock.advance(0);
    return { fixture, cgroup: fixture.follower.make('/', 'WEB-7', 'WEB', 1000) };
  };

  test('is known at once', () => {
    assert.deepEqual(made().fixture.names, ['ROOT', 'WEB']);
  });

  test('is kept while a process is in it, and removed when it has been empty for a second', () => {
    const { fixture, cgroup } = made();
    fixture.cgroups.place(7, cgroup.path);
    fixture.clock.advance(60_000);
    assert.deepEqual(fixture.names, ['ROOT', 'WEB']);
    fixture.cgroups.place(7, undefined);
    fixture.clock.advance(1000);
    assert.ok(fixture.cgroups.at(cgroup.path));
    fixture.clock.advance(1250);
    assert.deepEqual([fixture.names, fixture.cgroups.at(cgroup.path)], [['ROOT'], undefined]);
  });

  test('is kept when it is empty, if requested, until it is removed', () => {
    const { fixture } = made();
    const kept = fixture.follower.make('/', 'PORTMAP-1', 'PORTMAP', 0, true);
    fixture.clock.advance(60_000);
    assert.deepEqual(fixture.names, ['PORTMAP', 'ROOT']);
    fixture.follower.remove(kept);
    fixture.clock.advance(1000);
    assert.deepEqual([fixture.names, fixture.cgroups.marked()], [['ROOT'], []]);
  });

  test('that is kept is not removed by the follower of another daemon', () => {
    const fixture = new Fixture();
    fixture.clock.advance(0);
    const kept = fixture.follower.make('/', 'PORTMAP-1', 'PORTMAP', 0, true);
    fixture.start();
    fixture.clock.advance(60_000);
    assert.deepEqual(
      fixture.cgroups.marked().map(({ id }) => id),
      [kept.id],
    );
  });

  test('is kept while it has a child cgroup', () => {
    const { fixture, cgroup } = made();
    const inner = fixture.follower.make(cgroup.path, 'B-8', 'B', 1000);
    fixture.cgroups.place(8, inner.path);
    fixture.clock.advance(10_000);
    assert.deepEqual(fixture.names, ['B', 'ROOT', 'WEB']);
    fixture.cgroups.place(8, undefined);
    fixture.clock.advance(10_000);
    assert.deepEqual([fixture.names, fixture.cgroups.marked()], [['ROOT'], []]);
  });

  test('is forgotten when another process removes it, even if that creates another one of the same name', () => {
    const { fixture, cgroup } = made();
    fixture.cgroups.drop(cgroup.path);
    fixture.cgroups.add(cgroup.path, 1000);
    fixture.cgroups.place(9, cgroup.path);
    fixture.clock.advance(1250);
    assert.deepEqual(fixture.names, ['ROOT']);
    assert.ok(fixture.cgroups.at(cgroup.path), 'the other process owns it');
  });

  test('is removed again if the kernel cannot be updated', () => {
    const fixture = new Fixture();
    fixture.refusal = 'a profile is on trial';
    assert.throws(() => fixture.follower.make('/', 'WEB-7', 'WEB', 0), /on trial/);
    assert.deepEqual(fixture.cgroups.marked(), []);
  });

  test('is limited in number, per user and in total', () => {
    const { fixture } = made();
    const make = (grantee: number) => fixture.follower.make('/', `WEB-${grantee}-${++count}`, 'WEB', grantee);
    let count = 0;
    for (let i = 1; i < JOB_CGROUPS_PER_USER_MAX; i++) make(1000);
    assert.throws(() => make(1000), { code: 'JOB_CGROUPS_FULL' });
    make(1001);
    while (fixture.cgroups.marked().length < JOB_CGROUPS_MAX) make(0);
    assert.throws(() => make(0), { code: 'JOB_CGROUPS_FULL' });
    assert.throws(() => make(1001), { code: 'JOB_CGROUPS_FULL' });
  });
});
