// The calling user and root: their jobs, groups and capabilities, read from the files of the host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { readUsers } from '../../job/app/users.ts';
import { type BinderDeps, bindersOf } from './binders.ts';

const PASSWD = 'root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n';

function binders(uid: number, files: Readonly<Record<string, string>>, deps: Partial<BinderDeps> = {}) {
  const all = new SimFiles({ '/etc/passwd': PASSWD, ...files }, 1);
  const host = { files: all, cgroups: new SimCgroups(), uid, ownsNetwork: () => true, ...deps };
  return bindersOf(host, readUsers(all));
}

/** /proc/self/status with the effective and the bounding capabilities. */
const status = (effective: string, bounding = '000001ffffffffff') => ({
  '/proc/self/status':
    `Uid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t4 \n` +
    `CapEff:\t${effective}\nCapBnd:\t${bounding}\n`,
});
const NONE = '0000000000000000';
const BIND = '0000000000000400';

test('a user has a job of the same name, and the capability only if the process has it', () => {
  assert.deepEqual(binders(1000, status(NONE)), {
    you: { uid: 1000, user: 'alice', job: 'ALICE', aliases: [], hasBindCapability: false, gids: [100, 4] },
    root: { uid: 0, user: 'root', job: 'ROOT', aliases: [], hasBindCapability: true, gids: [0] },
  });
  assert.equal(binders(1000, status(BIND)).you.hasBindCapability, true);
});

test('a process in the cgroup of a unit has the job of the unit', () => {
  const files = { '/proc/self/cgroup': '0::/system.slice/web.service\n' };
  const cgroups = new SimCgroups();
  cgroups.add('/system.slice/web.service');
  assert.equal(binders(1000, files, { cgroups }).you.job, 'WEB');
  assert.equal(binders(1000, files, { cgroups: undefined }).you.job, 'ALICE');
});

test('root can lack the capability, as in a container; a user without an account has no job', () => {
  assert.equal(binders(0, status(NONE)).you.hasBindCapability, false);
  assert.equal(binders(1000, status(NONE, BIND)).root.hasBindCapability, true);
  assert.equal(binders(1000, status(NONE, NONE)).root.hasBindCapability, false);
  assert.equal(binders(4711, status(NONE)).you.job, 'UNKNOWN');
});

test('capabilities have no effect in the network namespace of another user namespace', () => {
  const { you, root } = binders(0, status(BIND), { ownsNetwork: () => false });
  assert.deepEqual([you.hasBindCapability, root.hasBindCapability], [false, false]);
});

test('root is assumed to have the capability where /proc is not available', () => {
  assert.equal(binders(0, {}).you.hasBindCapability, true);
  assert.deepEqual(
    [binders(1000, {}).you.hasBindCapability, binders(1000, {}).root.hasBindCapability],
    [false, true],
  );
});
