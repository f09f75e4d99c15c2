// Tests `portreeve portmap stats` with statistics of every kind, and with none.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { fakePortmap, success, tcpServer } from '../../../test/support/rpc-server.ts';
import { run } from '../../main/program.ts';
import { encodeRpcbStat, type RpcbStat } from '../wire/rpcbind.ts';

const NOTHING: RpcbStat = { calls: [], sets: 0, unsets: 0, addresses: [], remoteCalls: [] };

const STATISTICS: readonly RpcbStat[] = [
  {
    calls: [1, 12, 2, 3000],
    sets: 11,
    unsets: 0,
    addresses: [{ program: 100005, version: 3, success: 2999, failure: 1, netid: 'udp' }],
    remoteCalls: [
      { program: 536870913, version: 1, procedure: 4, success: 5, failure: 2, indirect: 1, netid: 'udp' },
    ],
  },
  NOTHING,
  {
    ...NOTHING,
    calls: [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    addresses: [{ program: 7, version: 1, success: 0, failure: 7, netid: 'tcp6' }],
  },
];

async function hostWith(t: TestContext, statistics: readonly RpcbStat[]): Promise<string> {
  const { port } = await tcpServer(t, (call, send) => {
    send(
      success(call, (writer) => {
        for (const stat of statistics) encodeRpcbStat(writer, stat);
      }),
    );
  });
  return `127.0.0.1:${port}`;
}

test('prints tables of calls, of lookups, and of forwarded calls', async (t) => {
  const io = capturedIo();
  assert.equal(await run(['portmap', 'stats', await hostWith(t, STATISTICS)], io), 0);
  assert.equal(
    io.stdout(),
    [
      'VERSION  PROCEDURE  CALLS  CHANGED',
      '      2  NULL           1        -',
      '      2  SET           12       11',
      '      2  UNSET          2        0',
      '      2  GETPORT     3000        -',
      '      4  GETADDR        7        -',
      '      4  GETSTAT        1        -',
      '',
      'VIA VERSION  PROGRAM  NAME    VERSION  NETID  FOUND  NOT FOUND',
      '          2   100005  mountd        3  udp     2999          1',
      '          4        7  -             1  tcp6       0          7',
      '',
      'VIA VERSION    PROGRAM  NAME  VERSION  NETID  PROCEDURE  FORWARDED  FAILED  INDIRECT',
      '          2  536870913  -           1  udp            4          5       2         1',
      '',
    ].join('\n'),
  );
});

test('omits empty tables', async (t) => {
  const io = capturedIo();
  assert.equal(await run(['portmap', 'stats', await hostWith(t, [NOTHING, NOTHING, NOTHING])], io), 0);
  assert.equal(io.stdout(), 'VERSION  PROCEDURE  CALLS  CHANGED\n');
});

test('prints an object for each version with --json', async (t) => {
  const io = capturedIo();
  assert.equal(await run(['portmap', 'stats', await hostWith(t, STATISTICS), '--json'], io), 0);
  const [two, three, four] = JSON.parse(io.stdout());
  assert.deepEqual(two, {
    version: 2,
    calls: { NULL: 1, SET: 12, UNSET: 2, GETPORT: 3000 },
    sets: 11,
    unsets: 0,
    lookups: [{ program: 100005, version: 3, success: 2999, failure: 1, netid: 'udp', name: 'mountd' }],
    remoteCalls: [{ ...STATISTICS[0]?.remoteCalls[0], name: null }],
  });
  assert.deepEqual(three, { version: 3, calls: {}, sets: 0, unsets: 0, lookups: [], remoteCalls: [] });
  assert.deepEqual(four.calls, { GETADDR: 7, GETSTAT: 1 });
});

test('exits with 3 if the port mapper does not support version 4', async (t) => {
  const { port } = await tcpServer(t, fakePortmap({ versions: [2, 3], entries: [] }));
  const io = capturedIo();
  assert.equal(await run(['portmap', 'stats', `127.0.0.1:${port}`], io), 3);
  assert.match(
    io.stderr(),
    /^portreeve: error\[\w+\]: no port mapper .*:\n.* serves versions 2-3 of the program\n/,
  );
});
