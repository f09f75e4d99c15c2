// The sockets service: its rate limit, and what it shows to which user.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listening } from '../../../test/support/listening.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { PEERS } from '../../../test/support/unix-peers.ts';
import { PORTS_REQUESTS_PER_USER_PER_SECOND_MAX } from '../../base/limits.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { StatusServer } from '../../kit/status-server.ts';
import { PORTS_PATH } from '../app/ports-query.ts';
import { SocketsService } from './service.ts';

/** Sends `count` requests in sequence as `uid`; prints the statuses and the last response. */
const ASK = `
const { request } = require('node:http');
const [socketPath, uid, path, count] = process.argv.slice(1);
process.setgroups([]);
process.setgid(+uid);
process.setuid(+uid);
const statuses = [];
const ask = () => request({ socketPath, path, agent: false }, async (response) => {
  let text = '';
  for await (const part of response) text += part;
  statuses.push(response.statusCode);
  if (statuses.length < +count) ask();
  else console.log(statuses.join(' ') + '\\n' + text);
}).end();
ask();`;

const USER = 1000;

/** A daemon with the sockets service, and a function that queries it. */
async function served(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  const path = join(directory, 'status.sock');
  const names = { files: linuxFiles, registrations: async () => [], reservations: async () => undefined };
  const { routes } = new SocketsService({ files: () => linuxFiles, names });
  const server = new StatusServer(path, {}, routes.streams, PEERS);
  await server.open();
  t.after(() => server.close());
  return async (uid: number, target: string, count = 1) => {
    const child = spawn(process.execPath, ['-e', ASK, path, `${uid}`, target, `${count}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    for await (const part of child.stdout.setEncoding('utf8')) stdout += part;
    const [statuses = '', ...answer] = stdout.split('\n');
    return { statuses: statuses.split(' '), answer: answer.join('\n') };
  };
}

test('limits the requests of each user per second, and not those of root', async (t) => {
  if (!needs(t, probe.root())) return;
  const ask = await served(t);
  const target = `${PORTS_PATH}?which=listening&ports=1`;
  let now = 5000;
  t.mock.method(performance, 'now', () => now);
  const served200 = Array.from({ length: PORTS_REQUESTS_PER_USER_PER_SECOND_MAX }, () => '200');
  const often = PORTS_REQUESTS_PER_USER_PER_SECOND_MAX + 2;
  assert.deepEqual((await ask(USER, target, often)).statuses, [...served200, '503', '503']);
  assert.deepEqual((await ask(USER + 1, target)).statuses, ['200']);
  assert.deepEqual((await ask(0, target, often)).statuses, [...served200, '200', '200']);
  now += 1000;
  assert.deepEqual((await ask(USER, target)).statuses, ['200']);
});

test('does not show a user the processes of another user', async (t) => {
  if (!needs(t, probe.root())) return;
  const port = await listening(t);
  const ask = await served(t);
  const target = `${PORTS_PATH}?which=listening&ports=${port}/tcp`;
  const [forUser, forRoot] = [await ask(USER, target), await ask(0, target)];
  for (const { answer } of [forUser, forRoot]) assert.match(answer, new RegExp(`"port":${port}\\b`));
  assert.match(forRoot.answer, new RegExp(`"pid":${process.pid}\\b`));
  assert.doesNotMatch(forUser.answer, /"pid":\d/);
});
