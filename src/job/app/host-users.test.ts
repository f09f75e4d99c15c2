// The users of a host: those in its files, followed by those from the user database.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimUserArchive, SimUserDatabase } from '../../../test/support/sim/users.ts';
import { USER_ANSWER_MS } from '../../base/limits.ts';
import type { UserDatabase } from '../../host/host.ts';
import { DraftUserArchive, HostUsers, queryUsers, type UserRequest } from './host-users.ts';
import { readUsers } from './users.ts';

const ROOT = 'root:x:0:0::/:/bin/sh';
const NOTHING: UserRequest = { names: [], ids: [], uids: [], isRefresh: true };

class Fixture {
  readonly files: SimFiles;
  readonly archive = new SimUserArchive();
  readonly database = new SimUserDatabase();
  readonly clock = new SimClock();
  readonly units = new Set<string>();
  readonly isUnit = (name: string) => this.units.has(name);
  readonly users: HostUsers;

  constructor(passwd = `${ROOT}\nalice:x:1000:1000:::\n`, group = 'root:x:0:\n') {
    this.files = new SimFiles({ '/etc/passwd': passwd, '/etc/group': group }, 1);
    const { files, archive, isUnit } = this;
    this.users = new HostUsers({ files, archive, isUnit });
    this.database.passwd = ['web:x:5000:700:Web,,,:/home/web:/bin/sh', 'dev:x:5001:700:::'];
    this.database.group = ['staff:x:700:dev,alice'];
  }

  query(request: Partial<UserRequest>) {
    return queryUsers(this, { ...NOTHING, ...request });
  }

  get names(): string[] {
    return readUsers(this.users).accounts.map(({ name, uid }) => `${name} ${uid}`);
  }
}

describe('the files of the host', () => {
  test('are unchanged while the archive is empty', () => {
    const { users, files } = new Fixture();
    for (const path of ['/etc/passwd', '/etc/group', '/etc/none']) {
      assert.equal(users.readText(path, 1e6), files.readText(path, 1e6));
      assert.equal(users.stamp(path), files.stamp(path));
    }
  });

  test('have a line for each archived user and group, and another stamp', async () => {
    const fixture = new Fixture(`${ROOT}\nalice:x:1000:1000:::`);
    const { users } = fixture;
    const before = users.stamp('/etc/passwd');
    await fixture.query({ names: ['WEB', 'ALICE'], ids: ['STAFF'] });
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000', 'web 5000', 'dev 5001']);
    assert.deepEqual(
      readUsers(users).groups.map(({ name, members }) => `${name} ${members}`),
      ['root ', 'staff dev,alice'],
    );
    const after = users.stamp('/etc/passwd');
    assert.notEqual(after, before);
    // An unchanged answer does not change the stamp, so that no tables are rebuilt.
    fixture.clock.advance(60_000);
    await fixture.query({ names: ['WEB', 'ALICE'], ids: ['STAFF'] });
    assert.equal(users.stamp('/etc/passwd'), after);
  });

  test('and units take precedence, even if added later', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'] });
    const before = fixture.users.stamp('/etc/passwd');
    fixture.units.add('WEB');
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000']);
    assert.notEqual(fixture.users.stamp('/etc/passwd'), before);
    fixture.units.clear();
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000', 'web 5000']);
    fixture.files.write('/etc/passwd', `${ROOT}\nWeb:x:1001:1001:::\n`);
    assert.deepEqual(fixture.names, ['root 0', 'Web 1001']);
  });

  test('are used alone if the archive is damaged, and the reason is reported', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'] });
    fixture.archive.damage = 'it is damaged';
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000']);
    assert.equal(fixture.users.fault, 'it is damaged');
    fixture.archive.damage = undefined;
    assert.equal(fixture.users.fault, undefined);
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000', 'web 5000']);
  });
});

