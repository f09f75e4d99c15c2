// A client that is closed leaves nothing behind: a test alone in its process, where nothing else comes and goes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { success, tcpServer, udpServer } from '../../../test/support/rpc-server.ts';
import { until } from '../../../test/support/sandbox.ts';
import { RpcClient } from './rpc-client.ts';

const SHORT_MS = 50;
/** Longer than anybody waits here for a timer to be gone. */
const LONG_MS = 60_000;
const PROGRAM = 536870913;

const resources = (): string[] => process.getActiveResourcesInfo().sort();

test('nothing is left behind', async (t) => {
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
    // Closed handles, the server's end of a connection among them, take another turn to go.
    await until('the sockets and timers to be gone', () => isDeepStrictEqual(resources(), before));
  }
});
