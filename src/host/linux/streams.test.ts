// Tests of TCP and Unix streams: partial requests, slow clients, and closed connections.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, mock, type TestContext, test } from 'node:test';
import { anyPort, boundTo, failing, runUntilIdle, StreamClient } from '../../../test/support/loopback.ts';
import { type Answer, echo, put, StreamServer } from '../../../test/support/stream-server.ts';
import { formatIp } from '../../base/address.ts';
import {
  ACCEPT_BATCH_CONNECTIONS,
  STREAM_INPUT_BYTES,
  STREAM_OUTPUT_BYTES,
  WAITING_ANSWERS_MAX_BYTES,
} from '../../base/limits.ts';
import type { Peer } from '../../base/peer.ts';
import type { EndpointSpec } from '../host.ts';
import { WaitingAnswers } from './streams.ts';
import { EPOLLHUP, EPOLLIN } from './sys/constants.ts';
import { sys } from './sys/libc.ts';

/** More than any socket buffer. */
const MUCH = Buffer.alloc(16 * 1024 * 1024, 'much');

/** A Unix socket at a new path. */
function local(t: TestContext): EndpointSpec {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return { netid: 'local', path: join(directory, 'socket') };
}

const kinds: Readonly<Record<string, (t: TestContext) => EndpointSpec>> = {
  tcp: () => anyPort('tcp', '127.0.0.1'),
  tcp6: () => anyPort('tcp6', '::1'),
  local,
};

for (const [kind, specOf] of Object.entries(kinds)) {
  describe(`over ${kind}`, () => {
    test('requests are answered in order, partial ones when they are complete', (t) => {
      const server = new StreamServer(t, { spec: specOf(t) });
      const client = server.client();
      client.send(Buffer.from('one\ntwo\nthr'));
      assert.equal(server.untilTaken(client, 8).toString(), 'one\ntwo\n');
      for (const piece of ['e', 'e', '\nfo', 'ur\n']) {
        client.send(Buffer.from(piece));
        runUntilIdle(server.loop);
      }
      assert.equal(server.untilTaken(client, 19).toString(), 'one\ntwo\nthree\nfour\n');
      assert.deepEqual(server.asked, ['one', 'two', 'three', 'four']);
    });

    test('a client that does not read receives everything later, in order', (t) => {
      const answer: Answer = (request, output) => {
        put(output, Buffer.from(`<${request}>`));
        output.attach(MUCH);
        put(output, Buffer.from('end\n'));
      };
      const server = new StreamServer(t, { spec: specOf(t), answer });
      const [slow, other] = [server.client(), server.client()];
      slow.send(Buffer.from('a\nb\n'));
      server.until('a reply to wait', () => server.kept.includes('waits'));
      assert.deepEqual(server.asked, ['a']);
      assert.equal(server.waiting.bytes, MUCH.length + 'end\n'.length);
      server.answer = echo;
      assert.equal(server.ask(other, 'other'), 'other\n');
      slow.send(Buffer.from('c\n'));
      runUntilIdle(server.loop);
      assert.deepEqual(server.asked, ['a', 'other']);
      const [first, last] = ['<a>', 'end\nb\nc\n'];
      const taken = server.untilTaken(slow, first.length + MUCH.length + last.length);
      assert.ok(taken.equals(Buffer.concat([Buffer.from(first), MUCH, Buffer.from(last)])));
      assert.equal(server.waiting.bytes, 0);
      assert.equal(server.kept.filter((what) => what.startsWith('waits')).join(), 'waits,waits no more');
    });

    test('a connection ends with its client', (t) => {
      const server = new StreamServer(t, { spec: specOf(t) });
      const client = new StreamClient(server.to);
      server.ask(client, 'a');
      assert.equal(server.connections.size, 1);
      client.close();
      server.untilClosed();
      assert.equal(server.connections.size, 0);
      assert.equal(server.kept.at(-1), 'closed');
    });
  });
}

test('a partial request does not count as progress', (t) => {
  const server = new StreamServer(t, { spec: local(t) });
  const client = server.client();
  for (const piece of ['o', 'n', 'e\nt', 'wo\n']) {
    client.send(Buffer.from(piece));
    runUntilIdle(server.loop);
  }
  assert.deepEqual(
    [server.asked, server.kept],
    [
      ['one', 'two'],
      ['moved', 'moved'],
    ],
  );
});

