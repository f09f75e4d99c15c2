// Merging the answers of the user database, how long users are kept, and which lines are added to passwd and group.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { USERS_QUERIED_MAX, USERS_SEEN_MAX } from '../../base/limits.ts';
import type { Account } from '../../text/passwd.ts';
import { extraLines, mergeAnswers, namesToQuery, spellings, type UserAnswers } from './known-users.ts';
import type { KnownUser, KnownUsers } from './user-archive.ts';

/** The calls of isGone. */
const calls: string[] = [];
const isGone = (name: string, isAnswered: boolean) => {
  calls.push(`${name} ${isAnswered}`);
  return false;
};
beforeEach(() => {
  calls.length = 0;
});
const NOBODY: KnownUsers = { users: [], groups: [] };
const NO_ONE_WANTED = { names: [], ids: [], uids: [] };

const account = (name: string, uid: number): Account => ({ name, uid, gid: 100 });
const user = (name: string, uid: number, more: Partial<KnownUser> = {}): KnownUser => ({
  ...account(name, uid),
  isSeen: false,
  ...more,
});
const known = (...users: KnownUser[]): KnownUsers => ({ users, groups: [] });
/** An answer in which every name is the primary one of its uid. */
const answer = (...accounts: Account[]): UserAnswers => ({ groups: [], byName: accounts, byUid: accounts });
const names = ({ users }: KnownUsers) => users.map(({ name, uid }) => `${name} ${uid}`);

describe('an answer', () => {
  const wanted = { ...NO_ONE_WANTED, names: ['WEB'] };

  test('adds only wanted users', () => {
    assert.deepEqual(
      mergeAnswers(NOBODY, wanted, answer(account('web', 5000), account('other', 5001)), isGone),
      known(user('web', 5000)),
    );
  });

  test('never defines root', () => {
    assert.deepEqual(mergeAnswers(NOBODY, wanted, answer(account('web', 0)), isGone), NOBODY);
    assert.deepEqual(
      mergeAnswers(known(user('web', 5000)), wanted, answer(account('web', 0)), isGone),
      NOBODY,
    );
  });

  test('is accepted only if the name is the primary one of the uid', () => {
    const byName = [account('web', 5000)];
    const canonical = { groups: [], byName, byUid: [account('alice', 5000)] };
    assert.deepEqual(mergeAnswers(NOBODY, wanted, canonical, isGone), NOBODY);
    assert.deepEqual(
      mergeAnswers(NOBODY, wanted, { groups: [], byName, byUid: [] }, isGone),
      known(user('web', 5000)),
    );
  });

  test('prefers the lowercase spelling', () => {
    const both = answer(account('WEB', 5001), account('web', 5000));
    assert.deepEqual(names(mergeAnswers(NOBODY, wanted, both, isGone)), ['web 5000']);
    assert.deepEqual(names(mergeAnswers(NOBODY, wanted, answer(account('WEB', 5001)), isGone)), ['WEB 5001']);
  });
});

describe('a known user', () => {
  const wanted = { ...NO_ONE_WANTED, names: ['WEB'] };
  const before = known(user('web', 5000));

  test('is kept while missing from the answers, until isGone', () => {
    assert.deepEqual(names(mergeAnswers(before, wanted, answer(), isGone)), ['web 5000']);
    assert.deepEqual(calls, ['WEB false']);
    assert.deepEqual(
      mergeAnswers(before, wanted, answer(), () => true),
      NOBODY,
    );
  });

  test('is kept while in the answers', () => {
    assert.deepEqual(names(mergeAnswers(before, wanted, answer(account('web', 5000)), isGone)), ['web 5000']);
    assert.deepEqual(calls, ['WEB true']);
  });

  test('is removed immediately if the name has another uid or the uid another name', () => {
    assert.deepEqual(names(mergeAnswers(before, wanted, answer(account('web', 6000)), isGone)), ['web 6000']);
    const reused = { groups: [], byName: [], byUid: [account('alice', 5000)] };
    assert.deepEqual(mergeAnswers(before, wanted, reused, isGone), NOBODY);
    // Also if no rule names it any more: it may be named again when a trial is rolled back.
    assert.deepEqual(names(mergeAnswers(before, NO_ONE_WANTED, answer(account('web', 6000)), isGone)), []);
  });

  test('is kept until isGone if no rule names it any more', () => {
    const answers = answer(account('web', 5000));
    assert.deepEqual(names(mergeAnswers(before, NO_ONE_WANTED, answers, isGone)), ['web 5000']);
    assert.deepEqual(calls, ['WEB false']);
    assert.deepEqual(
      mergeAnswers(before, NO_ONE_WANTED, answers, () => true),
      NOBODY,
    );
  });
});

