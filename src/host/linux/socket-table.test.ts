// Tests of finding the owners of sockets, with sockets of this process on loopback.
import assert from 'node:assert/strict';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { until } from '../../../test/support/sandbox.ts';
import { ip } from '../../../test/support/service.ts';
import type { IpAddress } from '../../base/address.ts';
import type { HeldSocket } from '../host.ts';
import { DiagTable, openDiagSocket } from './socket-table.ts';

const table = new DiagTable(openDiagSocket());
const UID = process.getuid?.() ?? assert.fail();
/** Two users other than root. */
const USERS = [4001, 4002] as const;

type Context = Pick<TestContext, 'after'>;

/** The uid of the sender of a datagram from a port. */
const uidOf = (address: IpAddress, port: number, sockets = table): number | undefined =>
  sockets.datagramSender(address, port)?.uid;

/** A UDP socket on a free port, or on a given one. */
async function udp(
  t: Context,
  address: string,
  options: { port?: number; ipv6Only?: boolean; reuseAddr?: boolean } = {},
): Promise<{ socket: DatagramSocket; port: number }> {
  const { port = 0, ...rest } = options;
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ...rest });
  t.after(() => closeQuietly(socket));
  socket.bind(port, address);
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
}

function closeQuietly(socket: DatagramSocket): void {
  try {
    socket.close();
  } catch {
    // The test has closed it.
  }
}

/** A TCP server whose connections stay half-open when their peer closes. */
async function tcp(t: Context, host: string, ipv6Only = false): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true });
  t.after(() => void server.close());
  server.listen({ host, port: 0, ipv6Only });
  await once(server, 'listening');
  return { server, port: portOf(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : assert.fail();
}

/** The inodes of all sockets of this process. */
function ownInodes(): Set<string> {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // The descriptor of the directory itself.
    }
  });
  return new Set(links.filter((link) => link.startsWith('socket:')));
}

/** Asserts that there is one socket, and that it belongs to this process. */
function assertOwn(found: readonly HeldSocket[]): void {
  const own = ownInodes();
  assert.deepEqual(
    found.map(({ uid, inode }) => [uid, own.has(`socket:[${inode}]`)]),
    [[UID, true]],
  );
}

describe('at an address', () => {
  test('of IPv4, the socket bound to it or to the wildcard address is found', async (t) => {
    for (const netid of ['udp', 'tcp'] as const) {
      const open = netid === 'udp' ? udp : tcp;
      const other = netid === 'udp' ? 'tcp' : 'udp';
      const all = await open(t, '0.0.0.0');
      for (const address of ['0.0.0.0', '127.0.0.1', '127.9.9.9']) {
        assertOwn(table.at(netid, ip(address), all.port));
        assert.deepEqual(table.at(other, ip(address), all.port), [], 'the other transport has no socket');
      }
      const one = await open(t, '127.0.0.2');
      assertOwn(table.at(netid, ip('127.0.0.2'), one.port));
      assertOwn(table.at(netid, ip('0.0.0.0'), one.port));
      assert.deepEqual(table.at(netid, ip('127.0.0.3'), one.port), []);
    }
  });

  test('of IPv6, the socket bound to it or to the wildcard address is found', async (t) => {
    if (!needs(t, probe.ipv6())) return;
    for (const netid of ['udp6', 'tcp6'] as const) {
      const all = netid === 'udp6' ? await udp(t, '::', { ipv6Only: true }) : await tcp(t, '::', true);
      for (const address of ['::', '::1']) assertOwn(table.at(netid, ip(address), all.port));
      const ofIpv4 = netid === 'udp6' ? 'udp' : 'tcp';
      assert.deepEqual(table.at(ofIpv4, ip('0.0.0.0'), all.port), []);
      const one = netid === 'udp6' ? await udp(t, '::1') : await tcp(t, '::1');
      assertOwn(table.at(netid, ip('::'), one.port));
      assert.deepEqual(table.at(netid, ip('fd00::9'), one.port), []);
    }
  });

  test('of IPv4, an IPv6 socket that accepts IPv4 is found', async (t) => {
    if (!needs(t, probe.ipv6())) return;
    const datagrams = await udp(t, '::');
    const streams = await tcp(t, '::');
    for (const address of ['0.0.0.0', '127.0.0.1', '127.0.0.9']) {
      assertOwn(table.at('udp', ip(address), datagrams.port));
      assertOwn(table.at('tcp', ip(address), streams.port));
    }
    assertOwn(table.at('udp6', ip('::1'), datagrams.port));
    assertOwn(table.at('tcp6', ip('::1'), streams.port));
  });

  test('nothing is found on a freed port, or for an outgoing connection', async (t) => {
    const { socket, port } = await udp(t, '127.0.0.1');
    socket.close();
    await once(socket, 'close');
    assert.deepEqual(table.at('udp', ip('127.0.0.1'), port), []);
    const server = await tcp(t, '127.0.0.1');
    const { client } = await connection(t, server);
    assert.deepEqual(table.at('tcp', ip('127.0.0.1'), client.localPort ?? 0), []);
    assertOwn(table.at('tcp', ip('127.0.0.1'), server.port));
  });
});