describe('replies', () => {
  test('beyond the buffer are sent in order', (t) => {
    const piece = Buffer.alloc(1000, 'x');
    const pieces = Math.ceil((2 * STREAM_OUTPUT_BYTES) / piece.length);
    const answer: Answer = (_, output) => {
      for (let i = 0; i < pieces; i++) {
        piece.writeUInt32BE(i);
        put(output, piece);
      }
    };
    const server = new StreamServer(t, { answer });
    const client = server.client();
    client.send(Buffer.from('a\n'));
    const taken = server.untilTaken(client, pieces * piece.length);
    for (let i = 0; i < pieces; i++) assert.equal(taken.readUInt32BE(i * piece.length), i);
  });

  test('have tails, short and long, after what was committed', (t) => {
    for (const bytes of [1, 8 * 1024, 8 * 1024 + 1, STREAM_OUTPUT_BYTES + 1]) {
      const tail = Buffer.alloc(bytes, 't');
      const answer: Answer = (request, output) => {
        put(output, Buffer.from(request));
        output.attach(tail);
        put(output, Buffer.from('.'));
      };
      const server = new StreamServer(t, { answer });
      const client = server.client();
      client.send(Buffer.from('head\n'));
      assert.equal(server.untilTaken(client, bytes + 5).toString(), `head${tail}.`);
    }
  });

  test('keep their order when the client reads during processing', (t) => {
    const server = new StreamServer(t, { spec: local(t) });
    const client = server.client();
    const much = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `${i}`).join(' '));
    server.answer = (_, output) => {
      output.attach(much);
      client.drain();
      output.attach(much);
      client.drain();
      put(output, Buffer.from('end'));
    };
    client.send(Buffer.from('a\n'));
    const taken = server.untilTaken(client, 2 * much.length + 3);
    assert.ok(taken.equals(Buffer.concat([much, much, Buffer.from('end')])));
  });

  test('that the kernel does not accept are sent later, unless the connection is broken', (t) => {
    for (const [errno, isClosed] of [
      ['EAGAIN', false],
      ['EPIPE', true],
    ] as const) {
      const server = new StreamServer(t);
      const client = server.client();
      server.answer = (...asked) => {
        mock.method(sys, 'send', failing(errno), { times: 1 });
        echo(...asked);
      };
      client.send(Buffer.from('a\n'));
      server.until('the end', () => client.drain() === 2 || client.isAtEnd);
      assert.deepEqual([client.isAtEnd, server.closed === 1], [isClosed, isClosed]);
    }
  });

  test('that several connections wait for count once', () => {
    const waiting = new WaitingAnswers();
    const [dump, other] = [new Uint8Array(100), new Uint8Array(100)];
    for (const one of [dump, dump, other]) waiting.hold(one);
    assert.equal(waiting.bytes, 200);
    waiting.release(dump);
    assert.equal(waiting.bytes, 200);
    waiting.release(dump);
    assert.equal(waiting.bytes, 100);
    waiting.release(other);
    assert.equal(waiting.bytes, 0);
  });

  test('above the limit close the connection that has stalled longest, or the current one', (t) => {
    const answer: Answer = (_, output) => output.attach(Buffer.alloc(WAITING_ANSWERS_MAX_BYTES / 2));
    const server = new StreamServer(t, { answer, spec: local(t) });
    const clients = [server.client(), server.client(), server.client()];
    const fds: number[] = [];
    for (const [i, client] of clients.entries()) {
      if (i === 2) server.mostStalled = fds[0];
      client.send(Buffer.from('a\n'));
      server.until('the request to arrive', () => server.asked.length > i);
      fds.push(...[...server.connections.keys()].filter((fd) => !fds.includes(fd)));
    }
    assert.deepEqual([...server.connections.keys()], fds.slice(1));
    assert.ok(server.waiting.bytes <= WAITING_ANSWERS_MAX_BYTES);
    server.mostStalled = undefined;
    const last = server.client();
    last.send(Buffer.from('a\n'));
    server.untilClosed(2);
    assert.deepEqual([...server.connections.keys()], fds.slice(1));
  });
});

