// Who asks, and root: their jobs and what they may, as the files of the host say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { readUsers } from '../../job/app/users.ts';
import { bindersOf, type WhoDeps } from './binders.ts';

const PASSWD = 'root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n';

function binders(uid: number, files: Readonly<Record<string, string>>, deps: Partial<WhoDeps> = {}) {
  const all = new SimFiles({ '/etc/passwd': PASSWD, ...files }, 1);
  const host = { files: all, cgroups: new SimCgroups(), uid, ownsNetwork: () => true, ...deps };
  return bindersOf(host, readUsers(all));
}

/** What /proc says of a process: what it has, and what it and root could have. */
const status = (effective: string, bounding = '000001ffffffffff') => ({
  '/proc/self/status':
    `Uid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t4 \n` +
    `CapEff:\t${effective}\nCapBnd:\t${bounding}\n`,
});
const NONE = '0000000000000000';
const BIND = '0000000000000400';

test('a user is his own job, and has the capability only if his process has it', () => {
  assert.deepEqual(binders(1000, status(NONE)), {
    you: { uid: 1000, user: 'alice', job: 'ALICE', aliases: [], isCapable: false, gids: [100, 4] },
    root: { uid: 0, user: 'root', job: 'ROOT', aliases: [], isCapable: true, gids: [0] },
  });
  assert.equal(binders(1000, status(BIND)).you.isCapable, true);
});

test('what runs in the cgroup of a unit is its job', () => {
  const files = { '/proc/self/cgroup': '0::/system.slice/web.service\n' };
  const cgroups = new SimCgroups();
  cgroups.add('/system.slice/web.service');
  assert.equal(binders(1000, files, { cgroups }).you.job, 'WEB');
  assert.equal(binders(1000, files, { cgroups: undefined }).you.job, 'ALICE');
});

test('root can lack the capability, as in a container; who has no account has no job', () => {
  assert.equal(binders(0, status(NONE)).you.isCapable, false);
  assert.equal(binders(1000, status(NONE, BIND)).root.isCapable, true);
  assert.equal(binders(1000, status(NONE, NONE)).root.isCapable, false);
  assert.equal(binders(4711, status(NONE)).you.job, 'UNKNOWN');
});

test('in the network of another user namespace no capability counts', () => {
  const { you, root } = binders(0, status(BIND), { ownsNetwork: () => false });
  assert.deepEqual([you.isCapable, root.isCapable], [false, false]);
});

test('where /proc tells nothing root is taken for capable', () => {
  assert.equal(binders(0, {}).you.isCapable, true);
  assert.deepEqual([binders(1000, {}).you.isCapable, binders(1000, {}).root.isCapable], [false, true]);
});
