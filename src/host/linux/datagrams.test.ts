// Tests of UDP sockets served in batches: each reply goes to the sender, from the address it sent to.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, mock, type TestContext, test } from 'node:test';
import {
  anyPort,
  boundTo,
  DatagramClient,
  failing,
  ip,
  opened,
  runUntil,
  runUntilIdle,
} from '../../../test/support/loopback.ts';
import { formatIp } from '../../base/address.ts';
import { REQUEST_MAX_BYTES, UDP_BATCH_DATAGRAMS, UDP_REPLY_MAX_BYTES } from '../../base/limits.ts';
import type { Peer } from '../../base/peer.ts';
import type { RequestHandler } from '../host.ts';
import { DatagramSenders } from './datagram-senders.ts';
import { DatagramBatch, DatagramSocket } from './datagrams.ts';
import { EPOLLIN } from './sys/constants.ts';
import { EpollLoop } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';

/** Replies to a datagram: the bytes, or only the length of the reply. */
type Answer = (request: Buffer, peer: Peer) => Uint8Array | number;

const echo: Answer = (request) => request;

/** A server on a free port, and the requests it received. */
class Server {
  readonly loop = new EpollLoop();
  readonly asked: Buffer[] = [];
  readonly senders: DatagramSenders;
  readonly socket: DatagramSocket;
  readonly fd: number;
  readonly port: number;
  answer: Answer;

  constructor(t: TestContext, { address = '127.0.0.1', answer = echo, batch = new DatagramBatch() } = {}) {
    this.answer = answer;
    const netid = address.includes(':') ? 'udp6' : 'udp';
    const { fd } = opened(anyPort(netid, address));
    t.after(() => sys.close(fd));
    this.fd = fd;
    this.port = boundTo(fd).port;
    this.senders = new DatagramSenders({
      table: { datagramSender: () => ({ uid: 1234, cookie: 1, isExclusive: true }) },
      rootPorts: { refusal: () => undefined },
    });
    const handler: RequestHandler = {
      tail: undefined,
      interfacesChanged: () => undefined,
      answer: (peer, request, start, end, reply, at, limit) => {
        assert.equal(limit - at, UDP_REPLY_MAX_BYTES);
        const asked = Buffer.from(request.u8.slice(start, end));
        this.asked.push(asked);
        const answer = this.answer(asked, peer);
        if (typeof answer === 'number') return answer;
        reply.u8.set(answer, at);
        return answer.length;
      },
    };
    this.socket = new DatagramSocket(fd, netid, ip(address), handler, batch, this.senders);
    this.loop.add(fd, EPOLLIN, this.socket);
  }

  client(t: TestContext, address = '127.0.0.1'): DatagramClient {
    const client = new DatagramClient({ address: ip(address), port: this.port });
    t.after(() => client.close());
    return client;
  }

  /** Runs until the handler has received `count` datagrams. */
  untilRequested(count: number): void {
    runUntil(this.loop, `request ${count}`, () => this.asked.length >= count);
    assert.equal(this.asked.length, count);
  }
}

const texts = (datagrams: readonly Buffer[]): string[] => datagrams.map((one) => one.toString('latin1'));