describe('a connection is closed', () => {
  test('after an invalid request', (t) => {
    const server = new StreamServer(t);
    const client = server.client();
    client.send(Buffer.from('a\nwrong\n'));
    server.untilClosed();
    server.until('the end', () => client.drain() >= 0 && client.isAtEnd);
    assert.equal(server.waiting.bytes, 0);
  });

  test('after a request that exceeds the input buffer, and not after one that fits', (t) => {
    const server = new StreamServer(t);
    const [fits, long] = [server.client(), server.client()];
    const line = (bytes: number) => Buffer.from(`${'x'.repeat(bytes - 1)}\n`);
    const feed = (client: StreamClient, bytes: Buffer) => {
      let sent = 0;
      server.until('the request to be sent', () => {
        sent += client.send(bytes.subarray(sent));
        return sent === bytes.length || server.closed > 0;
      });
    };
    feed(fits, line(STREAM_INPUT_BYTES));
    assert.equal(server.untilTaken(fits, STREAM_INPUT_BYTES).length, STREAM_INPUT_BYTES);
    assert.equal(server.closed, 0);
    feed(long, line(STREAM_INPUT_BYTES + 1));
    server.untilClosed();
    assert.deepEqual([server.asked.length, server.connections.size], [1, 1]);
  });

  test('when its client disappears while replies are unsent', (t) => {
    for (const spec of [undefined, local(t)]) {
      const server = new StreamServer(t, {
        answer: (_, output) => output.attach(MUCH),
        ...(spec && { spec }),
      });
      const client = new StreamClient(server.to);
      client.send(Buffer.from('a\n'));
      server.until('a reply to wait', () => server.kept.includes('waits'));
      client.close();
      server.untilClosed();
      assert.deepEqual([server.waiting.bytes, server.connections.size, server.closed], [0, 0, 1]);
    }
  });

  test('when the kernel reports a hangup while replies are unsent, without reading', (t) => {
    const server = new StreamServer(t, { answer: (_, output) => output.attach(MUCH) });
    server.client().send(Buffer.from('a\n'));
    server.until('a reply to wait', () => server.kept.includes('waits'));
    const receive = mock.method(sys, 'recv');
    t.after(() => receive.mock.restore());
    const [connection] = server.connections.values();
    connection?.ready(EPOLLIN);
    assert.deepEqual([receive.mock.callCount(), server.closed], [0, 0]);
    connection?.ready(EPOLLHUP);
    assert.deepEqual([receive.mock.callCount(), server.closed], [0, 1]);
  });

  test('when its client disappears before the reply', (t) => {
    const server = new StreamServer(t, { spec: local(t) });
    const client = new StreamClient(server.to);
    client.send(Buffer.from('a\n'));
    client.close();
    server.untilClosed();
    assert.deepEqual([server.asked, server.closed], [['a'], 1]);
  });

  test('when a new connection needs its place', (t) => {
    const server = new StreamServer(t);
    const first = server.client();
    server.ask(first, 'a');
    [server.victim] = server.connections.keys();
    assert.equal(server.ask(server.client(), 'b'), 'b\n');
    server.until('the end', () => first.drain() >= 0 && first.isAtEnd);
    assert.equal(server.connections.size, 1);
  });

  test('only after a permanent receive error', (t) => {
    for (const [errno, isClosed] of [
      ['EINTR', false],
      ['EAGAIN', false],
      ['ECONNRESET', true],
    ] as const) {
      const server = new StreamServer(t);
      const client = server.client();
      server.ask(client, 'a');
      client.send(Buffer.from('b'));
      runUntilIdle(server.loop);
      const receive = mock.method(sys, 'recv', failing(errno), { times: 1 });
      const [connection] = server.connections.values();
      connection?.receive();
      receive.mock.restore();
      assert.equal(server.closed === 1, isClosed, errno);
      if (!isClosed) assert.equal(server.ask(client, 'c').toString(), 'bc\n');
    }
  });
});

describe('a listener', () => {
  test('accepts a limited batch at once, and the rest after serving it', (t) => {
    const server = new StreamServer(t, { spec: local(t) });
    const clients = Array.from({ length: ACCEPT_BATCH_CONNECTIONS + 1 }, () => server.client());
    for (const client of clients) client.send(Buffer.from('a\n'));
    server.listener.ready();
    assert.equal(server.connections.size, ACCEPT_BATCH_CONNECTIONS);
    assert.equal(
      server.asked.length,
      ACCEPT_BATCH_CONNECTIONS,
      'requests that have arrived are answered at once',
    );
    server.listener.ready();
    assert.equal(server.connections.size, clients.length);
  });

  for (const errno of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']) {
    test(`pauses after ${errno} until a connection is closed`, (t) => {
      const server = new StreamServer(t);
      const first = new StreamClient(server.to);
      server.ask(first, 'a');
      const accept = mock.method(sys, 'accept4', failing(errno));
      t.after(() => accept.mock.restore());
      const second = server.client();
      second.send(Buffer.from('b\n'));
      server.until('accept4 to be called', () => accept.mock.callCount() > 0);
      runUntilIdle(server.loop);
      assert.equal(accept.mock.callCount(), 1);
      accept.mock.restore();
      runUntilIdle(server.loop);
      assert.deepEqual(server.asked, ['a']);
      first.close();
      assert.equal(server.untilTaken(second, 2).toString(), 'b\n');
    });
  }

  test('continues if a connection was broken before it was accepted', (t) => {
    const server = new StreamServer(t);
    const accept = mock.method(sys, 'accept4', failing('ECONNABORTED'), { times: 1 });
    const client = server.client();
    assert.equal(server.ask(client, 'a'), 'a\n');
    assert.equal(accept.mock.callCount(), 1);
    accept.mock.restore();
  });
});

