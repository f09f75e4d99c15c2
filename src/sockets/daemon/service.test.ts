// Who may have the sockets of the host looked through, and how often: looking takes the daemon's time.
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
import { PORTS_PATH } from '../app/ports-asked.ts';
import { SocketsService } from './service.ts';

/** Asks so often as a user, one after the other; prints the statuses, and the last answer. */
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

/** A daemon that tells of sockets, and a way to ask it. */
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
    let said = '';
    for await (const part of child.stdout.setEncoding('utf8')) said += part;
    const [statuses = '', ...answer] = said.split('\n');
    return { statuses: statuses.split(' '), answer: answer.join('\n') };
  };
}

test('a user is answered so often in a second, and root as often as it asks', async (t) => {
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

test('a user is shown no process of another, whose socket it is', async (t) => {
  if (!needs(t, probe.root())) return;
  const port = await listening(t);
  const ask = await served(t);
  const target = `${PORTS_PATH}?which=listening&ports=${port}/tcp`;
  const [forUser, forRoot] = [await ask(USER, target), await ask(0, target)];
  for (const { answer } of [forUser, forRoot]) assert.match(answer, new RegExp(`"port":${port}\\b`));
  assert.match(forRoot.answer, new RegExp(`"pid":${process.pid}\\b`));
  assert.doesNotMatch(forUser.answer, /"pid":\d/);
});