describe('the sender of a datagram', () => {
  test('is the owner of the only socket with its address and port', async (t) => {
    for (const address of ['127.0.0.1', '0.0.0.0', '127.0.0.5']) {
      const { socket, port } = await udp(t, address);
      const from = ip(address === '0.0.0.0' ? '127.0.0.1' : address);
      assert.equal(uidOf(from, port), UID);
      socket.close();
      await once(socket, 'close');
      assert.equal(uidOf(from, port), undefined, 'and unknown when it is closed');
    }
  });

  test('is found if it is connected, or an IPv6 socket that uses IPv4', async (t) => {
    const peer = await udp(t, '127.0.0.1');
    const { socket, port } = await udp(t, '127.0.0.1');
    socket.connect(peer.port, '127.0.0.1');
    await once(socket, 'connect');
    assert.equal(uidOf(ip('127.0.0.1'), port), UID);
    if (!needs(t, probe.ipv6())) return;
    const both = await udp(t, '::');
    assert.equal(uidOf(ip('127.0.0.1'), both.port), UID);
    assert.equal(uidOf(ip('::1'), both.port), UID);
  });

  test('is searched among IPv6 sockets only if there are any', async (t) => {
    if (!needs(t, probe.ipv6())) return;
    const v4 = await udp(t, '127.0.0.1');
    const v6 = await udp(t, '::');
    const queries: string[] = [];
    const counted = (others: boolean) =>
      new DiagTable(openDiagSocket(), { hasOthers: () => queries.push('IPv6') > 0 && others });
    const senders = (others: boolean) =>
      [v4, v6].map(({ port }) => uidOf(ip('127.0.0.1'), port, counted(others)));
    assert.deepEqual(senders(true), [UID, UID]);
    assert.deepEqual(senders(false), [UID, undefined], 'no IPv6 sockets were listed');
    queries.length = 0;
    assert.equal(uidOf(ip('::1'), v6.port, counted(false)), UID);
    assert.deepEqual(queries, [], 'an IPv6 sender is always searched');
  });

  test('is unknown if several sockets could have sent it', async (t) => {
    const first = await udp(t, '127.0.0.1', { reuseAddr: true });
    const second = await udp(t, '127.0.0.1', { reuseAddr: true, port: first.port });
    assert.equal(uidOf(ip('127.0.0.1'), first.port), undefined);
    second.socket.close();
    await once(second.socket, 'close');
    assert.equal(uidOf(ip('127.0.0.1'), first.port), UID);
  });

  test('has a cookie, and is exclusive only if bound to all addresses', async (t) => {
    const all = await udp(t, '0.0.0.0');
    const one = await udp(t, '127.0.0.1');
    const owner = (port: number, address = '127.0.0.1') => table.datagramSender(ip(address), port);
    assert.deepEqual([owner(all.port)?.isExclusive, owner(one.port)?.isExclusive], [true, false]);
    assert.ok((owner(all.port)?.cookie ?? 0) > 0);
    assert.equal(owner(all.port)?.cookie, owner(all.port, '127.0.0.9')?.cookie);
    assert.notEqual(owner(all.port)?.cookie, owner(one.port)?.cookie);
    const shared = await udp(t, '0.0.0.0', { reuseAddr: true });
    await udp(t, '127.0.0.9', { reuseAddr: true, port: shared.port });
    assert.deepEqual([owner(shared.port)?.uid, owner(shared.port)?.isExclusive], [UID, false]);
    if (!needs(t, probe.ipv6())) return;
    const both = await udp(t, '::');
    assert.deepEqual([owner(both.port)?.isExclusive, owner(both.port, '::1')?.isExclusive], [true, true]);
    const here = await udp(t, '::1');
    assert.deepEqual(
      [owner(here.port)?.isExclusive, owner(here.port, '::1')?.isExclusive],
      [undefined, false],
    );
  });

  test('is not identified by a socket with another address or port', async (t) => {
    const { port } = await udp(t, '127.0.0.7');
    assert.equal(uidOf(ip('127.0.0.1'), port), undefined);
    assert.equal(uidOf(ip('127.0.0.7'), port), UID);
  });
});

