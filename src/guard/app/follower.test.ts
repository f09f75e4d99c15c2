// What the kernel knows of jobs follows what there is: users, system units, and cgroups that were made for a job.
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

/** Keeps jobs as the kernel does: in tables, which belong to the process that has put them in force. */
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
class Stage {
  readonly clock = new SimClock();
  readonly cgroups = new SimCgroups();
  readonly files = new SimFiles({ '/etc/passwd': `${ROOT}\n`, '/etc/group': '' }, 1);
  readonly warnings: string[] = [];
  kernel: FakeKernel | undefined = new FakeKernel();
  /** Why tables cannot be made anew; and how often it was tried. */
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

test('at the start the kernel is told all: users, units, and what an earlier daemon has made', () => {
  const stage = new Stage();
  stage.cgroups.add('/system.slice/nginx.service');
  const made = stage.cgroups.make('/', 'WEB-1', 'WEB', 0);
  stage.cgroups.place(1, made.path);
  stage.start();
  stage.clock.advance(0);
  assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'WEB']);
});

describe('within a second', () => {
  const started = () => {
    const stage = new Stage();
    stage.cgroups.add('/system.slice/nginx.service');
    stage.clock.advance(0);
    return stage;
  };

  test('a user comes, gets another name, and goes', () => {
    const stage = started();
    for (const [name, expected] of [
      ['alice', 'ALICE'],
      ['bob', 'BOB'],
    ]) {
      stage.files.write('/etc/passwd', `${ROOT}\n${name}:x:1000:1000::/:/bin/sh\n`);
      stage.clock.advance(JOB_TICK_MS);
      assert.deepEqual(stage.names, ['NGINX', 'ROOT', expected].sort());
    }
    stage.files.write('/etc/passwd', `${ROOT}\n`);
    stage.clock.advance(JOB_TICK_MS);
    assert.deepEqual(stage.names, ['NGINX', 'ROOT']);
  });

  test('the file of a unit makes the tables anew, and a session of a user, who makes many, does not', () => {
    const stage = started();
    const before = stage.renewals;
    const directory = '/run/systemd/transient';
    const begins = (unit: string) => {
      stage.files.write(`${directory}/${unit}`, '');
      // The directory has changed, too.
      stage.files.write(directory, '');
      stage.clock.advance(1000);
    };
    begins('session-1.scope');
    assert.equal(stage.renewals, before);
    begins('web.service');
    assert.equal(stage.renewals, before + 1);
    assert.deepEqual(stage.follower.jobs.units, [{ unit: 'web.service', activates: undefined }]);
  });

  test('a change of a group makes the tables anew: SAF may let other users in', () => {
    const stage = started();
    const before = stage.renewals;
    stage.files.write('/etc/group', 'web:x:7:alice\n');
    stage.clock.advance(JOB_TICK_MS);
    assert.equal(stage.renewals, before + 1);
    stage.clock.advance(10 * JOB_TICK_MS);
    assert.equal(stage.renewals, before + 1);
  });

  test('units come and go; the host tells of them, so that no tick is waited for', () => {
    const stage = started();
    stage.cgroups.add('/system.slice/sshd.service');
    assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'SSHD']);
    stage.cgroups.add('/system.slice/system-a.slice/a@b.service');
    assert.deepEqual(stage.names, ['A@B', 'NGINX', 'ROOT', 'SSHD']);
    stage.cgroups.add('/system.slice/system-a.slice/a@c.service');
    assert.ok(stage.names.includes('A@C'));
    stage.cgroups.drop('/system.slice/system-a.slice');
    assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'SSHD']);
  });

  test('also on a host that does not tell', () => {
    const stage = started();
    stage.cgroups.isMute = true;
    stage.cgroups.add('/system.slice/sshd.service');
    stage.clock.advance(1000);
    assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'SSHD']);
    stage.cgroups.drop('/system.slice/nginx.service');
    stage.clock.advance(1000);
    assert.deepEqual(stage.names, ['ROOT', 'SSHD']);
  });

  test('a unit that is started again is known by its new cgroup', () => {
    const stage = started();
    const path = '/system.slice/nginx.service';
    const before = stage.cgroups.at(path)?.id ?? assert.fail();
    stage.cgroups.drop(path);
    const { id } = stage.cgroups.add(path);
    assert.deepEqual(
      [stage.kernel?.cgroups.get(before), stage.kernel?.cgroups.get(id)],
      [undefined, 'NGINX'],
    );
  });

  test('the slice itself comes and goes', () => {
    const stage = started();
    stage.cgroups.drop('/system.slice');
    stage.clock.advance(1000);
    assert.deepEqual(stage.names, ['ROOT']);
    stage.cgroups.add('/system.slice/nginx.service');
    stage.clock.advance(1000);
    assert.deepEqual(stage.names, ['NGINX', 'ROOT']);
    assert.deepEqual(stage.cgroups.watched, ['/', '/system.slice']);
  });

  test('the guard comes, and goes, and comes again', () => {
    const stage = started();
    const { kernel } = stage;
    stage.kernel = undefined;
    stage.clock.advance(1000);
    stage.cgroups.add('/system.slice/sshd.service');
    stage.kernel = new FakeKernel();
    stage.clock.advance(1000);
    assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'SSHD']);
    assert.deepEqual(kernel?.names, ['NGINX', 'ROOT']);
  });

  test('tables that another process has put in force are made anew, with the jobs of this moment', () => {
    const stage = started();
    const made = stage.follower.make('/', 'WEB-1', 'WEB', 0);
    stage.cgroups.place(1, made.path);
    stage.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
    stage.clock.advance(JOB_TICK_MS);
    assert.deepEqual(stage.names, ['NGINX', 'ROOT', 'WEB']);
  });
});

