// When the daemon asks the user database: at its start, from time to time, and for uids that were seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimUserArchive, SimUserDatabase } from '../../../test/support/sim/users.ts';
import { UIDS_INTERVAL_MS, USER_KEPT_MS, USERS_REFRESH_MS, USERS_RETRY_MS } from '../../base/limits.ts';
import { UserFollower } from './user-follower.ts';

class Stage {
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

  /** What is asked in a tick, so many milliseconds later. */
  async tick(afterMs = 0): Promise<string[]> {
    this.clock.advance(afterMs);
    this.database.asked.length = 0;
    this.follower.tick();
    // All that the simulated database takes is turns of the queue.
    await new Promise((resolve) => setImmediate(resolve));
    return [...this.database.asked];
  }

  get users(): string[] {
    return this.archive.read().users.map(({ name, uid }) => `${name} ${uid}`);
  }
}

test('at the start, and after a while again', async () => {
  const stage = new Stage();
  assert.deepEqual(await stage.tick(), ['passwd web WEB', 'passwd 5000']);
  assert.deepEqual(stage.users, ['web 5000']);
  assert.deepEqual(await stage.tick(USERS_REFRESH_MS - 1), []);
  stage.database.passwd = ['web:x:5001:100:::'];
  assert.notDeepEqual(await stage.tick(1), []);
  assert.deepEqual(stage.users, ['web 5001']);
});

test('at once when the rules name others', async () => {
  const stage = new Stage();
  await stage.tick();
  stage.spelled = ['DEV'];
  stage.follower.renewSoon();
  assert.deepEqual(await stage.tick(UIDS_INTERVAL_MS), ['passwd dev DEV web', 'passwd 5000 6000 5000']);
  assert.deepEqual(
    stage.follower.jobs.map(({ name }) => name),
    ['DEV'],
  );
});

test('a uid that was refused is asked for within a second, and no sooner than that after another', async () => {
  const stage = new Stage();
  await stage.tick();
  stage.follower.see(6000);
  assert.deepEqual(await stage.tick(UIDS_INTERVAL_MS - 1), []);
  assert.deepEqual(await stage.tick(1), ['passwd 6000']);
  assert.deepEqual(stage.users, ['web 5000', 'dev 6000']);
  // Nobody has this one.
  stage.follower.see(6001);
  assert.deepEqual(await stage.tick(UIDS_INTERVAL_MS), ['passwd 6001']);
  stage.follower.see(6001);
  assert.deepEqual(await stage.tick(UIDS_INTERVAL_MS), []);
});

test('whoever is logged in is asked for without any refusal', async () => {
  const stage = new Stage();
  for (const path of [
    '/user.slice',
    '/user.slice/user-6000.slice',
    '/user.slice/user-.slice',
    '/user.slice/x',
  ]) {
    stage.cgroups.add(path);
  }
  stage.cgroups.add('/user.slice/user-0.slice');
  stage.named.add(0);
  await stage.tick();
  assert.deepEqual(stage.users, ['web 5000', 'dev 6000']);
});

test('silence is told once, and it is asked again sooner', async () => {
  const stage = new Stage();
  await stage.tick();
  stage.database.silence = 'no answer';
  await stage.tick(USERS_REFRESH_MS);
  assert.equal(stage.follower.fault, 'no answer');
  assert.deepEqual(await stage.tick(USERS_RETRY_MS - 1), []);
  assert.notDeepEqual(await stage.tick(1), []);
  assert.deepEqual(stage.warnings, ['no answer']);
  assert.deepEqual(stage.users, ['web 5000']);
  stage.database.silence = undefined;
  await stage.tick(USERS_RETRY_MS);
  assert.equal(stage.follower.fault, undefined);
});

test('who is not found any more is gone after a day in which we ran, however long we did not', async () => {
  const stage = new Stage();
  await stage.tick();
  const { passwd } = stage.database;
  stage.database.passwd = [];
  stage.clock.advance(USER_KEPT_MS * 3);
  await stage.tick();
  assert.deepEqual(stage.users, ['web 5000']);
  await stage.tick(USER_KEPT_MS - 1);
  assert.deepEqual(stage.users, ['web 5000']);
  // Who is found in between is there again.
  stage.database.passwd = passwd;
  await stage.tick(USERS_REFRESH_MS);
  stage.database.passwd = [];
  for (const later of [USERS_REFRESH_MS, USER_KEPT_MS - 1]) await stage.tick(later);
  assert.deepEqual(stage.users, ['web 5000']);
  await stage.tick(USERS_REFRESH_MS);
  assert.deepEqual(stage.users, []);
});

test('rules that cannot be read are told, and read again later', async () => {
  const stage = new Stage();
  const spelled = stage.spelled;
  Object.defineProperty(stage, 'spelled', {
    configurable: true,
    get: () => {
      throw new Error('the archive is damaged');
    },
  });
  await stage.tick();
  assert.equal(stage.follower.fault, 'the archive is damaged');
  Object.defineProperty(stage, 'spelled', { value: spelled });
  await stage.tick(USERS_RETRY_MS);
  assert.deepEqual([stage.follower.fault, stage.users.length], [undefined, 1]);
});

test('one question at a time', async () => {
  const stage = new Stage();
  for (let tick = 0; tick < 3; tick++) {
    stage.follower.tick();
    stage.follower.renewSoon();
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(stage.database.asked, ['passwd web WEB', 'passwd 5000']);
  assert.notDeepEqual(await stage.tick(UIDS_INTERVAL_MS), []);
});

test('once it is closed nothing is asked, and what fails is told nobody', async () => {
  const stage = new Stage();
  stage.database.silence = 'no answer';
  stage.follower.tick();
  stage.follower.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await stage.tick(USERS_RETRY_MS), []);
  assert.deepEqual(stage.warnings, []);
});
