/** A directory that all users share: compiled code is not kept there, where another user could put some of their own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USER, userWorld } from '../support/user-world.ts';

/** Commands that are started in each of the ways that there are. */
const LINES = ['completion bash', 'ports', 'status', 'run --job WEB -- true'];

test('no command makes anything in /tmp', async (t) => {
  const at = await userWorld(t);
  if (!at) return;
  for (const uid of [0, USER]) {
    for (const line of LINES) {
      await at.run(line, uid);
      assert.equal((await at.world.run(['find', '/tmp', '-mindepth', '1'])).stdout, '', `${line} as ${uid}`);
    }
  }
});