test('when nothing changes the kernel is not written to', () => {
  const stage = new Stage();
  stage.cgroups.add('/system.slice/nginx.service');
  stage.clock.advance(1000);
  const before = stage.kernel?.changes;
  stage.clock.advance(100_000);
  assert.equal(stage.kernel?.changes, before);
  // And not more than once a second all is looked at: the root, and the slice in it.
  assert.ok(stage.cgroups.listed < 220, `${stage.cgroups.listed}`);
});

test('what does not work is told once, tried again once a second, and done when it works', () => {
  const stage = new Stage();
  stage.refusal = 'a profile is on trial';
  stage.clock.advance(10_000);
  assert.deepEqual(stage.warnings, ['the jobs in the kernel cannot be followed: a profile is on trial']);
  assert.ok(stage.renewals <= 11, `${stage.renewals}`);
  stage.refusal = undefined;
  stage.clock.advance(1000);
  assert.deepEqual(stage.names, ['ROOT']);
  stage.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
  stage.refusal = 'a profile is on trial';
  stage.clock.advance(10_000);
  assert.equal(stage.warnings.length, 2);
});

test('what works a moment later is not told: others record what they put in force after they have', () => {
  const stage = new Stage();
  stage.clock.advance(1000);
  stage.kernel?.swap({ cgroups: new Map(), users: new Map() }, false);
  stage.refusal = 'there is no revision 2';
  stage.clock.advance(JOB_TICK_MS);
  stage.refusal = undefined;
  stage.clock.advance(1000);
  assert.deepEqual([stage.names, stage.warnings], [['ROOT'], []]);
});

test('a kernel without room gets new tables', () => {
  const stage = new Stage();
  stage.clock.advance(0);
  const { kernel } = stage;
  if (kernel) kernel.updateJobs = () => assert.fail('E2BIG');
  const before = stage.renewals;
  stage.cgroups.add('/system.slice/nginx.service');
  stage.clock.advance(1000);
  assert.deepEqual([stage.names, stage.renewals - before], [['NGINX', 'ROOT'], 1]);
});

test('a file of users that cannot be read is told once, and those who were known stay', () => {
  const stage = new Stage();
  stage.clock.advance(0);
  stage.files.write('/etc/passwd', `${ROOT}\n${ALICE}\n`);
  stage.files.forbid('/etc/passwd');
  stage.clock.advance(10_000);
  assert.deepEqual([stage.names, stage.warnings], [['ROOT'], ['cannot read /etc/passwd: permission denied']]);
});

