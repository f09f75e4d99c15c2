// Who connected to a Unix socket that Node serves is who the kernel says, and is not guessed where it says nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { peerCredentials } from './peer-credentials.ts';

/** A path for a socket that everybody may connect to. */
function socketPath(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'peer-credentials-'));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  return join(directory, 'socket');
}

async function listen(t: Pick<TestContext, 'after'>, server: Server, where: string | number): Promise<void> {
  server.listen(where);
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  if (typeof where === 'string') chmodSync(where, 0o666);
}

/** Connects as another user, in these groups, and goes away when its input ends. */
const CLIENT = `
const [path, uid, ...gids] = process.argv.slice(1);
process.setgroups(gids.slice(1).map((gid) => +gid));
process.setgid(+gids[0]);
process.setuid(+uid);
require('node:net').connect(path);
process.stdin.resume();
process.stdin.on('end', () => process.exit());`;

test('ourselves, by node:net and by node:http', async (t) => {
  const path = socketPath(t);
  const server = createServer();
  await listen(t, server, path);
  const client = connect(path);
  const [accepted] = await once(server, 'connection');
  const found = peerCredentials(accepted);
  assert.deepEqual([found?.pid, found?.uid], [process.pid, process.getuid?.()]);
  assert.equal(found?.gids[0], process.getgid?.());
  client.destroy();

  const http = createHttpServer((request, response) => {
    response.end(`${peerCredentials(request.socket)?.pid}`);
  });
  await listen(t, http, `${path}.http`);
  const asking = connect(`${path}.http`).setEncoding('utf8');
  asking.write('GET / HTTP/1.0\r\n\r\n');
  let said = '';
  for await (const text of asking) said += text;
  assert.ok(said.endsWith(`\r\n${process.pid}`), said);
});

test('another user with his groups, also very many of them', async (t) => {
  if (!needs(t, probe.root())) return;
  const path = socketPath(t);
  const server = createServer();
  await listen(t, server, path);
  for (const groups of [[], [2001], Array.from({ length: 300 }, (_, i) => 3000 + i)]) {
    const args = ['-e', CLIENT, path, '1000', '1001', ...groups.map(String)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
    const [accepted] = await once(server, 'connection');
    const { pid, uid, gids } = peerCredentials(accepted) ?? {};
    assert.deepEqual([pid, uid, gids], [child.pid, 1000, [1001, ...groups]]);
    child.stdin.end();
    await once(child, 'exit');
  }
});

test('a connection over TCP, and a socket that is closed or was never open, have no such peer', async (t) => {
  const path = socketPath(t);
  const [unix, tcp] = [createServer(), createServer()];
  await listen(t, unix, path);
  await listen(t, tcp, 0);
  const address = tcp.address();
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const [overTcp] = await once(tcp, 'connection');
  assert.equal(peerCredentials(overTcp), undefined);
  client.destroy();

  connect(path);
  const [accepted] = await once(unix, 'connection');
  assert.notEqual(peerCredentials(accepted), undefined);
  accepted.destroy();
  assert.equal(peerCredentials(accepted), undefined);
  assert.equal(peerCredentials(new Socket()), undefined);
});
