/** A TCP server in this process on a port assigned by the kernel. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';

/** Listens on 127.0.0.1 until the end of the test, and returns the port. */
export async function listening(t: Pick<TestContext, 'after'>): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}
