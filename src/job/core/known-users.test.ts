// What the answers of a user database mean: who is known then, for how long, and behind whom.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { USERS_ASKED_MAX, USERS_SEEN_MAX } from '../../base/limits.ts';
import type { Account } from '../../text/passwd.ts';
import { linesBehind, namesToAsk, settle, spellings, type UserAnswers } from './known-users.ts';
import type { KnownUser, KnownUsers } from './user-archive.ts';

/** What it was told of those who were known. */
const asked: string[] = [];
const isGone = (name: string, isAnswered: boolean) => {
  asked.push(`${name} ${isAnswered}`);
  return false;
};
beforeEach(() => {
  asked.length = 0;
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
/** An answer in which every uid has the name that was answered. */
const answer = (...accounts: Account[]): UserAnswers => ({ groups: [], byName: accounts, byUid: accounts });
const names = ({ users }: KnownUsers) => users.map(({ name, uid }) => `${name} ${uid}`);

describe('an answer', () => {
  const wanted = { ...NO_ONE_WANTED, names: ['WEB'] };

  test('names users whom the rules spell out, and no others', () => {
    assert.deepEqual(
      settle(NOBODY, wanted, answer(account('web', 5000), account('other', 5001)), isGone),
      known(user('web', 5000)),
    );
  });

  test('never makes anybody root', () => {
    assert.deepEqual(settle(NOBODY, wanted, answer(account('web', 0)), isGone), NOBODY);
    assert.deepEqual(settle(known(user('web', 5000)), wanted, answer(account('web', 0)), isGone), NOBODY);
  });

  test('counts where the uid has that name: a second name of a uid is none', () => {
    const byName = [account('web', 5000)];
    const canonical = { groups: [], byName, byUid: [account('alice', 5000)] };
    assert.deepEqual(settle(NOBODY, wanted, canonical, isGone), NOBODY);
    assert.deepEqual(
      settle(NOBODY, wanted, { groups: [], byName, byUid: [] }, isGone),
      known(user('web', 5000)),
    );
  });

  test('of two spellings the one in small letters is the user', () => {
    const both = answer(account('WEB', 5001), account('web', 5000));
    assert.deepEqual(names(settle(NOBODY, wanted, both, isGone)), ['web 5000']);
    assert.deepEqual(names(settle(NOBODY, wanted, answer(account('WEB', 5001)), isGone)), ['WEB 5001']);
  });
});

describe('what was known before', () => {
  const wanted = { ...NO_ONE_WANTED, names: ['WEB'] };
  const before = known(user('web', 5000));

  test('is kept while there is no answer, until it is gone', () => {
    assert.deepEqual(names(settle(before, wanted, answer(), isGone)), ['web 5000']);
    assert.deepEqual(asked, ['WEB false']);
    assert.deepEqual(
      settle(before, wanted, answer(), () => true),
      NOBODY,
    );
  });

  test('is not gone while it is answered', () => {
    assert.deepEqual(names(settle(before, wanted, answer(account('web', 5000)), isGone)), ['web 5000']);
    assert.deepEqual(asked, ['WEB true']);
  });

  test('gives way at once to another uid of the name, and to another name of the uid', () => {
    assert.deepEqual(names(settle(before, wanted, answer(account('web', 6000)), isGone)), ['web 6000']);
    const reused = { groups: [], byName: [], byUid: [account('alice', 5000)] };
    assert.deepEqual(settle(before, wanted, reused, isGone), NOBODY);
    // The same where no rule says the name any more: it may be said again, by a trial that goes back.
    assert.deepEqual(names(settle(before, NO_ONE_WANTED, answer(account('web', 6000)), isGone)), []);
  });

  test('stays until it is gone when no rule says it any more', () => {
    const answers = answer(account('web', 5000));
    assert.deepEqual(names(settle(before, NO_ONE_WANTED, answers, isGone)), ['web 5000']);
    assert.deepEqual(asked, ['WEB false']);
    assert.deepEqual(
      settle(before, NO_ONE_WANTED, answers, () => true),
      NOBODY,
    );
  });
});

describe('users who were seen', () => {
  const seen = (...uids: number[]) => ({ ...NO_ONE_WANTED, uids });
  const byUid = (...accounts: Account[]): UserAnswers => ({ groups: [], byName: [], byUid: accounts });

  test('are known by their uid, and stay known while the database knows them', () => {
    const after = settle(NOBODY, seen(5000), byUid(account('dev', 5000)), isGone);
    assert.deepEqual(after, known(user('dev', 5000, { isSeen: true })));
    assert.deepEqual(names(settle(after, NO_ONE_WANTED, answer(account('dev', 5000)), isGone)), ['dev 5000']);
    assert.deepEqual(asked, ['DEV true']);
    assert.deepEqual(
      settle(after, NO_ONE_WANTED, answer(), () => true),
      NOBODY,
    );
  });

  test('are at most so many: the oldest gives way, and never one whom a rule spells out', () => {
    const crowd = Array.from({ length: USERS_SEEN_MAX }, (_, i) =>
      user(`u${i}`, 10_000 + i, { isSeen: true }),
    );
    const full = known(user('web', 5000), ...crowd);
    const after = settle(full, seen(9000), byUid(account('late', 9000)), isGone).users;
    assert.equal(after.length, USERS_SEEN_MAX + 1);
    assert.deepEqual([after[0]?.name, after[1]?.name, after.at(-1)?.name], ['web', 'u1', 'late']);
  });
});

describe('groups', () => {
  const wanted = { ...NO_ONE_WANTED, ids: ['STAFF'] };
  const staff = { name: 'staff', gid: 700, members: ['Dev', 'ann'] };

  test('are known with their members, who are users then', () => {
    const answers = { groups: [staff], byName: [account('Dev', 5000), account('ann', 5001)], byUid: [] };
    const after = settle(NOBODY, wanted, answers, isGone);
    assert.deepEqual(after.groups, [staff]);
    assert.deepEqual(names(after).sort(), ['Dev 5000', 'ann 5001']);
  });

  test('are kept without an answer until they are gone; one that nobody asked for is none', () => {
    const before = { users: [], groups: [staff] };
    assert.deepEqual(settle(before, wanted, answer(), isGone), before);
    assert.deepEqual(asked, ['group STAFF false']);
    assert.deepEqual(
      settle(before, wanted, answer(), () => true),
      NOBODY,
    );
    assert.deepEqual(
      settle(NOBODY, NO_ONE_WANTED, { groups: [staff], byName: [], byUid: [] }, isGone),
      NOBODY,
    );
  });

  test('have at most so many members', () => {
    const members = Array.from({ length: USERS_ASKED_MAX + 1 }, (_, i) => `m${i}`);
    const after = settle(NOBODY, wanted, { groups: [{ ...staff, members }], byName: [], byUid: [] }, isGone);
    assert.equal(after.groups[0]?.members.length, USERS_ASKED_MAX);
  });
});

describe('the lines behind those of the files', () => {
  const local = {
    accounts: [account('root', 0), account('nginx', 33)],
    groups: [{ name: 'adm', gid: 4, members: [] }],
  };
  const lines = (users: readonly KnownUser[], isUnit = (_name: string) => false) =>
    linesBehind({ users, groups: [] }, local, isUnit).passwd;

  test('are in the form of passwd(5) and group(5)', () => {
    const groups = [{ name: 'staff', gid: 700, members: ['web', 'dev'] }];
    assert.deepEqual(
      linesBehind({ users: [user('web', 5000)], groups }, local, () => false),
      { passwd: 'web:x:5000:100:::\n', group: 'staff:x:700:web,dev\n' },
    );
  });

  test('say nothing that a file says, whatever the letters: neither a name nor a number', () => {
    const of = (name: string, uid: number) => lines([user(name, uid)]);
    for (const line of [of('nginx', 5000), of('Nginx', 5000), of('web', 33), of('web', 0)])
      assert.equal(line, '');
    const group = (name: string, gid: number) => ({ name, gid, members: ['x'] });
    const groups = [group('ADM', 700), group('x', 4), group('y', 5)];
    assert.equal(linesBehind({ users: [], groups }, local, () => false).group, 'y:x:5:x\n');
  });

  test('have no units, no jobs of our own, no dynamic users and no users of containers', () => {
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

  test('have each name and each uid once: the first counts', () => {
    const some = [user('web', 5000), user('WEB', 5001), user('other', 5000)];
    assert.equal(lines(some), 'web:x:5000:100:::\n');
  });
});

test('only names that are no local user and no unit are asked for, so many at most', () => {
  const local = { accounts: [account('Alice', 1000)] };
  const isUnit = (name: string) => name === 'SSH';
  assert.deepEqual(namesToAsk(['ALICE', 'WEB', 'SSH', 'PORTMAP'], local, isUnit), ['WEB']);
  const many = Array.from({ length: USERS_ASKED_MAX + 1 }, (_, i) => `U${i}`);
  assert.equal(namesToAsk(many, local, isUnit).length, USERS_ASKED_MAX);
  assert.deepEqual(spellings('WEB'), ['web', 'WEB']);
  assert.deepEqual(spellings('12'), ['12']);
});
