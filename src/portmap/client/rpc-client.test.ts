// Tests the RPC client against correct and misbehaving servers.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { decodeAuthSys } from '../../../test/support/other-half.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import {
  type Behaviour,
  localServer,
  message,
  type Received,
  success,
  tcpServer,
  udpServer,
} from '../../../test/support/rpc-server.ts';
import { PortreeveError } from '../../base/errors.ts';
import { encodeRecord } from '../wire/record.ts';
import {
  ACCEPT,
  AUTH_STAT,
  writeAccepted,
  writeAuthError,
  writeProgMismatch,
  writeRpcMismatch,
} from '../wire/rpc.ts';
import type { XdrReader, XdrWriter } from '../wire/xdr.ts';
import type { RpcErrorCode } from './errors.ts';
import { type RpcCall, RpcClient, type RpcClientOptions } from './rpc-client.ts';
import type { RpcTarget } from './target.ts';

const PROGRAM = 536870913;
/** Ample for an answer on loopback on a busy machine; reached only if something is broken. */
const PATIENT_MS = 20_000;
const SHORT_MS = 50;

/** A call of a procedure that returns its argument plus one. */
function increment(value: number, options: Partial<RpcCall<number>> = {}): RpcCall<number> {
  const encode = (writer: XdrWriter) => writer.u32(value);
  const decode = (reader: XdrReader) => reader.u32();
  return { program: PROGRAM, version: 1, procedure: 1, encode, decode, ...options };
}

function incremented(call: Received): Uint8Array {
  const value = call.args.u32();
  return success(call, (writer) => writer.u32(value + 1));
}

const wellBehaved: Behaviour = (call, send) => send(incremented(call));
const silent: Behaviour = () => {};

function clientOf(t: TestContext, target: RpcTarget, options: RpcClientOptions = {}): RpcClient {
  const client = new RpcClient(target, { timeoutMs: PATIENT_MS, ...options });
  t.after(() => client.close());
  return client;
}

function fails(code: RpcErrorCode, detail: object = {}): object {
  return { name: 'RpcError', code, ...detail };
}

const servers = { udp: udpServer, tcp: tcpServer } as const;

type Outcome = [name: string, write: (writer: XdrWriter, xid: number) => void, expected: object];

const accepted =
  (stat: number): Outcome[1] =>
  (writer, xid) =>
    writeAccepted(writer, xid, stat);

const OUTCOMES: readonly Outcome[] = [
  ['PROG_UNAVAIL', accepted(ACCEPT.PROG_UNAVAIL), fails('PROG_UNAVAIL')],
  [
    'PROG_MISMATCH with the supported versions',
    (writer, xid) => writeProgMismatch(writer, xid, 2, 4),
    fails('PROG_MISMATCH', { low: 2, high: 4 }),
  ],
  ['PROC_UNAVAIL', accepted(ACCEPT.PROC_UNAVAIL), fails('PROC_UNAVAIL')],
  ['GARBAGE_ARGS', accepted(ACCEPT.GARBAGE_ARGS), fails('GARBAGE_ARGS')],
  ['SYSTEM_ERR', accepted(ACCEPT.SYSTEM_ERR), fails('SYSTEM_ERR')],
  ['RPC_MISMATCH', writeRpcMismatch, fails('RPC_MISMATCH', { low: 2, high: 2 })],
  [
    'AUTH_ERROR with its auth_stat',
    (writer, xid) => writeAuthError(writer, xid, AUTH_STAT.TOOWEAK),
    fails('AUTH_ERROR', { stat: 5 }),
  ],
  ['an unknown accept_stat is BAD_REPLY', accepted(6), fails('BAD_REPLY')],
  ['truncated results are BAD_REPLY', accepted(ACCEPT.SUCCESS), fails('BAD_REPLY')],
  [
    'a call in place of an answer is BAD_REPLY',
    (writer, xid) => {
      writer.u32(xid);
      writer.u32(0);
    },
    fails('BAD_REPLY'),
  ],
];