describe('the peer of a stream', () => {
  /** Sends one request, and returns what `inspect` returns for the peer. */
  function peerAs<Result>(server: StreamServer, inspect: (peer: Peer) => Result): Result {
    const found: Result[] = [];
    server.answer = (request, output, peer) => {
      found.push(inspect(peer));
      echo(request, output, peer);
    };
    const client = server.client();
    server.ask(client, 'a');
    return found[0] ?? assert.fail();
  }

  const ends = (peer: Peer) => [
    peer.netid,
    peer.v4,
    peer.scopeId,
    textOf(peer.address()),
    textOf(peer.localAddress()),
  ];
  const textOf = (address: ReturnType<Peer['address']>) => address && formatIp(address);

  test('has both ends of a TCP connection, and none of a Unix socket', (t) => {
    const v4 = new StreamServer(t, { spec: anyPort('tcp', '127.0.0.2') });
    assert.deepEqual(peerAs(v4, ends), ['tcp', 0x7f00_0001, 0, '127.0.0.1', '127.0.0.2']);
    const v6 = new StreamServer(t, { spec: anyPort('tcp6', '::1') });
    assert.deepEqual(peerAs(v6, ends), ['tcp6', 0, 0, '::1', '::1']);
    const unix = new StreamServer(t, { spec: local(t) });
    assert.deepEqual(peerAs(unix, ends), ['local', 0, 0, undefined, undefined]);
    assert.equal(
      peerAs(unix, (peer) => peer.port),
      0,
    );
  });

  test("has its client's port", (t) => {
    const ports: number[] = [];
    const server = new StreamServer(t, {
      answer: (request, output, peer) => {
        ports.push(peer.port);
        echo(request, output, peer);
      },
    });
    const clients = [server.client(), server.client()];
    for (const client of clients) server.ask(client, 'a');
    assert.deepEqual(
      ports,
      clients.map(({ fd }) => boundTo(fd).port),
    );
  });

  test('is the connecting user on a Unix socket, and the owner of the other end on TCP', (t) => {
    const unix = new StreamServer(t, { spec: local(t) });
    assert.deepEqual(
      peerAs(unix, (peer) => peer.sender()),
      { uid: process.getuid?.() },
    );
    const tcp = new StreamServer(t);
    assert.deepEqual(
      peerAs(tcp, (peer) => peer.sender()),
      { uid: 4711 },
    );
    tcp.owner = undefined;
    assert.deepEqual(
      peerAs(tcp, (peer) => peer.sender()),
      { refused: 'UNKNOWN' },
    );
  });

  test('is unknown if the connection was broken', (t) => {
    const server = new StreamServer(t);
    const name = mock.method(sys, 'getpeername');
    t.after(() => name.mock.restore());
    const sender = peerAs(server, (peer) => {
      assert.equal(textOf(peer.address()), '127.0.0.1');
      name.mock.mockImplementation(failing('ENOTCONN'));
      return peer.sender();
    });
    assert.deepEqual(sender, { refused: 'UNKNOWN' });
  });

  test('is in another network namespace only on a Unix socket', (t) => {
    const isElsewhere = (spec: EndpointSpec, elsewhere: boolean) =>
      peerAs(new StreamServer(t, { spec, isElsewhere: elsewhere }), (peer) => peer.isElsewhere());
    assert.equal(isElsewhere(local(t), false), false);
    assert.equal(isElsewhere(local(t), true), true);
    assert.equal(isElsewhere(anyPort('tcp', '127.0.0.1'), true), false);
  });
});
