// Which uids count as one user, as root, or as a member of the group.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { PeerShares } from './peer-shares.ts';

const FILES = {
  '/etc/passwd': 'root:x:0:0::/:\nalice:x:1000:1000::/:\nbob:x:1001:1001::/:\n',
  '/etc/group': 'root:x:0:\nportreeve:x:995:bob\n',
  '/etc/subuid': 'alice:100000:65536\n1001:200000:10\nroot:300000:65536\nnobody-here:400000:10\n',
};

const user = (uid: number | string) => ({ party: 'users', user: `${uid}` });

function shares(files = new SimFiles(FILES, 1), ownUid = 0) {
  const { of } = new PeerShares(files, ownUid);
  return (uid: number, ...gids: readonly number[]) => of({ uid, gids });
}

test('root, the daemon’s user, and members of its group do not count as ordinary users', () => {
  const of = shares();
  assert.deepEqual(of(0, 0), { party: 'root', user: 'root' });
  assert.deepEqual(of(1000, 1000), user(1000));
  assert.deepEqual(of(1001, 1001, 995), { party: 'group', user: '1001' });
  assert.deepEqual(shares(new SimFiles(FILES, 1), 1000)(1000), { party: 'root', user: 'root' });
});

test('the subordinate uids of a user count as that user', () => {
  const of = shares();
  for (const uid of [100_000, 100_001, 165_535]) assert.deepEqual(of(uid), user(1000));
  assert.deepEqual([of(99_999), of(165_536)], [user(99_999), user(165_536)]);
  assert.deepEqual(of(200_009), user(1001));
});

test('a range of root, or of a user without an account, counts as one user other than root', () => {
  const of = shares();
  assert.deepEqual([of(300_000), of(365_535)], [user('300000-365535'), user('300000-365535')]);
  assert.deepEqual(of(400_003), user('400000-400009'));
});

test('changes of the files take effect', () => {
  const files = new SimFiles({}, 1);
  const of = shares(files);
  assert.deepEqual(of(100_001, 995), user(100_001));
  for (const [path, text] of Object.entries(FILES)) files.write(path, text);
  assert.deepEqual(of(100_001), user(1000));
  assert.deepEqual(of(100_001, 995), { party: 'group', user: '1000' });
});

test('keeps what was known if a file cannot be read', () => {
  const files = new SimFiles(FILES, 1);
  const of = shares(files);
  assert.deepEqual(of(100_001), user(1000));
  files.write('/etc/subuid', '');
  files.forbid('/etc/subuid');
  assert.deepEqual([of(100_001), of(0)], [user(1000), { party: 'root', user: 'root' }]);
});