for (const transport of ['udp', 'tcp'] as const) {
  const serve = servers[transport];

  describe(`over ${transport}`, () => {
    test('a call returns its results', async (t) => {
      const client = clientOf(t, await serve(t, wellBehaved));
      assert.equal(await client.call(increment(41)), 42);
    });

    test('a host name is resolved', async (t) => {
      const { port } = await serve(t, wellBehaved);
      assert.equal(await clientOf(t, { transport, host: 'localhost', port }).call(increment(1)), 2);
    });

    test('each of several outstanding calls receives its own answer, in any order', async (t) => {
      const held: (() => void)[] = [];
      const target = await serve(t, (call, send) => {
        const answer = incremented(call);
        held.unshift(() => send(answer));
        if (held.length === 3) for (const release of held) release();
      });
      const client = clientOf(t, target);
      assert.deepEqual(await Promise.all([1, 2, 3].map((value) => client.call(increment(value)))), [2, 3, 4]);
    });

    test('unsolicited answers are ignored', async (t) => {
      const target = await serve(t, (call, send) => {
        const { xid } = call.head;
        send(new Uint8Array(4));
        send(message((writer) => writeAccepted(writer, xid ^ 1, ACCEPT.PROG_UNAVAIL)));
        send(incremented(call));
        send(message((writer) => writeAccepted(writer, xid, ACCEPT.PROG_UNAVAIL)));
      });
      const client = clientOf(t, target);
      assert.equal(await client.call(increment(1)), 2);
      assert.equal(await client.call(increment(2)), 3);
    });

    test('no answer is TIMEOUT', async (t) => {
      const client = clientOf(t, await serve(t, silent), { timeoutMs: SHORT_MS });
      await assert.rejects(client.call(increment(1)), fails('TIMEOUT'));
    });

    test('an answer after the timeout affects no other call', async (t) => {
      let late = () => {};
      const target = await serve(t, (call, send) => {
        const answer = incremented(call);
        if (call.head.procedure === 9) late = () => send(answer);
        else send(answer);
        if (call.head.procedure === 2) late();
      });
      const client = clientOf(t, target);
      await assert.rejects(
        client.call(increment(1, { procedure: 9, timeoutMs: SHORT_MS })),
        fails('TIMEOUT'),
      );
      assert.equal(await client.call(increment(5, { procedure: 2 })), 6);
      assert.equal(await client.call(increment(6)), 7);
    });

    test('no server listening is REFUSED', async (t) => {
      // The port is held at another address of loopback, so that no other process can bind it.
      const { port } = await serve(t, silent);
      await assert.rejects(
        clientOf(t, { transport, host: '127.77.7.7', port }).call(increment(1)),
        fails('REFUSED'),
      );
    });

    test('a signal aborts a call before and during it, and has no effect after it', async (t) => {
      const controller = new AbortController();
      const { signal } = controller;
      const target = await serve(t, (call, send) => {
        if (call.head.procedure === 9) controller.abort('enough');
        else send(incremented(call));
      });
      const client = clientOf(t, target);
      assert.equal(await client.call(increment(1, { signal })), 2);
      const aborted = fails('ABORTED', { cause: 'enough' });
      await assert.rejects(client.call(increment(1, { procedure: 9, signal })), aborted);
      await assert.rejects(client.call(increment(1, { signal })), aborted);
      assert.equal(await client.call(increment(2)), 3);
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    });

    test('close() rejects outstanding and later calls', async (t) => {
      let client: RpcClient | undefined;
      const target = await serve(t, () => client?.close());
      client = clientOf(t, target);
      await assert.rejects(client.call(increment(1)), fails('CLOSED'));
      await assert.rejects(client.call(increment(1)), fails('CLOSED'));
      await client.close();
    });

    test('the end of an await using scope closes the client', async (t) => {
      const target = await serve(t, wellBehaved);
      let outside: RpcClient;
      {
        await using client = new RpcClient(target);
        assert.equal(await client.call(increment(1)), 2);
        outside = client;
      }
      await assert.rejects(outside.call(increment(1)), fails('CLOSED'));
    });

    test('the server receives an AUTH_SYS credential', async (t) => {
      const sys = { stamp: 7, machineName: 'here', uid: 1000, gid: 100, gids: [4, 24] };
      const seen: object[] = [];
      const target = await serve(t, (call, send) => {
        // The body follows the six words of the header, its flavor and its length (RFC 5531 section 9).
        call.args.at = 32;
        seen.push(decodeAuthSys(call.args));
        send(success(call));
      });
      await clientOf(t, target, { sys }).ping(PROGRAM, 1);
      assert.deepEqual(seen, [sys]);
    });

    for (const [name, write, expected] of OUTCOMES) {
      test(name, async (t) => {
        const target = await serve(t, (call, send) =>
          send(message((writer) => write(writer, call.head.xid))),
        );
        await assert.rejects(clientOf(t, target).call(increment(1)), expected);
      });
    }
  });
}

describe('over udp only', () => {
  test('the same datagram is sent again until it is answered', async (t) => {
    const seen: Buffer[] = [];
    const target = await udpServer(t, (call, send) => {
      seen.push(Buffer.from(call.bytes));
      if (seen.length === 2) send(incremented(call));
    });
    assert.equal(await clientOf(t, target).call(increment(1)), 2);
    assert.deepEqual(seen[1], seen[0]);
  });

  test('over IPv6', async (t) => {
    if (!needs(t, probe.ipv6())) return;
    const client = clientOf(t, await udpServer(t, wellBehaved, '::1'));
    assert.equal(await client.call(increment(1)), 2);
  });
});

