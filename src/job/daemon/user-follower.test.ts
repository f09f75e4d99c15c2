// When the daemon queries the user database: at its start, periodically, and for uids seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimUserArchive, SimUserDatabase } from '../../../test/support/sim/users.ts';
import { UIDS_INTERVAL_MS, USER_KEPT_MS, USERS_REFRESH_MS, USERS_RETRY_MS } from '../../base/limits.ts';
import { UserFollower } from './user-follower.ts';

class Fixture {
  readonly clock = new SimClock();
  readonly database = new SimUserDatabase();
  readonly archive = new SimUserArchive();
  readonly cgroups = new SimCgroups();
  readonly warnings: string[] = [];
  readonly named = new Set<number>();
  spelled = ['WEB'];
  readonly follower: UserFollower<{ readonly name: string }>;

  constructor() {
    const files = new SimFiles({ '/etc/passwd': 'root:x:0:0:::\n', '/etc/group': '' }, 1);
    const { clock, database, archive, cgroups } = this;
    database.passwd = ['web:x:5000:100:::', 'dev:x:6000:100:::'];
    this.follower = new UserFollower({
      ...{ clock, database, archive, cgroups, files },
      isUnit: () => false,
      spelled: () => ({
        jobs: this.spelled.map((name) => ({ name, source: undefined })),
        users: [],
        ids: [],
      }),
      isNamed: (uid) => this.named.has(uid),
      warn: (message) => this.warnings.push(message),
    });
  }

  /** The queries in a tick after some milliseconds. */
  async tick(afterMs = 0): Promise<string[]> {
    this.clock.advance(afterMs);
    this.database.queries.length = 0;
    this.follower.tick();
    // The simulated database answers within a few microtasks.
    await new Promise((resolve) => setImmediate(resolve));
    return [...this.database.queries];
  }

  get users(): string[] {
    return this.archive.read().users.map(({ name, uid }) => `${name} ${uid}`);
  }
}

test('queries at the start, and again after USERS_REFRESH_MS', async () => {
  const fixture = new Fixture();
  assert.deepEqual(await fixture.tick(), ['passwd web WEB', 'passwd 5000']);
  assert.deepEqual(fixture.users, ['web 5000']);
  assert.deepEqual(await fixture.tick(USERS_REFRESH_MS - 1), []);
  fixture.database.passwd = ['web:x:5001:100:::'];
  assert.notDeepEqual(await fixture.tick(1), []);
  assert.deepEqual(fixture.users, ['web 5001']);
});

test('queries immediately when the rules have changed', async () => {
  const fixture = new Fixture();
  await fixture.tick();
  fixture.spelled = ['DEV'];
  fixture.follower.renewSoon();
  assert.deepEqual(await fixture.tick(UIDS_INTERVAL_MS), ['passwd dev DEV web', 'passwd 5000 6000 5000']);
  assert.deepEqual(
    fixture.follower.jobs.map(({ name }) => name),
    ['DEV'],
  );
});

test('queries a refused uid, at most once per UIDS_INTERVAL_MS', async () => {
  const fixture = new Fixture();
  await fixture.tick();
  fixture.follower.observe(6000);
  assert.deepEqual(await fixture.tick(UIDS_INTERVAL_MS - 1), []);
  assert.deepEqual(await fixture.tick(1), ['passwd 6000']);
  assert.deepEqual(fixture.users, ['web 5000', 'dev 6000']);
  // No user has this one.
  fixture.follower.observe(6001);
  assert.deepEqual(await fixture.tick(UIDS_INTERVAL_MS), ['passwd 6001']);
  fixture.follower.observe(6001);
  assert.deepEqual(await fixture.tick(UIDS_INTERVAL_MS), []);
});

test('queries logged-in users without a refusal', async () => {
  const fixture = new Fixture();
  for (const path of [
    '/user.slice',
    '/user.slice/user-6000.slice',
    '/user.slice/user-.slice',
    '/user.slice/x',
  ]) {
    fixture.cgroups.add(path);
  }
  fixture.cgroups.add('/user.slice/user-0.slice');
  fixture.named.add(0);
  await fixture.tick();
  assert.deepEqual(fixture.users, ['web 5000', 'dev 6000']);
});

test('reports an error once, and retries sooner', async () => {
  const fixture = new Fixture();
  await fixture.tick();
  fixture.database.silence = 'no answer';
  await fixture.tick(USERS_REFRESH_MS);
  assert.equal(fixture.follower.fault, 'no answer');
  assert.deepEqual(await fixture.tick(USERS_RETRY_MS - 1), []);
  assert.notDeepEqual(await fixture.tick(1), []);
  assert.deepEqual(fixture.warnings, ['no answer']);
  assert.deepEqual(fixture.users, ['web 5000']);
  fixture.database.silence = undefined;
  await fixture.tick(USERS_RETRY_MS);
  assert.equal(fixture.follower.fault, undefined);
});

test('forgets a missing user after USER_KEPT_MS of running time', async () => {
  const fixture = new Fixture();
  await fixture.tick();
  const { passwd } = fixture.database;
  fixture.database.passwd = [];
  fixture.clock.advance(USER_KEPT_MS * 3);
  await fixture.tick();
  assert.deepEqual(fixture.users, ['web 5000']);
  await fixture.tick(USER_KEPT_MS - 1);
  assert.deepEqual(fixture.users, ['web 5000']);
  // A user that is found in between is kept.
  fixture.database.passwd = passwd;
  await fixture.tick(USERS_REFRESH_MS);
  fixture.database.passwd = [];
  for (const later of [USERS_REFRESH_MS, USER_KEPT_MS - 1]) await fixture.tick(later);
  assert.deepEqual(fixture.users, ['web 5000']);
  await fixture.tick(USERS_REFRESH_MS);
  assert.deepEqual(fixture.users, []);
});

test('reports rules that cannot be read, and retries', async () => {
  const fixture = new Fixture();
  const spelled = fixture.spelled;
  Object.defineProperty(fixture, 'spelled', {
    configurable: true,
    get: () => {
      throw new Error('the archive is damaged');
    },
  });
  await fixture.tick();
  assert.equal(fixture.follower.fault, 'the archive is damaged');
  Object.defineProperty(fixture, 'spelled', { value: spelled });
  await fixture.tick(USERS_RETRY_MS);
  assert.deepEqual([fixture.follower.fault, fixture.users.length], [undefined, 1]);
});

test('sends one query at a time', async () => {
  const fixture = new Fixture();
  for (let tick = 0; tick < 3; tick++) {
    fixture.follower.tick();
    fixture.follower.renewSoon();
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(fixture.database.queries, ['passwd web WEB', 'passwd 5000']);
  assert.notDeepEqual(await fixture.tick(UIDS_INTERVAL_MS), []);
});

test('after close() neither queries nor reports errors', async () => {
  const fixture = new Fixture();
  fixture.database.silence = 'no answer';
  fixture.follower.tick();
  fixture.follower.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await fixture.tick(USERS_RETRY_MS), []);
  assert.deepEqual(fixture.warnings, []);
});
