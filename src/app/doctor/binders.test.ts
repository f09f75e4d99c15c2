// Who asks, and root: their jobs and what they may, as the files of the host say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../host/sim/cgroups.ts';
import { SimFiles } from '../../host/sim/files.ts';
import { readUsers } from '../profile/users.ts';
import { rootOf, whoAsks } from './binders.ts';

const PASSWD = 'root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n';

function host(files: Readonly<Record<string, string>>) {
  const all = new SimFiles({ '/etc/passwd': PASSWD, ...files }, 1);
  return { files: all, users: readUsers(all), cgroups: new SimCgroups() };
}

const status = (capabilities: string) =>
  `Uid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t4 \nCapEff:\t${capabilities}\n`;

test('a user is his own job, and has the capability only if his process has it', () => {
  const without = host({ '/proc/self/status': status('0000000000000000') });
  assert.deepEqual(whoAsks({ ...without, uid: 1000 }, without.users), {
    uid: 1000,
    user: 'alice',
    job: 'ALICE',
    isCapable: false,
    gids: [100, 4],
  });
  const able = host({ '/proc/self/status': status('0000000000000400') });
  assert.equal(whoAsks({ ...able, uid: 1000 }, able.users).isCapable, true);
});

test('what runs in the cgroup of a unit is its job', () => {
  const { files, users, cgroups } = host({ '/proc/self/cgroup': '0::/system.slice/web.service\n' });
  cgroups.add('/system.slice/web.service');
  assert.equal(whoAsks({ files, cgroups, uid: 1000 }, users).job, 'WEB');
  assert.equal(whoAsks({ files, cgroups: undefined, uid: 1000 }, users).job, 'ALICE');
});

test('root can lack the capability, as in a container; who has no account has no job', () => {
  const { files, users, cgroups } = host({ '/proc/self/status': status('0000000000000000') });
  assert.equal(whoAsks({ files, cgroups, uid: 0 }, users).isCapable, false);
  assert.equal(whoAsks({ files, cgroups, uid: 4711 }, users).job, 'UNKNOWN');
  assert.deepEqual(rootOf(users), { uid: 0, user: 'root', job: 'ROOT', isCapable: true, gids: [0] });
});

test('where /proc tells nothing root is taken for capable', () => {
  const { files, users, cgroups } = host({});
  assert.equal(whoAsks({ files, cgroups, uid: 0 }, users).isCapable, true);
  assert.equal(whoAsks({ files, cgroups, uid: 1000 }, users).isCapable, false);
});