describe('on streams', () => {
  test('an answer in fragments of single bytes is reassembled', async (t) => {
    const target = await tcpServer(t, (call, _send, socket) => {
      socket?.setNoDelay();
      const answer = incremented(call);
      const fragment = Buffer.alloc(4 + 10);
      fragment.writeUInt32BE(10);
      fragment.set(answer.subarray(0, 10), 4);
      for (const byte of Buffer.concat([fragment, encodeRecord(answer.subarray(10))])) {
        socket?.write(Uint8Array.of(byte));
      }
    });
    assert.equal(await clientOf(t, target).call(increment(1)), 2);
  });

  test('all calls of a client share one connection', async (t) => {
    const connections = new Set<unknown>();
    const target = await tcpServer(t, (call, send, socket) => {
      connections.add(socket);
      send(incremented(call));
    });
    const client = clientOf(t, target);
    await Promise.all([client.call(increment(1)), client.call(increment(2))]);
    await client.call(increment(3));
    assert.equal(connections.size, 1);
  });

  test('after a timeout the next call opens a new connection, unless other calls are outstanding', async (t) => {
    const connections = new Set<unknown>();
    let release = () => {};
    const target = await tcpServer(t, (call, send, socket) => {
      connections.add(socket);
      const answer = incremented(call);
      if (call.head.procedure === 1) send(answer);
      if (call.head.procedure === 2) release = () => send(answer);
    });
    const client = clientOf(t, target);
    const silence = increment(1, { procedure: 9, timeoutMs: SHORT_MS });
    const waiting = client.call(increment(1, { procedure: 2 }));
    await assert.rejects(client.call(silence), fails('TIMEOUT'));
    release();
    assert.equal(await waiting, 2);
    assert.equal(connections.size, 1);
    await assert.rejects(client.call(silence), fails('TIMEOUT'));
    assert.equal(await client.call(increment(1)), 2);
    assert.equal(connections.size, 2);
  });

  for (const [name, end] of [
    ['ended', 'end'],
    ['reset', 'resetAndDestroy'],
  ] as const) {
    test(`a connection that is ${name} early is DISCONNECTED, and the next call opens a new one`, async (t) => {
      let calls = 0;
      const target = await tcpServer(t, (call, send, socket) => {
        calls += 1;
        if (calls === 1) socket?.[end]();
        else send(incremented(call));
      });
      const client = clientOf(t, target);
      await assert.rejects(client.call(increment(1)), fails('DISCONNECTED'));
      assert.equal(await client.call(increment(2)), 3);
    });
  }

  test('an answer is at most as large as the limit', async (t) => {
    const target = await tcpServer(t, wellBehaved);
    // SUCCESS with one integer: 24 bytes of header and 4 of results.
    assert.equal(await clientOf(t, target, { maxReplyBytes: 28 }).call(increment(1)), 2);
    await assert.rejects(clientOf(t, target, { maxReplyBytes: 27 }).call(increment(1)), fails('BAD_REPLY'));
  });

  test('data that is not RPC is BAD_REPLY', async (t) => {
    const target = await tcpServer(t, (_call, _send, socket) =>
      socket?.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await assert.rejects(clientOf(t, target).call(increment(1)), fails('BAD_REPLY'));
  });

  test('a Unix socket with a path, and one without a server', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
    t.after(() => rm(directory, { recursive: true }));
    const target = await localServer(t, join(directory, 'sock'), wellBehaved);
    assert.equal(await clientOf(t, target).call(increment(1)), 2);
    const absent = clientOf(t, { transport: 'local', path: join(directory, 'none') });
    await assert.rejects(absent.call(increment(1)), fails('REFUSED'));
  });

  test('an abstract Unix socket', async (t) => {
    const target = await localServer(t, `@portreeve-test-${process.pid}`, wellBehaved);
    assert.equal(await clientOf(t, target).call(increment(1)), 2);
  });
});

describe('a target that cannot be connected to is refused by the constructor', () => {
  const twins: [good: RpcTarget, bad: RpcTarget, code: string][] = [
    [{ transport: 'tcp', host: 'a', port: 1 }, { transport: 'tcp', host: 'a', port: 0 }, 'PORT_INVALID'],
    [
      { transport: 'udp', host: 'a', port: 65535 },
      { transport: 'udp', host: 'a', port: 65536 },
      'PORT_INVALID',
    ],
    [{ transport: 'local', path: '/a' }, { transport: 'local', path: 'a' }, 'PATH_INVALID'],
    [{ transport: 'local', path: '@a' }, { transport: 'local', path: '@' }, 'PATH_INVALID'],
  ];
  for (const [good, bad, code] of twins) {
    test(JSON.stringify(bad), () => {
      assert.deepEqual(new RpcClient(good).target, good);
      assert.throws(
        () => new RpcClient(bad),
        (thrown) => thrown instanceof PortreeveError && thrown.code === code,
      );
    });
  }
});

test('a client that was never used can be closed', async () => {
  await new RpcClient({ transport: 'tcp', host: '127.0.0.1', port: 1 }).close();
  await new RpcClient({ transport: 'udp', host: '127.0.0.1', port: 1 }).close();
});
