// The connection limits of the Unix socket server: which are admitted, refused, and closed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  UNIX_CONNECTIONS_MAX,
  UNIX_CONNECTIONS_PER_USER_MAX,
  UNIX_REFUSED_CONNECTIONS_MAX,
  UNIX_UNREAD_PER_USER_MAX_BYTES,
} from '../base/limits.ts';
import { readStatus } from './daemon-client.ts';
import type { Share } from './shares.ts';
import { type StatusRoutes, StatusServer } from './status-server.ts';

const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
const shareOf = (uid: number): Share =>
  uid === 0 ? { party: 'root', user: '0' } : { party: 'users', user: `${uid}` };

/** A server whose clients appear to have the uid that the test sets. */
async function served(
  t: TestContext,
  queries: StatusRoutes = { '/': () => ({ done: true }) },
  deps: { stallMs?: number } = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'unix-http-'));
  const path = join(directory, 'status.sock');
  let uid = 1000;
  const accepted: Socket[] = [];
  let onAccepted: () => void = () => undefined;
  const credentials = (socket: Socket) => {
    accepted.push(socket);
    onAccepted();
    return { pid: 1, uid, gids: [] };
  };
  const server = new StatusServer(
    path,
    queries,
    {},
    {
      credentials,
      shareOf: (peer) => shareOf(peer.uid),
      ...deps,
    },
  );
  await server.open();
  t.after(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });
  const open = (): Socket => {
    const socket = connect(path);
    t.after(() => socket.destroy());
    return socket.on('error', () => undefined);
  };
  /** Opens idle connections; resolves when the server has seen them all. */
  const fill = async (by: number, count: number): Promise<Socket[]> => {
    uid = by;
    const all = accepted.length + count;
    const sockets = Array.from({ length: count }, open);
    await new Promise<void>((resolve) => {
      onAccepted = () => (accepted.length >= all ? resolve() : undefined);
    });
    return sockets;
  };
  const ask = (by: number) => {
    uid = by;
    return readStatus(path, '/');
  };
  const as = (by: number) => {
    uid = by;
  };
  return { fill, ask, open, as, accepted };
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

describe('a user with the maximum number of connections', () => {
  test('is refused with a reason, while root and other users are served', async (t) => {
    const { fill, ask } = await served(t);
    await fill(1000, UNIX_CONNECTIONS_PER_USER_MAX);
    await assert.rejects(ask(1000), {
      code: 'DAEMON_BUSY',
      message: /the daemon has too many connections of this user$/,
    });
    assert.deepEqual(await ask(1001), { done: true });
    assert.deepEqual(await ask(0), { done: true });
  });

  test('is served again after one of them is closed', async (t) => {
    const { fill, ask } = await served(t);
    const [first] = await fill(1000, UNIX_CONNECTIONS_PER_USER_MAX);
    assert.ok(first);
    first.destroy();
    await once(first, 'close');
    assert.deepEqual(await ask(1000), { done: true });
  });
});

test('a new user is admitted when all places are taken, in exchange for the oldest of the largest user', async (t) => {
  const { fill, ask } = await served(t);
  const [oldest] = await fill(1000, UNIX_CONNECTIONS_PER_USER_MAX);
  await fill(1001, UNIX_CONNECTIONS_MAX - UNIX_CONNECTIONS_PER_USER_MAX);
  assert.ok(oldest);
  const closed = once(oldest, 'close');
  assert.deepEqual(await ask(1002), { done: true });
  await closed;
  assert.deepEqual(await ask(0), { done: true });
});

test('a new user is admitted when every place is taken by a different user', async (t) => {
  const { fill, ask } = await served(t);
  for (let i = 0; i < UNIX_CONNECTIONS_MAX; i++) await fill(2000 + i, 1);
  assert.deepEqual(await ask(1000), { done: true });
});

test('the limit of one user does not apply to root', async (t) => {
  const { fill, ask } = await served(t);
  await fill(0, UNIX_CONNECTIONS_MAX - 1);
  assert.deepEqual(await ask(0), { done: true });
});

test('closes the oldest refused connection that does not read its response, when there are too many', async (t) => {
  const { fill } = await served(t);
  await fill(1000, UNIX_CONNECTIONS_PER_USER_MAX);
  const [first] = await fill(1000, 1);
  assert.ok(first);
  const closed = once(first.pause(), 'close');
  await fill(1000, UNIX_REFUSED_CONNECTIONS_MAX + 1);
  first.resume();
  await closed;
});

test('does not answer pipelined requests', async (t) => {
  const { open } = await served(t);
  const socket = open();
  socket.write(GET.repeat(3));
  const text = await textOf(socket);
  assert.equal(text.match(/"done"/g)?.length, 1);
  assert.match(text, /^connection: close\r$/im);
});

test('a user who leaves responses unread loses the oldest, and root does not', async (t) => {
  const text = 'x'.repeat(UNIX_UNREAD_PER_USER_MAX_BYTES / 4);
  const { open, as } = await served(t, { '/': () => ({ text }) });
  const asked = () => {
    const socket = open().pause();
    socket.write(GET);
    return socket;
  };
  as(1000);
  const sockets = Array.from({ length: 5 }, asked);
  const [oldest] = sockets;
  assert.ok(oldest);
  await assert.rejects(lengthOf(oldest, text.length), /ended/);
  for (const socket of sockets.slice(2)) await lengthOf(socket, text.length);
  as(0);
  const roots = Array.from({ length: 5 }, asked);
  for (const socket of roots) await lengthOf(socket, text.length);
});

test('drops a response that is not read within the timeout', async (t) => {
  const text = 'x'.repeat(4 * 1024 * 1024);
  const { open, accepted } = await served(t, { '/': () => ({ text }) }, { stallMs: 50 });
  const socket = open().pause();
  socket.write(GET);
  await once(socket, 'connect');
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [server] = accepted;
  assert.ok(server);
  await once(server, 'close');
  await assert.rejects(lengthOf(socket, text.length), /ended/);
});

/** Reads at least `bytes` bytes, or throws. */
async function lengthOf(socket: Socket, bytes: number): Promise<void> {
  let length = 0;
  for await (const chunk of socket) {
    length += chunk.length;
    if (length >= bytes) return;
  }
  throw new Error(`ended after ${length}`);
}
