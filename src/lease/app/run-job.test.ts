// Granting jobs: permissions, processes, and failures in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimProcesses } from '../../../test/support/sim/processes.ts';
import { SimRandom } from '../../../test/support/sim/random.ts';
import { Follower } from '../../guard/app/follower.ts';
import type { JobSections } from '../../job/app/settings.ts';
import { type Caller, grantJob, type RunDeps } from './run-job.ts';

const SHELL = 700;
const CLIENT = 701;
const HOME = '/user.slice/a.scope';
const ALICE: Caller = { pid: CLIENT, uid: 1000, gids: [1000] };
const ROOT: Caller = { pid: CLIENT, uid: 0, gids: [0] };
const SECTIONS: JobSections = {
  WEB: { users: ['alice', 1002], groups: ['www', 2001] },
  EMPTY: {},
};

/** A host on which a shell runs a client. */
class Fixture {
  readonly cgroups = new SimCgroups();
  readonly processes = new SimProcesses(new SimClock(), new SimRandom(1));
  readonly files = new SimFiles(
    {
      '/etc/passwd': 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n',
      '/etc/group': 'www:x:2000:\n',
    },
    1,
  );
  readonly follower = new Follower({
    cgroups: this.cgroups,
    files: this.files,
    kernel: () => undefined,
    renewTables: () => undefined,
    warn: () => undefined,
  });
  readonly deps: RunDeps = { ...this, sections: SECTIONS };

  constructor(uid = 1000) {
    this.cgroups.add(HOME);
    this.run(SHELL, 1, uid);
    this.run(CLIENT, SHELL, uid);
  }

  /** Starts a process; its cgroup is read each time. */
  run(pid: number, parent: number, ...uids: number[]): void {
    this.cgroups.place(pid, HOME);
    const { cgroups } = this;
    const all = uids.length === 1 ? uids.concat(uids, uids, uids) : uids;
    this.processes.run(pid, {
      parent,
      uids: all,
      get cgroup() {
        return cgroups.of(pid);
      },
    });
  }

  grant(caller: Caller, request: unknown = { job: 'WEB', pid: SHELL }): string {
    return grantJob(request, caller, this.deps).cgroup;
  }
}

test('moves the process into a cgroup of the job below its own', () => {
  const fixture = new Fixture();
  assert.deepEqual(grantJob({ job: 'web', pid: SHELL }, ALICE, fixture.deps), {
    job: 'WEB',
    cgroup: `${HOME}/portreeve-job-WEB-${SHELL}`,
  });
  assert.equal(fixture.cgroups.of(SHELL), `${HOME}/portreeve-job-WEB-${SHELL}`);
  assert.equal(fixture.cgroups.of(CLIENT), HOME);
  const [made] = fixture.cgroups.marked();
  assert.deepEqual([made?.job, made?.grantee, made?.uid], ['WEB', 1000, 0]);
  assert.equal(fixture.follower.jobs.cgroups.get(made?.id ?? 0n)?.name, 'WEB');
});

test('defaults to the caller, and nests the cgroup of a second job in that of the first', () => {
  const fixture = new Fixture();
  assert.equal(fixture.grant(ALICE, { job: 'WEB' }), `${HOME}/portreeve-job-WEB-${CLIENT}`);
  assert.equal(
    fixture.grant(ALICE, { job: 'WEB' }),
    `${HOME}/portreeve-job-WEB-${CLIENT}/portreeve-job-WEB-${CLIENT}`,
  );
});

describe('permission', () => {
  const outcome = (caller: Partial<Caller>, job: string): string => {
    const uid = caller.uid ?? 1000;
    try {
      return new Fixture(uid).grant({ ...ALICE, ...caller }, { job }) && 'yes';
    } catch (thrown) {
      return thrown instanceof Error && 'code' in thrown ? `${thrown.code}` : `${thrown}`;
    }
  };
  const cases: [name: string, Partial<Caller>, job: string, expected: string][] = [
    ['a user by name', { uid: 1000 }, 'WEB', 'yes'],
    ['a user by uid, without an account', { uid: 1002 }, 'WEB', 'yes'],
    ['another user', { uid: 1001 }, 'WEB', 'JOB_DENIED'],
    ['a member of a group by name', { uid: 1001, gids: [1001, 2000] }, 'WEB', 'yes'],
    ['a member of a group by gid', { uid: 1001, gids: [2001] }, 'WEB', 'yes'],
    ['a member of another group', { uid: 1001, gids: [1001, 1000, 2002] }, 'WEB', 'JOB_DENIED'],
    ['a user, for a section without users', { uid: 1000 }, 'EMPTY', 'JOB_DENIED'],
    ['a user, without a section', { uid: 1000 }, 'OTHER', 'JOB_DENIED'],
    ['a user, for a property of every object', { uid: 1000 }, 'CONSTRUCTOR', 'JOB_DENIED'],
    ['root, for any job', { uid: 0, gids: [0] }, 'OTHER', 'yes'],
    ['root, for RESERVED', { uid: 0 }, 'RESERVED', 'JOB_INVALID'],
    ['root, for UNKNOWN', { uid: 0 }, 'unknown', 'JOB_INVALID'],
    ['root, for a name with a slash', { uid: 0 }, '../A', 'JOB_INVALID'],
  ];
  for (const [name, caller, job, expected] of cases) {
    test(name, () => assert.equal(outcome(caller, job), expected));
  }
});