describe('the user database', () => {
  test('is not queried if all names are in a file or are units', async () => {
    const fixture = new Fixture();
    fixture.units.add('SSH');
    await fixture.query({ names: ['ALICE', 'SSH', 'PORTMAP'], ids: ['ROOT'], uids: [0, 1000] });
    assert.deepEqual(fixture.database.queries, []);
  });

  test('is queried by lowercase and uppercase name, then by uid', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'], uids: [1000, 6000] });
    assert.deepEqual(fixture.database.queries, ['passwd web WEB', 'passwd 6000 5000']);
  });

  test('is queried again for all known users, except when only a uid is queried', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'], ids: ['STAFF'] });
    fixture.database.queries.length = 0;
    await fixture.query({ uids: [6000], isRefresh: false });
    assert.deepEqual(fixture.database.queries, ['passwd 6000']);
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000', 'web 5000', 'dev 5001']);
    fixture.database.queries.length = 0;
    await fixture.query({});
    assert.deepEqual(fixture.database.queries, [
      'group staff',
      'passwd dev alice web dev',
      'passwd 5000 5001 5001 5000 5001',
    ]);
  });

  test('does not report users missing that were not queried', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'] });
    const reported: string[] = [];
    const isGone = (name: string, isAnswered: boolean) => reported.push(`${name} ${isAnswered}`) < 0;
    const { archive, clock, files, isUnit, database } = fixture;
    const deps = { archive, clock, files, isUnit, database, isGone };
    await queryUsers(deps, { ...NOTHING, uids: [6000], isRefresh: false });
    assert.deepEqual(reported, []);
    database.passwd = [];
    await queryUsers(deps, { ...NOTHING, names: ['WEB'] });
    assert.deepEqual(reported, ['WEB false']);
  });

  test('keeps earlier answers when it does not answer', async () => {
    const fixture = new Fixture();
    await fixture.query({ names: ['WEB'] });
    fixture.database.silence = 'no answer';
    await assert.rejects(fixture.query({ names: ['WEB', 'DEV'] }), { code: 'USERS_SILENT' });
    assert.deepEqual(fixture.names, ['root 0', 'alice 1000', 'web 5000']);
  });

  test('is ignored if the host’s files changed during the query', async () => {
    const fixture = new Fixture();
    const { archive, clock, files, isUnit } = fixture;
    const database: UserDatabase = {
      entries: async (what, keys) => {
        files.write('/etc/passwd', `${ROOT}\nweb:x:5000:700:::\n`);
        const answer = await fixture.database.entries(what, keys);
        files.write('/etc/passwd', `${ROOT}\n`);
        return answer;
      },
    };
    const deps = { database, archive, clock, files, isUnit };
    await assert.rejects(queryUsers(deps, { ...NOTHING, names: ['WEB'] }), { code: 'USERS_CHANGED' });
    assert.deepEqual(archive.read().users, []);
  });

  test('has one timeout for all queries', async () => {
    const fixture = new Fixture();
    const times: number[] = [];
    const slow: UserDatabase = {
      entries: async (what, keys, timeoutMs) => {
        times.push(timeoutMs);
        fixture.clock.advance(1000);
        return await fixture.database.entries(what, keys);
      },
    };
    const { archive, clock, files, isUnit } = fixture;
    await queryUsers(
      { database: slow, archive, clock, files, isUnit },
      { ...NOTHING, names: ['WEB'], ids: ['STAFF'] },
    );
    assert.deepEqual(times, [USER_ANSWER_MS, USER_ANSWER_MS - 1000, USER_ANSWER_MS - 2000]);
  });
});

test('a draft has the answers, and the archive does not', async () => {
  const fixture = new Fixture();
  const draft = new DraftUserArchive(fixture.archive);
  const { files, isUnit, clock, database } = fixture;
  const users = new HostUsers({ files, archive: draft, isUnit });
  await queryUsers({ files, isUnit, clock, database, archive: draft }, { ...NOTHING, names: ['WEB'] });
  assert.match(users.readText('/etc/passwd', 1e6) ?? '', /^web:/m);
  assert.deepEqual(fixture.archive.read().users, []);
  assert.doesNotMatch(fixture.users.readText('/etc/passwd', 1e6) ?? '', /^web:/m);
});
