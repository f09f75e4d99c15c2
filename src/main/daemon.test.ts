// The daemon with services that it does not know: their life cycle, routes, settings, and failures.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TOY_SECTION, ToyService } from '../../test/support/toy-service.ts';
import { PEERS } from '../../test/support/unix-peers.ts';
import { postTo, readStatus } from '../kit/daemon-client.ts';
import { ROOT_STATUS_SOCKET, STATUS_SOCKET, USER_SOCKET } from '../kit/daemon-names.ts';
import { parseSettings } from '../kit/settings-file.ts';
import { Daemon } from './daemon.ts';
import { SECTIONS } from './sections.ts';

const USER = 1000;

/** A daemon with two toy services, the second of which may use the first. */
function workshop(t: TestContext, uid = USER) {
  const runtime = mkdtempSync(join(tmpdir(), 'portreeve-toys-'));
  const done: string[] = [];
  const [ball, doll] = [new ToyService('ball', done), new ToyService('doll', done)];
  const daemon = new Daemon({ version: '1.2.3', runtime, uid, peers: PEERS }, [ball, doll], {});
  t.after(async () => {
    await daemon.stop();
    rmSync(runtime, { recursive: true });
  });
  return { daemon, runtime, done, ball, doll };
}

/** portreeve.toml, parsed with the sections of the program and the section of the toys. */
const settings = (text: string) => parseSettings(text, 'portreeve.toml', [...SECTIONS, TOY_SECTION]);

/** The raw response to GET. */
function textOf(socketPath: string, path: string): Promise<{ type: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, agent: false }, async (response) => {
      let text = '';
      for await (const part of response.setEncoding('utf8')) text += part;
      resolve({ type: response.headers['content-type'], text });
    });
    asking.on('error', reject).end();
  });
}

test('services start in order, stop in reverse, and report when they are ready', async (t) => {
  const { daemon, runtime, done } = workshop(t);
  await daemon.start();
  assert.deepEqual(readdirSync(runtime).sort(), [STATUS_SOCKET, USER_SOCKET]);
  assert.deepEqual(await daemon.ready(), ['ball is ready\n', 'doll is ready\n']);
  await daemon.stop();
  assert.deepEqual(done, ['ball start', 'doll start', 'doll stop', 'ball stop']);
  assert.deepEqual(readdirSync(runtime), []);
});

test('root has a separate status socket', async (t) => {
  const { daemon, runtime } = workshop(t, 0);
  await daemon.start();
  assert.deepEqual(readdirSync(runtime).sort(), [ROOT_STATUS_SOCKET, STATUS_SOCKET, USER_SOCKET].sort());
});