describe('requests', () => {
  test('are answered to their senders in order', (t) => {
    const server = new Server(t);
    const [one, other] = [server.client(t), server.client(t)];
    for (const text of ['a', 'bb', 'ccc']) one.send(Buffer.from(text));
    other.send(Buffer.from('other'));
    server.untilRequested(4);
    assert.deepEqual([texts(one.take()), texts(other.take())], [['a', 'bb', 'ccc'], ['other']]);
  });

  test('beyond a batch, or beyond the batches of a turn, are all answered', (t) => {
    const server = new Server(t);
    const clients = Array.from({ length: 5 }, () => server.client(t));
    const count = UDP_BATCH_DATAGRAMS + 10;
    for (let i = 0; i < count; i++)
      for (const [j, one] of clients.entries()) one.send(Buffer.from(`${j} ${i}`));
    const receives = mock.method(sys, 'recvmmsg');
    t.after(() => receives.mock.restore());
    server.socket.ready();
    assert.equal(receives.mock.callCount(), 4);
    assert.equal(server.asked.length, 4 * UDP_BATCH_DATAGRAMS);
    server.untilRequested(5 * count);
    for (const [j, one] of clients.entries()) {
      assert.deepEqual(
        texts(one.take()),
        Array.from({ length: count }, (_, i) => `${j} ${i}`),
      );
    }
  });

  test('that fill a batch cause at most one receive call without data', (t) => {
    const server = new Server(t);
    const client = server.client(t);
    for (let i = 0; i < UDP_BATCH_DATAGRAMS; i++) client.send(Buffer.from('a'));
    const receives = mock.method(sys, 'recvmmsg');
    t.after(() => receives.mock.restore());
    server.socket.ready();
    assert.deepEqual([server.asked.length, receives.mock.callCount()], [UDP_BATCH_DATAGRAMS, 2]);
    client.send(Buffer.from('a'));
    server.socket.ready();
    assert.deepEqual([server.asked.length, receives.mock.callCount()], [UDP_BATCH_DATAGRAMS + 1, 3]);
  });

  test('and replies may be empty or of maximum length', (t) => {
    const server = new Server(t, {
      answer: (request) => new Uint8Array(UDP_REPLY_MAX_BYTES).fill(request.length),
    });
    const client = server.client(t);
    for (const length of [0, 1, REQUEST_MAX_BYTES]) client.send(Buffer.alloc(length, 7));
    server.untilRequested(3);
    assert.deepEqual(
      server.asked.map(({ length }) => length),
      [0, 1, REQUEST_MAX_BYTES],
    );
    assert.deepEqual(
      client.take().map(({ length }) => length),
      Array(3).fill(UDP_REPLY_MAX_BYTES),
    );
  });

  test('are answered correctly by sockets that share the buffers of a batch', (t) => {
    const batch = new DatagramBatch();
    // On the first, the kernel's control data and the sender's name are shorter.
    for (const address of ['127.0.0.1', '::', '0.0.0.0', '::1']) {
      const from = address.includes(':') ? '::1' : '127.0.0.1';
      const answer: Answer = (_, peer) =>
        Buffer.from(
          [peer.address(), peer.localAddress()].map((one) => formatIp(one ?? assert.fail())).join(),
        );
      const server = new Server(t, { address, answer, batch });
      const client = server.client(t, from);
      for (const text of ['a', 'b', 'c']) client.send(Buffer.from(text));
      server.untilRequested(3);
      assert.deepEqual(texts(client.take()), Array(3).fill(`${from},${from}`), address);
    }
  });

  test('without a reply do not affect others in the batch', (t) => {
    const answer: Answer = (request) => ({ silent: 0, wrong: -1 })[request.toString()] ?? request;
    const server = new Server(t, { answer });
    const client = server.client(t);
    for (const text of ['silent', 'a', 'wrong', 'b', 'silent']) client.send(Buffer.from(text));
    server.untilRequested(5);
    assert.deepEqual(texts(client.take()), ['a', 'b']);
    assert.equal(server.socket.unsent, 0);
  });
});

describe('the peer of a datagram', () => {
  /** Sends one request, and returns what `inspect` returns for the peer. */
  function peerAs<Result>(
    t: TestContext,
    address: string,
    asked: string,
    inspect: (peer: Peer) => Result,
  ): Result {
    const found: Result[] = [];
    const answer: Answer = (request, peer) => {
      found.push(inspect(peer));
      return request;
    };
    const server = new Server(t, { address, answer });
    const client = server.client(t, asked);
    client.send(Buffer.from('a'));
    server.untilRequested(1);
    assert.deepEqual(texts(client.take()), ['a'], 'the reply comes from the address of the request');
    return found[0] ?? assert.fail();
  }

  test('has an address and a port over IPv4', (t) => {
    const ports: number[] = [];
    const server = new Server(t, {
      answer: (request, peer) => {
        ports.push(peer.port);
        assert.deepEqual([peer.netid, peer.v4, peer.scopeId], ['udp', 0x7f00_0001, 0]);
        assert.equal(formatIp(peer.address() ?? assert.fail()), '127.0.0.1');
        assert.equal(peer.isElsewhere(), false);
        return request;
      },
    });
    const clients = [server.client(t), server.client(t)];
    for (const one of clients) one.send(Buffer.from('a'));
    server.untilRequested(2);
    assert.deepEqual(
      ports,
      clients.map(({ fd }) => boundTo(fd).port),
    );
  });

  test('has an address and a port over IPv6', (t) => {
    const found = peerAs(t, '::1', '::1', (peer) => [
      peer.netid,
      peer.v4,
      peer.scopeId,
      formatIp(peer.address() ?? assert.fail()),
      formatIp(peer.localAddress() ?? assert.fail()),
    ]);
    assert.deepEqual(found, ['udp6', 0, 0, '::1', '::1']);
  });

  const local = (peer: Peer) => formatIp(peer.localAddress() ?? assert.fail());

  test('receives the reply from the address it sent to, on a wildcard socket', (t) => {
    for (const asked of ['127.0.0.1', '127.0.0.2', '127.1.2.3']) {
      assert.equal(peerAs(t, '0.0.0.0', asked, local), asked);
    }
    assert.equal(peerAs(t, '::', '::1', local), '::1');
  });

  test('receives the reply to a broadcast from an address of the host', async (t) => {
    const found: string[] = [];
    const server = new Server(t, {
      address: '0.0.0.0',
      answer: (_, peer) => {
        found.push(local(peer));
        return 0;
      },
    });
    const client = createSocket('udp4');
    t.after(() => client.close());
    client.bind(0, '127.0.0.1');
    await once(client, 'listening');
    client.setBroadcast(true);
    await new Promise((sent) => client.send('a', server.port, '127.255.255.255', sent));
    server.untilRequested(1);
    assert.deepEqual(found, ['127.0.0.1']);
  });

  test('receives the reply from the address of the socket', (t) => {
    assert.equal(peerAs(t, '127.0.0.2', '127.0.0.2', local), '127.0.0.2');
  });

  test('is identified by its address, port, and the receive time of the kernel', (t) => {
    for (const address of ['127.0.0.1', '0.0.0.0']) {
      const server = new Server(t, {
        address,
        answer: (_, peer) => Buffer.from(JSON.stringify(peer.sender())),
      });
      const reported = mock.method(server.senders, 'senderOf', () => ({ uid: 1234 }));
      const client = server.client(t);
      const before = Date.now() * 1000;
      client.send(Buffer.from('a'));
      const after = (Date.now() + 1) * 1000;
      server.untilRequested(1);
      assert.deepEqual(texts(client.take()), ['{"uid":1234}']);
      const [from, port, sentUs = 0] = reported.mock.calls[0]?.arguments ?? assert.fail();
      assert.deepEqual([formatIp(from ?? assert.fail()), port], ['127.0.0.1', boundTo(client.fd).port]);
      assert.ok(before <= sentUs && sentUs <= after, `${before} ${sentUs} ${after}`);
    }
  });

  test('is looked up again in each batch', (t) => {
    const server = new Server(t);
    const begins = mock.method(server.senders, 'begin');
    const client = server.client(t);
    for (let round = 1; round <= 2; round++) {
      client.send(Buffer.from('a'));
      server.untilRequested(round);
      assert.equal(begins.mock.callCount(), round);
    }
  });
});

