// Users named in rules: queried, stored except in a draft, and kept when the user database does not answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimUserArchive, SimUserDatabase } from '../../../test/support/sim/users.ts';
import { RuleUsers } from './rule-users.ts';
import { readUsers, withUsersOnce } from './users.ts';

const PASSWD = '/etc/passwd';
const NAMES = { names: ['LDAPWEB'], ids: [] };

function setup(isDraft: boolean) {
  const host = new SimFiles({ [PASSWD]: 'root:x:0:0::/:/bin/sh\n', '/etc/group': 'root:x:0:\n' }, 1);
  const [archive, database] = [new SimUserArchive(), new SimUserDatabase()];
  database.passwd = ['ldapweb:x:20001:20001::/:/bin/sh'];
  const deps = { archive, database, clock: new SimClock(), isUnit: () => false };
  const users = new RuleUsers({ ...deps, files: withUsersOnce(host), present: host }, isDraft);
  const known = () => readUsers(users.files).accounts.map(({ name }) => name);
  return { host, archive, database, users, known };
}

test('stores the users that were queried', async () => {
  const { archive, users, known } = setup(false);
  assert.deepEqual(known(), ['root']);
  assert.equal(await users.query(NAMES), undefined);
  assert.deepEqual(known(), ['root', 'ldapweb']);
  assert.equal(archive.read().users.length, 1);
});

test('a draft stores nothing', async () => {
  const { archive, users, known } = setup(true);
  await users.query(NAMES);
  assert.deepEqual([known(), archive.read().users], [['root', 'ldapweb'], []]);
});

test('keeps known users if there is no answer', async () => {
  const { database, users, known } = setup(false);
  database.silence = 'it does not answer in time';
  assert.equal((await users.query(NAMES))?.code, 'USERS_SILENT');
  assert.deepEqual(known(), ['root']);
});

test('reads passwd once, and detects during a query that it has changed', async () => {
  const { host, users, known } = setup(false);
  assert.deepEqual(known(), ['root']);
  host.write(PASSWD, 'root:x:0:0::/:/bin/sh\nldapweb:x:7:7::/:/bin/sh\n');
  assert.deepEqual(known(), ['root']);
  assert.equal((await users.query(NAMES))?.code, 'USERS_CHANGED');
  assert.deepEqual(known(), ['root']);
});
