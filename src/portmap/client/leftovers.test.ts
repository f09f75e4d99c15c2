// Tests that a closed client leaves no handle. Alone in its process, so that no other handle interferes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { success, tcpServer, udpServer } from '../../../test/support/rpc-server.ts';
import { until } from '../../../test/support/sandbox.ts';
import { RpcClient } from './rpc-client.ts';

const SHORT_MS = 50;
/** The timeout for timers to disappear. */
const LONG_MS = 60_000;
const PROGRAM = 536870913;

const resources = (): string[] => process.getActiveResourcesInfo().sort();

test('a closed client leaves no handle', async (t) => {
  for (const serve of [udpServer, tcpServer]) {
    const target = await serve(t, (call, send) => {
      if (call.head.version === 1) send(success(call));
    });
    const before = resources();
    const client = new RpcClient(target, { timeoutMs: LONG_MS });
    await client.ping(PROGRAM, 1);
    await assert.rejects(client.ping(PROGRAM, 2, { timeoutMs: SHORT_MS }), { code: 'TIMEOUT' });
    const waiting = client.ping(PROGRAM, 2);
    assert.notDeepEqual(resources(), before);
    await Promise.all([assert.rejects(waiting, { code: 'CLOSED' }), client.close()]);
    // Closed handles, such as the server's end of a connection, take another turn to disappear.
    await until('the sockets and timers to be gone', () => isDeepStrictEqual(resources(), before));
  }
});