describe('users seen', () => {
  const seen = (...uids: number[]) => ({ ...NO_ONE_WANTED, uids });
  const byUid = (...accounts: Account[]): UserAnswers => ({ groups: [], byName: [], byUid: accounts });

  test('are found by uid, and kept while the database knows them', () => {
    const after = mergeAnswers(NOBODY, seen(5000), byUid(account('dev', 5000)), isGone);
    assert.deepEqual(after, known(user('dev', 5000, { isSeen: true })));
    assert.deepEqual(names(mergeAnswers(after, NO_ONE_WANTED, answer(account('dev', 5000)), isGone)), [
      'dev 5000',
    ]);
    assert.deepEqual(calls, ['DEV true']);
    assert.deepEqual(
      mergeAnswers(after, NO_ONE_WANTED, answer(), () => true),
      NOBODY,
    );
  });

  test('are limited: the oldest is removed, but never one named in a rule', () => {
    const crowd = Array.from({ length: USERS_SEEN_MAX }, (_, i) =>
      user(`u${i}`, 10_000 + i, { isSeen: true }),
    );
    const full = known(user('web', 5000), ...crowd);
    const after = mergeAnswers(full, seen(9000), byUid(account('late', 9000)), isGone).users;
    assert.equal(after.length, USERS_SEEN_MAX + 1);
    assert.deepEqual([after[0]?.name, after[1]?.name, after.at(-1)?.name], ['web', 'u1', 'late']);
  });
});

describe('groups', () => {
  const wanted = { ...NO_ONE_WANTED, ids: ['STAFF'] };
  const staff = { name: 'staff', gid: 700, members: ['Dev', 'ann'] };

  test('are stored with their members, who become known users', () => {
    const answers = { groups: [staff], byName: [account('Dev', 5000), account('ann', 5001)], byUid: [] };
    const after = mergeAnswers(NOBODY, wanted, answers, isGone);
    assert.deepEqual(after.groups, [staff]);
    assert.deepEqual(names(after).sort(), ['Dev 5000', 'ann 5001']);
  });

  test('are kept until isGone, and are not added if not wanted', () => {
    const before = { users: [], groups: [staff] };
    assert.deepEqual(mergeAnswers(before, wanted, answer(), isGone), before);
    assert.deepEqual(calls, ['group STAFF false']);
    assert.deepEqual(
      mergeAnswers(before, wanted, answer(), () => true),
      NOBODY,
    );
    assert.deepEqual(
      mergeAnswers(NOBODY, NO_ONE_WANTED, { groups: [staff], byName: [], byUid: [] }, isGone),
      NOBODY,
    );
  });

  test('have at most USERS_QUERIED_MAX members', () => {
    const members = Array.from({ length: USERS_QUERIED_MAX + 1 }, (_, i) => `m${i}`);
    const after = mergeAnswers(
      NOBODY,
      wanted,
      { groups: [{ ...staff, members }], byName: [], byUid: [] },
      isGone,
    );
    assert.equal(after.groups[0]?.members.length, USERS_QUERIED_MAX);
  });
});

describe('the extra lines', () => {
  const local = {
    accounts: [account('root', 0), account('nginx', 33)],
    groups: [{ name: 'adm', gid: 4, members: [] }],
  };
  const lines = (users: readonly KnownUser[], isUnit = (_name: string) => false) =>
    extraLines({ users, groups: [] }, local, isUnit).passwd;

  test('have the format of passwd(5) and group(5)', () => {
    const groups = [{ name: 'staff', gid: 700, members: ['web', 'dev'] }];
    assert.deepEqual(
      extraLines({ users: [user('web', 5000)], groups }, local, () => false),
      { passwd: 'web:x:5000:100:::\n', group: 'staff:x:700:web,dev\n' },
    );
  });

  test('have no name or id that is in a file, ignoring case', () => {
    const of = (name: string, uid: number) => lines([user(name, uid)]);
    for (const line of [of('nginx', 5000), of('Nginx', 5000), of('web', 33), of('web', 0)])
      assert.equal(line, '');
    const group = (name: string, gid: number) => ({ name, gid, members: ['x'] });
    const groups = [group('ADM', 700), group('x', 4), group('y', 5)];
    assert.equal(extraLines({ users: [], groups }, local, () => false).group, 'y:x:5:x\n');
  });

  test('have no units, own jobs, dynamic users, or users of containers', () => {
    const isUnit = (name: string) => name === 'SSH';
    for (const one of [
      user('ssh', 5000),
      user('portmap', 5000),
      user('Gateway', 5000),
      user('superserver', 5000),
      user('dyn', 61_184),
      user('dyn', 65_519),
      user('vu-web-0', 5000),
    ]) {
      assert.equal(lines([one], isUnit), '', `${one.name} ${one.uid}`);
    }
    for (const one of [user('sshd', 5000), user('dyn', 61_183), user('dyn', 65_520)]) {
      assert.notEqual(lines([one], isUnit), '', `${one.name} ${one.uid}`);
    }
  });

  test('have each name and uid once', () => {
    const some = [user('web', 5000), user('WEB', 5001), user('other', 5000)];
    assert.equal(lines(some), 'web:x:5000:100:::\n');
  });
});

test('queries only names that are neither a local user nor a unit, up to a limit', () => {
  const local = { accounts: [account('Alice', 1000)] };
  const isUnit = (name: string) => name === 'SSH';
  assert.deepEqual(namesToQuery(['ALICE', 'WEB', 'SSH', 'PORTMAP'], local, isUnit), ['WEB']);
  const many = Array.from({ length: USERS_QUERIED_MAX + 1 }, (_, i) => `U${i}`);
  assert.equal(namesToQuery(many, local, isUnit).length, USERS_QUERIED_MAX);
  assert.deepEqual(spellings('WEB'), ['web', 'WEB']);
  assert.deepEqual(spellings('12'), ['12']);
});
