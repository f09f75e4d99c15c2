// The control server: responses, caller credentials, and refused requests.
import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PEERS } from '../../test/support/unix-peers.ts';
import { PortreeveError } from '../base/errors.ts';
import { CONTROL_REQUEST_MAX_BYTES } from '../base/limits.ts';
import { type Commands, ControlServer } from './control-server.ts';
import { postTo } from './daemon-client.ts';

async function serve(t: TestContext, commands: Commands, mode = 0o600): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-control-'));
  const path = join(directory, 'control.sock');
  const server = new ControlServer(path, mode, commands, PEERS);
  await server.open();
  t.after(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });
  return path;
}

/** Sends a raw body. */
function post(socketPath: string, body: string, method = 'POST', path = '/v1/a') {
  return new Promise<{ status: number | undefined; code: unknown }>((resolve, reject) => {
    const asking = request({ socketPath, path, method, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, code: JSON.parse(text).code });
    });
    asking.on('error', reject).end(body);
  });
}

test('passes the request and the caller to the command, and returns its result', async (t) => {
  const path = await serve(t, {
    '/v1/a': (body, { pid, uid, gids }) => ({ body, pid, uid, gid: gids[0] }),
  });
  assert.deepEqual(await postTo(path, '/v1/a', { grün: [1] }), {
    body: { grün: [1] },
    pid: process.pid,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
  });
});

test('creates the socket file with the given mode and removes it on close', async (t) => {
  const path = await serve(t, {}, 0o666);
  assert.equal(lstatSync(path).mode & 0o777, 0o666);
  const server = new ControlServer(`${path}.2`, 0o660, {}, PEERS);
  await server.open();
  assert.equal(lstatSync(`${path}.2`).mode & 0o777, 0o660);
  await server.close();
  assert.equal(lstatSync(`${path}.2`, { throwIfNoEntry: false }), undefined);
});

test('the client receives the error that the command threw', async (t) => {
  for (const code of ['PORT_INVALID', 'GUARD_ABSENT', 'DAEMON_ABSENT', 'BUG'] as const) {
    const thrown = new PortreeveError(code, 'what happened', 'what to do');
    const path = await serve(t, {
      '/v1/a': () => {
        throw thrown;
      },
    });
    const { kind, message, hint } = thrown;
    await assert.rejects(postTo(path, '/v1/a', {}), { kind, code, message, hint });
  }
  const path = await serve(t, {
    '/v1/a': () => {
      throw new TypeError('oops');
    },
  });
  await assert.rejects(postTo(path, '/v1/a', {}), { kind: 'bug', code: 'BUG', message: 'oops' });
});

test('refuses an unknown path, a method other than POST, invalid JSON, and a body that is too long', async (t) => {
  let calls = 0;
  const path = await serve(t, { '/v1/a': () => ({ calls: ++calls }) });
  const usage = (code: string) => ({ status: 400, code });
  assert.deepEqual(await post(path, '{}', 'GET'), usage('METHOD_UNKNOWN'));
  assert.deepEqual(await post(path, '{}', 'POST', '/v1/b'), usage('PATH_UNKNOWN'));
  assert.deepEqual(await post(path, '{}', 'POST', '/constructor'), usage('PATH_UNKNOWN'));
  assert.deepEqual(await post(path, '{'), usage('REQUEST_INVALID'));
  assert.deepEqual(await post(path, ''), usage('REQUEST_INVALID'));
  const longest = `"${'a'.repeat(CONTROL_REQUEST_MAX_BYTES - 2)}"`;
  assert.deepEqual(await post(path, `${longest} `), usage('REQUEST_INVALID'));
  assert.equal(calls, 0);
  assert.deepEqual(await post(path, longest), { status: 200, code: undefined });
  assert.deepEqual(await post(path, '{}', 'POST', '/v1/a?x=1'), { status: 200, code: undefined });
  assert.equal(calls, 2);
});

test('continues to serve after a client disconnects in the middle of a request', async (t) => {
  const path = await serve(t, { '/v1/a': () => ({ isThere: true }) });
  const client = connect(path);
  const head = 'POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{';
  await new Promise<void>((resolve) => client.write(head, () => resolve()));
  client.destroy();
  assert.deepEqual(await postTo(path, '/v1/a', {}), { isThere: true });
});
