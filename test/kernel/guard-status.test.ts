// `portreeve guard` for users who may not inspect the kernel: the daemon reports its state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PEERS, PORTREEVE, portreeve } from '../support/daemon.ts';
import { guardDaemon } from '../support/guard-daemon.ts';
import { ALICE } from '../support/job-fixture.ts';

const PORT = 4000;
const PROFILE = `PORT ${PORT} TCP ALICE\n`;

test('every user sees what root sees', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  const { sandbox, place } = at.fixture;
  const show = (...words: string[]) => portreeve(sandbox, ['guard', ...words], { uid: ALICE });
  const without = await show();
  assert.equal(without.code, 3);
  assert.match(
    without.stderr,
    /^portreeve: error\[\w+\]: only root can inspect the kernel, and no portreeve daemon answers:/,
  );
  assert.match(
    without.stderr,
    /\nRun it as root, for example with sudo, or start the daemon as root: portreeve serve\n$/,
  );

  await at.serve();
  assert.deepEqual([await at.bind(PORT), await at.bind(PORT, ALICE)], ['EACCES', 'ok']);
  const seen = await show('--json');
  assert.equal(seen.code, 0, seen.stderr);
  const { mode, revision, counters, namespaces } = JSON.parse(seen.stdout);
  assert.deepEqual([mode, revision, counters.RESERVED_FOR_OTHERS], ['enforce', 1, '1']);
  assert.ok(namespaces.includes(`${at.fixture.netns}`));
  const byRoot: object = JSON.parse((await at.guard('--json')).stdout);
  for (const [name, value] of Object.entries(JSON.parse(seen.stdout)))
    assert.deepEqual(value, Object.entries(byRoot).find(([other]) => other === name)?.[1], name);
  assert.match(
    (await show()).stdout,
    /^guard {5}enforces the profile\nprofile {3}revision 1, in force since /,
  );

  at.fixture.kernel.setMode('observe');
  assert.match((await show()).stdout, /^guard {5}observes the profile: /);
  assert.equal((await show()).code, 1);
  assert.equal((await portreeve(sandbox, ['guard', '--runtime', '/run/portreeve'])).code, 1);
  await portreeve(sandbox, ['guard', 'off', '--pins', place.pins, '--state', '/run/state']);
  assert.match((await show()).stdout, /^the guard is off: the profile is not enforced\n/);
});

test('a daemon that cannot inspect the kernel reports why', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  const { sandbox } = at.fixture;
  await sandbox.run(['install', '-d', '-o', `${ALICE}`, '-m', '0700', '/run/user']);
  const env = { ...NO_PEERS, XDG_RUNTIME_DIR: '/run/user', XDG_STATE_HOME: '/run/user' };
  const options = ['--port', '7111', '--local', '/run/user/rpcbind.sock'];
  const serving = sandbox.start([PORTREEVE, 'serve', ...options], { uid: ALICE, env });
  await serving.waitForOutput(/portmap is ready/);
  const { code, stderr } = await portreeve(sandbox, ['guard'], { uid: ALICE, env });
  assert.equal(code, 3);
  assert.match(stderr, /only root can assign jobs and update the kernel/);
});
