// The cache of compiled code is executed by every user: only a user who can write the program can write it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ROOT } from '../support/daemon.ts';
import { STRANGER, USER, type UserSandbox, userSandbox } from '../support/user-sandbox.ts';

/** Commands that cover every way in which the program is started. */
const LINES = ['completion bash', 'ports', 'status', 'run --job WEB -- true'];

test('no command creates anything in /tmp', async (t) => {
  const at = await userSandbox(t);
  if (!at) return;
  for (const uid of [0, USER]) {
    for (const line of LINES) {
      await at.run(line, uid);
      assert.equal(
        (await at.sandbox.run(['find', '/tmp', '-mindepth', '1'])).stdout,
        '',
        `${line} as ${uid}`,
      );
    }
  }
});

/** A sandbox in which nothing has been compiled yet; the checkout itself stays as it is. */
async function emptied(t: TestContext): Promise<UserSandbox | undefined> {
  const at = await userSandbox(t);
  if (!at) return undefined;
  const dist = `${at.checkout}/dist`;
  const layers = `lowerdir=${dist},upperdir=/run/.dist,workdir=/run/.dist-work`;
  const empty = [
    'mkdir /run/.dist /run/.dist-work',
    `mount -t overlay -o ${layers} dist ${dist}`,
    `rm -rf ${dist}/.cache`,
  ].join(' && ');
  const { code, stderr } = await at.sandbox.run(['sh', '-c', empty]);
  assert.equal(code, 0, stderr);
  return at;
}

/** The modes and owners of what is kept compiled, without the names. */
async function kept({ sandbox, checkout }: UserSandbox): Promise<string[]> {
  const { stdout } = await sandbox.run(['find', `${checkout}/dist/.cache`, '-printf', '%y%m %U\n']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** What a user's `portreeve who 1` does with what is kept: it is used, it is rejected, or there is none. */
async function use({ sandbox, checkout }: UserSandbox, uid: number): Promise<string> {
  const script = `const { startProgram } = await import('${checkout}/src/main/compiled.ts');
    console.error(startProgram('${checkout}/dist'));`;
  const argv = ['--input-type=module', '-e', script, 'portreeve', 'who', '1'];
  return (await sandbox.run([process.execPath.replace(ROOT, checkout), ...argv], { uid })).stderr;
}

for (const umask of ['0', '077']) {
  test(`every user can read it and only root can write it, with umask ${umask}`, async (t) => {
    const at = await emptied(t);
    if (!at) return;
    await at.sandbox.run(['sh', '-c', `umask ${umask} && exec ${at.program} who 1`]);
    assert.deepEqual(await kept(at), ['d755 0', 'f644 0']);
    assert.equal(await use(at, USER), 'used\n');
  });
}

test('every user uses what the build compiled', async (t) => {
  const at = await userSandbox(t);
  if (!at) return;
  for (const uid of [0, USER, STRANGER]) assert.equal(await use(at, uid), 'used\n', `${uid}`);
});

test('a user who does not own the program writes nothing', async (t) => {
  const at = await emptied(t);
  if (!at) return;
  assert.equal((await at.run('who 1')).code, 1);
  assert.deepEqual(await kept(at), []);
});

test('what another user put there is not used, and root replaces it', async (t) => {
  const at = await emptied(t);
  if (!at) return;
  const { sandbox, checkout, program } = at;
  await sandbox.run([program, 'who', '1']);
  await sandbox.run(['sh', '-c', `chown ${STRANGER} ${checkout}/dist/.cache/*`]);
  assert.equal(await use(at, USER), 'none\n');
  assert.equal((await at.run('who 1')).code, 1);
  await sandbox.run([program, 'who', '1']);
  assert.deepEqual(await kept(at), ['d755 0', 'f644 0']);
});
