// Users of the host by name and uid, and their groups.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { PortreeveError } from '../../base/errors.ts';
import { identityOf, identityOfUid, portreeveGid, readUsers } from './users.ts';

const FILES = new SimFiles(
  {
    '/etc/passwd': 'root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n1000:x:7:7::/:/bin/sh\n',
    '/etc/group': 'root:x:0:\nusers:x:100:\nweb:x:200:alice,bob\nboth:x:100:alice\n',
  },
  1,
);

test('finds a user by name or uid; a name that looks like a uid takes precedence', () => {
  const users = readUsers(FILES);
  const alice = { uid: 1000, name: 'alice', gids: [100, 200] };
  assert.deepEqual(identityOf('alice', users), alice);
  assert.deepEqual(identityOfUid(1000, users), alice);
  assert.deepEqual(identityOf('1000', users), { uid: 7, name: '1000', gids: [7] });
  assert.deepEqual(identityOf('4711', users), { uid: 4711, name: undefined, gids: [] });
});

test('refuses an unknown name', () => {
  const users = readUsers(FILES);
  for (const name of ['bob', '', '-1', '4294967295', '0x0', 'Alice']) {
    assert.throws(
      () => identityOf(name, users),
      (thrown) => thrown instanceof PortreeveError && thrown.code === 'USER_UNKNOWN',
      name,
    );
  }
});

test('finds no users if the files do not exist', () => {
  const users = readUsers(new SimFiles({}, 1));
  assert.deepEqual(users, { accounts: [], groups: [] });
  assert.deepEqual(identityOfUid(0, users), { uid: 0, name: undefined, gids: [] });
});

test('finds the group portreeve if it exists', () => {
  const files = (group: string) => new SimFiles({ '/etc/group': group }, 1);
  assert.equal(portreeveGid(files('root:x:0:\nportreeve:x:998:alice\n')), 998);
  assert.equal(portreeveGid(files('root:x:0:\nportreeve-portmap:x:997:\n')), undefined);
});