test('a name that is no job is told once, and again if it has been away', () => {
  const stage = new Stage();
  const path = '/system.slice/a\\x2db.service';
  stage.cgroups.add(path);
  stage.clock.advance(10_000);
  assert.equal(stage.warnings.length, 1);
  assert.match(stage.warnings[0] ?? '', /a\\x2db/);
  stage.cgroups.drop(path);
  stage.clock.advance(1000);
  stage.cgroups.add(path);
  stage.clock.advance(1000);
  assert.equal(stage.warnings.length, 2);
});

describe('a cgroup that is made for a job', () => {
  const made = () => {
    const stage = new Stage();
    stage.clock.advance(0);
    return { stage, cgroup: stage.follower.make('/', 'WEB-7', 'WEB', 1000) };
  };

  test('is known at once', () => {
    assert.deepEqual(made().stage.names, ['ROOT', 'WEB']);
  });

  test('stays while somebody is in it, and goes when it has been empty for a second', () => {
    const { stage, cgroup } = made();
    stage.cgroups.place(7, cgroup.path);
    stage.clock.advance(60_000);
    assert.deepEqual(stage.names, ['ROOT', 'WEB']);
    stage.cgroups.place(7, undefined);
    stage.clock.advance(1000);
    assert.ok(stage.cgroups.at(cgroup.path));
    stage.clock.advance(1250);
    assert.deepEqual([stage.names, stage.cgroups.at(cgroup.path)], [['ROOT'], undefined]);
  });

  test('stays when it is empty, if it is to be kept, until it is removed', () => {
    const { stage } = made();
    const kept = stage.follower.make('/', 'PORTMAP-1', 'PORTMAP', 0, true);
    stage.clock.advance(60_000);
    assert.deepEqual(stage.names, ['PORTMAP', 'ROOT']);
    stage.follower.remove(kept);
    stage.clock.advance(1000);
    assert.deepEqual([stage.names, stage.cgroups.marked()], [['ROOT'], []]);
  });

  test('that is kept is not removed by the follower of another daemon', () => {
    const stage = new Stage();
    stage.clock.advance(0);
    const kept = stage.follower.make('/', 'PORTMAP-1', 'PORTMAP', 0, true);
    stage.start();
    stage.clock.advance(60_000);
    assert.deepEqual(
      stage.cgroups.marked().map(({ id }) => id),
      [kept.id],
    );
  });

  test('stays while there is another one below it', () => {
    const { stage, cgroup } = made();
    const inner = stage.follower.make(cgroup.path, 'B-8', 'B', 1000);
    stage.cgroups.place(8, inner.path);
    stage.clock.advance(10_000);
    assert.deepEqual(stage.names, ['B', 'ROOT', 'WEB']);
    stage.cgroups.place(8, undefined);
    stage.clock.advance(10_000);
    assert.deepEqual([stage.names, stage.cgroups.marked()], [['ROOT'], []]);
  });

  test('is forgotten when somebody else has removed it, also if he makes another one of its name', () => {
    const { stage, cgroup } = made();
    stage.cgroups.drop(cgroup.path);
    stage.cgroups.add(cgroup.path, 1000);
    stage.cgroups.place(9, cgroup.path);
    stage.clock.advance(1250);
    assert.deepEqual(stage.names, ['ROOT']);
    assert.ok(stage.cgroups.at(cgroup.path), 'it is not ours to remove');
  });

  test('is none if the kernel cannot be told', () => {
    const stage = new Stage();
    stage.refusal = 'a profile is on trial';
    assert.throws(() => stage.follower.make('/', 'WEB-7', 'WEB', 0), /on trial/);
    assert.deepEqual(stage.cgroups.marked(), []);
  });

  test('has a bound for each user, and one for all', () => {
    const { stage } = made();
    const make = (taker: number) => stage.follower.make('/', `WEB-${taker}-${++count}`, 'WEB', taker);
    let count = 0;
    for (let i = 1; i < JOB_CGROUPS_PER_USER_MAX; i++) make(1000);
    assert.throws(() => make(1000), { code: 'JOB_CGROUPS_FULL' });
    make(1001);
    while (stage.cgroups.marked().length < JOB_CGROUPS_MAX) make(0);
    assert.throws(() => make(0), { code: 'JOB_CGROUPS_FULL' });
    assert.throws(() => make(1001), { code: 'JOB_CGROUPS_FULL' });
  });
});