test('the status has the parts of all services, and their routes are served', async (t) => {
  const { daemon, runtime } = workshop(t);
  await daemon.start();
  const [statusSocket, userSocket] = [join(runtime, STATUS_SOCKET), join(runtime, USER_SOCKET)];
  const { since, ...status } = await readStatus<Record<string, unknown>>(statusSocket, '/v1/status');
  assert.deepEqual(status, {
    ...{ version: '1.2.3', pid: process.pid, runtime },
    ...{ ball: { color: 'plain' }, doll: { color: 'plain' } },
  });
  assert.match(`${since}`, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(await readStatus(statusSocket, '/v1/doll'), { color: 'plain' });
  assert.deepEqual(await postTo(userSocket, '/v1/ball/paint', { color: 'red' }), {
    painted: 1,
    request: { color: 'red' },
  });
  await assert.rejects(postTo(userSocket, '/v1/ball', {}), { code: 'PATH_UNKNOWN' });
});

test('the metrics of all services are one text for Prometheus', async (t) => {
  const { daemon, runtime } = workshop(t);
  await daemon.start();
  await postTo(join(runtime, USER_SOCKET), '/v1/doll/paint', {});
  const { type, text } = await textOf(join(runtime, STATUS_SOCKET), '/metrics');
  assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(text, /^portreeve_toy_paints_total\{toy="ball"\} 0$/m);
  assert.match(text, /^portreeve_toy_paints_total\{toy="doll"\} 1$/m);
});

test('if a service cannot start, the services before it are stopped and no socket is open', async (t) => {
  const { daemon, runtime, done, doll } = workshop(t);
  doll.fault = 'start';
  await assert.rejects(daemon.start(), /doll cannot start/);
  assert.deepEqual(done, ['ball start', 'doll start', 'ball stop']);
  assert.deepEqual(readdirSync(runtime), []);
});

test('if a socket cannot be opened, all services are stopped', async (t) => {
  const { daemon, runtime, done } = workshop(t);
  mkdirSync(join(runtime, USER_SOCKET));
  await assert.rejects(daemon.start(), { code: 'RUNTIME_DIRECTORY' });
  assert.deepEqual(done.slice(2), ['doll stop', 'ball stop']);
  assert.deepEqual(readdirSync(runtime), [USER_SOCKET]);
});

test('a service that cannot stop does not keep others running, and does not hide the first error', async (t) => {
  const { daemon, done, ball, doll } = workshop(t);
  await daemon.start();
  doll.fault = 'stop';
  done.length = 0;
  await assert.rejects(daemon.stop(), /doll cannot stop/);
  assert.deepEqual(done, ['doll stop', 'ball stop']);
  ball.fault = 'stop';
  doll.fault = 'start';
  await assert.rejects(daemon.start(), /doll cannot start/);
});

test('two services with the same path are a bug: the daemon does not start', async (t) => {
  const { daemon, done, doll } = workshop(t);
  for (const path of ['/v1/ball', '/v1/status', '/metrics']) {
    doll.path = path;
    done.length = 0;
    await assert.rejects(daemon.start(), { code: 'BUG', message: `two services have the path ${path}` });
    assert.deepEqual(done, ['ball start', 'doll start', 'doll stop', 'ball stop']);
  }
});

test('all settings are checked before any of them applies', async (t) => {
  const { daemon, done } = workshop(t);
  await daemon.start();
  done.length = 0;
  await daemon.reload(await settings('[toy]\ncolor = "red"\n'));
  assert.deepEqual(done, ['doll check red', 'ball check red', 'doll reload red', 'ball reload red']);
  assert.deepEqual(daemon.summaries, ['ball is red', 'doll is red']);
});

test('settings that one service refuses change none', async (t) => {
  const { daemon, done, ball, doll } = workshop(t);
  await daemon.start();
  await daemon.reload(await settings('[toy]\ncolor = "red"\n'));
  const blue = await settings('[toy]\ncolor = "blue"\n');
  done.length = 0;
  ball.fault = 'check';
  await assert.rejects(daemon.reload(blue), /ball cannot check/);
  assert.deepEqual(done, ['doll check blue', 'ball check blue']);
  done.length = 0;
  ball.fault = 'reload';
  await assert.rejects(daemon.reload(blue), /ball cannot reload/);
  assert.deepEqual(done.slice(2), ['doll reload blue', 'ball reload blue', 'doll reload red']);
  assert.deepEqual(daemon.summaries, ['ball is red', 'doll is red']);
  doll.fault = 'reload';
  doll.faultAt = 'red';
  await assert.rejects(daemon.reload(blue), /ball cannot reload/);
});

test('a section in the list is validated like every other', async () => {
  assert.deepEqual(await settings('[toy]\ncolor = "red"\n[portmap]\nport = 111\n'), {
    toy: { color: 'red' },
    portmap: { port: 111 },
  });
  await assert.rejects(
    settings('[toy]\ncolour = "red"\n'),
    /"toy\.colour" is not a setting; did you mean "color"\?/,
  );
  await assert.rejects(settings('[toy]\ncolor = 3\n'), /toy\.color is 3; it must be a color/);
});
