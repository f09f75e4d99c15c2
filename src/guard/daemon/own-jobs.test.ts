// What portreeve does as a job of its own: its cgroup during that time, and afterwards.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import type { HeldProcess } from '../../host/host.ts';
import { OwnJobs } from './own-jobs.ts';

const HOME = '/system.slice/portreeve.service';

function setup() {
  const cgroups = new SimCgroups();
  cgroups.add(HOME);
  cgroups.place(process.pid, HOME);
  const warnings: string[] = [];
  const where = () => cgroups.of(process.pid);
  const inspect = () => ({ parent: 1, uids: [0, 0, 0, 0], cgroup: where() });
  const held: HeldProcess = { pid: process.pid, inspect, close: () => undefined };
  const jobs = new OwnJobs({
    cgroups,
    processes: { hold: () => held },
    follower: {
      make: (parent, name, job, grantee) => cgroups.make(parent, name, job, grantee),
      remove: (cgroup) => void cgroups.remove(cgroup),
    },
    warn: (message) => warnings.push(message),
  });
  return { cgroups, jobs, where, warnings };
}

test('what is done as a job is done in its cgroup, which is kept until the end', () => {
  const { cgroups, jobs, where, warnings } = setup();
  const inside = jobs.run('PORTMAP', where);
  assert.match(inside ?? '', /^\/system\.slice\/portreeve\.service\/.*PORTMAP/);
  assert.equal(where(), HOME);
  assert.equal(jobs.run('PORTMAP', where), inside, 'the same again');
  assert.deepEqual(
    cgroups.marked().map(({ job }) => job),
    ['PORTMAP'],
  );
  jobs.close();
  assert.deepEqual([cgroups.marked(), warnings], [[], []]);
});

test('a failure the first time leaves nothing, and later what was there before', () => {
  const { cgroups, jobs, where } = setup();
  const fail = () => assert.fail('no port');
  assert.throws(() => jobs.run('PORTMAP', fail), /no port/);
  assert.deepEqual([where(), cgroups.marked()], [HOME, []]);
  jobs.run('PORTMAP', () => undefined);
  assert.throws(() => jobs.run('PORTMAP', fail), /no port/);
  assert.deepEqual([where(), cgroups.marked().length], [HOME, 1]);
});

test('a cgroup that another process removed is created again', () => {
  const { cgroups, jobs, where } = setup();
  const inside = jobs.run('PORTMAP', where) ?? '';
  cgroups.drop(inside);
  assert.equal(jobs.run('PORTMAP', where), inside);
  assert.equal(cgroups.marked().length, 1);
});

test('where no cgroup can be created, that is reported, and the function is called all the same', () => {
  const { cgroups, jobs, where, warnings } = setup();
  cgroups.make = () => assert.fail('read-only');
  assert.equal(jobs.run('PORTMAP', where), HOME);
  assert.deepEqual(warnings, ['could not enter or leave the cgroup of the job PORTMAP: read-only']);
});