describe('the process', () => {
  const refused = (fixture: Fixture, caller: Caller, pid: number, code: string) => {
    assert.throws(() => fixture.grant(caller, { job: 'WEB', pid }), { code });
    assert.deepEqual(fixture.cgroups.marked(), []);
  };

  test('cannot be another process of the user', () => {
    const fixture = new Fixture();
    fixture.run(702, SHELL, 1000);
    refused(fixture, ALICE, 702, 'PROCESS_DENIED');
    refused(fixture, ALICE, 703, 'PROCESS_GONE');
  });

  test('cannot be a parent with any other uid', () => {
    for (const uids of [[0], [1001], [1000, 0, 0, 0], [1000, 1000, 0, 1000], [0, 1000, 1000, 1000]]) {
      const fixture = new Fixture();
      fixture.run(SHELL, 1, ...uids);
      refused(fixture, ALICE, SHELL, 'PROCESS_DENIED');
    }
  });

  test('can be a parent of any user if the caller is root, but not the first process', () => {
    const fixture = new Fixture(0);
    fixture.run(SHELL, 1, 1000);
    assert.ok(fixture.grant(ROOT));
    const orphan = new Fixture(0);
    orphan.run(CLIENT, 1, 0);
    orphan.run(1, 0, 0);
    refused(orphan, ROOT, 1, 'PROCESS_DENIED');
  });

  test('cannot be one that reused the pid of the caller', () => {
    const fixture = new Fixture();
    fixture.run(CLIENT, SHELL, 1001);
    refused(fixture, ALICE, CLIENT, 'PROCESS_DENIED');
    refused(fixture, ALICE, SHELL, 'PROCESS_DENIED');
    refused(fixture, ROOT, CLIENT, 'PROCESS_DENIED');
  });
});

test('refuses an invalid request', () => {
  const fixture = new Fixture();
  const requests = [
    undefined,
    null,
    1,
    'WEB',
    [],
    {},
    { job: 1 },
    { job: 'WEB', pid: '700' },
    { job: 'WEB', pid: 0 },
    { job: 'WEB', pid: 1.5 },
    { job: 'WEB', pid: 4_194_305 },
    { job: 'WEB', user: 'root' },
  ];
  for (const request of requests) {
    assert.throws(() => grantJob(request, ALICE, fixture.deps), { code: 'REQUEST_INVALID' });
  }
});

test('refuses a process that is not in a cgroup', () => {
  const fixture = new Fixture();
  fixture.cgroups.place(SHELL, undefined);
  assert.throws(() => fixture.grant(ALICE), { code: 'CGROUP_MISSING' });
});

test('removes the cgroup if the kernel refuses to move the process', () => {
  const fixture = new Fixture();
  fixture.cgroups.move = () => {
    throw new Error('EOPNOTSUPP');
  };
  assert.throws(() => fixture.grant(ALICE), /EOPNOTSUPP/);
  assert.deepEqual(fixture.cgroups.marked(), []);
});

test('moves a process that reused the pid back to the cgroup of its parent', () => {
  const fixture = new Fixture();
  fixture.cgroups.add('/other');
  fixture.run(800, 1, 1001);
  fixture.cgroups.place(800, '/other');
  const move = fixture.cgroups.move.bind(fixture.cgroups);
  fixture.cgroups.move = (pid, into) => {
    // The shell has ended, and its pid is reused by a child of another process.
    if (into.path !== '/other') fixture.run(SHELL, 800, 1001);
    move(pid, into);
  };
  assert.throws(() => fixture.grant(ALICE), { code: 'PROCESS_GONE' });
  assert.equal(fixture.cgroups.of(SHELL), '/other');
  assert.deepEqual(fixture.cgroups.marked(), []);
});
