/** Tests that a registration without a socket is kept for 30 seconds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Call, makeCalls } from '../support/calls.ts';
import { listed, ONLY_PORTREEVE, setup } from '../support/portmap.ts';
import { until } from '../support/sandbox.ts';

const GIVEN_MS = 30_000;

function set(program: number): Call {
  const entry = { program, version: 1, netid: 'udp', address: '127.0.0.1.16.147' };
  return { via: 'local', procedure: 'set', entry, uid: 1000 };
}

test('an entry without a socket is dropped 30 s after SET at the earliest; a foreign one stays', async (t) => {
  const at = await setup(t, { probes: [ONLY_PORTREEVE] });
  if (at === undefined) return;
  const { sandbox, portmap } = at;
  assert.deepEqual(await makeCalls(sandbox, [set(536871112)], ['unshare', '--net']), [true]);
  const began = performance.now();
  assert.deepEqual(await makeCalls(sandbox, [set(536871111)]), [true]);
  const isGone = async () => (await listed(sandbox, 536871111)).length === 0;
  await until('the registration without a socket to go', isGone, 4 * GIVEN_MS);
  const took = performance.now() - began;
  assert.ok(took >= GIVEN_MS, `it was dropped after ${took} ms`);
  assert.match(portmap.output, /program 536871111 .* was dropped: it never had a socket/);
  assert.equal((await listed(sandbox, 536871112)).length, 1);
});