describe('a failed system call', () => {
  test('to receive has no effect on the next one', (t) => {
    const server = new Server(t);
    const client = server.client(t);
    client.send(Buffer.from('a'));
    const receive = mock.method(sys, 'recvmmsg', failing('ECONNREFUSED'), { times: 1 });
    server.socket.ready();
    assert.deepEqual([receive.mock.callCount(), server.asked.length], [1, 0]);
    server.untilRequested(1);
    assert.deepEqual(texts(client.take()), ['a']);
  });

  /** Sends five requests while `sendmmsg` limits which replies are sent. */
  function answered(t: TestContext, sendmmsg: typeof sys.sendmmsg): { received: string[]; unsent: number } {
    const server = new Server(t);
    const client = server.client(t);
    for (const text of ['a', 'b', 'c', 'd', 'e']) client.send(Buffer.from(text));
    const send = mock.method(sys, 'sendmmsg', sendmmsg);
    t.after(() => send.mock.restore());
    server.socket.ready();
    send.mock.restore();
    assert.equal(server.asked.length, 5);
    runUntilIdle(server.loop);
    return { received: texts(client.take()), unsent: server.socket.unsent };
  }

  test('that sends only some replies is repeated for the others', (t) => {
    const real = sys.sendmmsg;
    const two = (fd: number, messages: number, count: number, flags: number) =>
      real(fd, messages, Math.min(count, 2), flags);
    assert.deepEqual(
      answered(t, (...args) => two(args[0] ?? 0, args[1] ?? 0, args[2] ?? 0, args[3] ?? 0)),
      {
        received: ['a', 'b', 'c', 'd', 'e'],
        unsent: 0,
      },
    );
  });

  test('for one reply skips that reply', (t) => {
    const real = sys.sendmmsg;
    let calls = 0;
    const second = (...args: number[]) => {
      const [fd = 0, messages = 0, , flags = 0] = args;
      return ++calls === 2 ? failing('EHOSTUNREACH')() : real(fd, messages, 1, flags);
    };
    assert.deepEqual(answered(t, second), { received: ['a', 'c', 'd', 'e'], unsent: 1 });
  });

  test('because of a full buffer drops the remaining replies', (t) => {
    const real = sys.sendmmsg;
    let calls = 0;
    const full = (...args: number[]) => {
      const [fd = 0, messages = 0, , flags = 0] = args;
      return ++calls > 2 ? failing('EAGAIN')() : real(fd, messages, 1, flags);
    };
    assert.deepEqual(answered(t, full), { received: ['a', 'b'], unsent: 3 });
    assert.equal(calls, 3);
  });
});

test('a socket serves other clients after one has disappeared', (t) => {
  const server = new Server(t);
  const gone = new DatagramClient({ address: ip('127.0.0.1'), port: server.port });
  gone.send(Buffer.from('gone'));
  gone.close();
  server.untilRequested(1);
  const client = server.client(t);
  client.send(Buffer.from('a'));
  server.untilRequested(2);
  assert.deepEqual(texts(client.take()), ['a']);
});
