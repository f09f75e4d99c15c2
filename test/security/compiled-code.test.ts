// The cache of compiled code is written only where no other user can write, because it is executed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USER, userSandbox } from '../support/user-sandbox.ts';

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

test('no other user can write to the cache of compiled code, whatever the umask', async (t) => {
  const at = await userSandbox(t);
  if (!at) return;
  const { sandbox, checkout, program } = at;
  const dist = `${checkout}/dist`;
  // Simulates the very first start without changing the checkout.
  const layers = `lowerdir=${dist},upperdir=/run/.dist,workdir=/run/.dist-work`;
  const emptied = [
    'mkdir /run/.dist /run/.dist-work',
    `mount -t overlay -o ${layers} dist ${dist}`,
    `rm -rf ${dist}/.cache`,
  ].join(' && ');
  for (const words of ['completion bash', 'ports']) {
    const first = await sandbox.run(['sh', '-c', emptied]);
    assert.equal(first.code, 0, first.stderr);
    await sandbox.run(['sh', '-c', `umask 0 && exec ${program} ${words}`]);
    const kept = (await sandbox.run(['find', `${dist}/.cache`, '-type', 'd', '-printf', '%m '])).stdout;
    assert.match(kept, /^(755 )+$/, words);
    await sandbox.run(['sh', '-c', `umount ${dist} && rm -r /run/.dist /run/.dist-work`]);
  }
});