/** A connection to a server, and its end there. */
async function connection(
  t: Context,
  { server, port }: { server: Server; port: number },
  host = '127.0.0.1',
): Promise<{ client: Socket; accepted: Socket }> {
  const incoming = once(server, 'connection');
  const client = netConnect({ host, port, allowHalfOpen: true });
  t.after(() => void client.destroy());
  await once(client, 'connect');
  const [accepted] = (await incoming) as [Socket];
  t.after(() => void accepted.destroy());
  accepted.resume();
  client.resume();
  return { client, accepted };
}

/** The two ends of a connection, as the server sees them. */
function endsOf(accepted: Socket) {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = accepted;
  return [
    { address: ip(remoteAddress), port: remotePort },
    { address: ip(localAddress), port: localPort },
  ] as const;
}

describe('the peer of a connection', () => {
  test('is the owner of the other end', async (t) => {
    const { accepted } = await connection(t, await tcp(t, '127.0.0.1'));
    assert.equal(table.streamPeer(...endsOf(accepted)), UID);
    if (!needs(t, probe.ipv6())) return;
    const v6 = await connection(t, await tcp(t, '::1'), '::1');
    assert.equal(table.streamPeer(...endsOf(v6.accepted)), UID);
  });

  test('is unknown after it has closed, when the kernel reports uid 0', async (t) => {
    const { client, accepted } = await connection(t, await tcp(t, '127.0.0.1'));
    const ends = endsOf(accepted);
    const ended = once(accepted, 'end');
    client.destroy();
    await ended;
    // FIN_WAIT2: our end is still open.
    assert.equal(table.streamPeer(...ends), undefined);
    accepted.end();
    await once(accepted, 'close');
    // TIME_WAIT: both ends are closed.
    assert.equal(table.streamPeer(...ends), undefined);
  });

  test('is not the listener on a port without a connection', async (t) => {
    const { port } = await tcp(t, '127.0.0.1');
    const listener = { address: ip('127.0.0.1'), port };
    assert.equal(table.streamPeer(listener, { address: ip('127.0.0.1'), port: 1 }), undefined);
  });
});

describe('sockets of other users', () => {
  /** Sockets opened by `open` belong to that user. */
  async function as<T>(uid: number, open: () => Promise<T>): Promise<T> {
    process.seteuid?.(uid);
    try {
      return await open();
    } finally {
      process.seteuid?.(0);
    }
  }

  test('have the uid of their owner: on a port, as a sender, and as a peer', async (t) => {
    if (!needs(t, probe.root())) return;
    const [uid] = USERS;
    const { port } = await as(uid, () => udp(t, '127.0.0.1'));
    assert.deepEqual(
      table.at('udp', ip('127.0.0.1'), port).map((socket) => socket.uid),
      [uid],
    );
    assert.equal(uidOf(ip('127.0.0.1'), port), uid);
    const server = await tcp(t, '127.0.0.1');
    const { accepted } = await as(uid, () => connection(t, server));
    assert.equal(table.streamPeer(...endsOf(accepted)), uid);
  });

  test("that share a port do not identify a sender: each could use the other's address", async (t) => {
    if (!needs(t, probe.root())) return;
    const [first, second] = USERS;
    const { port } = await as(first, () => udp(t, '127.0.0.2'));
    assert.equal(uidOf(ip('127.0.0.2'), port), first);
    await as(second, () => udp(t, '127.0.0.3', { port }));
    assert.equal(uidOf(ip('127.0.0.2'), port), undefined);
    assert.equal(uidOf(ip('127.0.0.3'), port), undefined);
  });
});

test('are looked up each time', async (t) => {
  const { socket, port } = await udp(t, '127.0.0.1');
  assert.equal(uidOf(ip('127.0.0.1'), port), UID);
  socket.close();
  await until('the port to be free', () => uidOf(ip('127.0.0.1'), port) === undefined);
});
