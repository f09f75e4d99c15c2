// Tests of the credentials of clients of Unix sockets that Node serves.
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

/** The path of a socket that every user can connect to. */
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

/** Connects as another user with these groups, and exits when its input ends. */
const CLIENT = `
const [path, uid, ...gids] = process.argv.slice(1);
process.setgroups(gids.slice(1).map((gid) => +gid));
process.setgid(+gids[0]);
process.setuid(+uid);
require('node:net').connect(path);
process.stdin.resume();
process.stdin.on('end', () => process.exit());`;

test('our own credentials are reported for node:net and node:http', async (t) => {
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
  const requester = connect(`${path}.http`).setEncoding('utf8');
  requester.write('GET / HTTP/1.0\r\n\r\n');
  let output = '';
  for await (const text of requester) output += text;
  assert.ok(output.endsWith(`\r\n${process.pid}`), output);
});

test('another user is reported with all groups, even very many', async (t) => {
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

test('a TCP connection, and a closed or unopened socket, have no credentials', async (t) => {
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
