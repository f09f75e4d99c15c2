// Invalid requests to the daemon's sockets have no effect, and their connections are closed.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { CONTROL_REQUEST_MAX_BYTES } from '../../src/base/limits.ts';
import { ControlServer } from '../../src/kit/control-server.ts';
import { StatusServer } from '../../src/kit/status-server.ts';
import { PEERS } from '../support/unix-peers.ts';

/** The properties of every object. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);
const PATHS = { status: '/v1/status', run: '/v1/run' } as const;

interface Sockets {
  readonly status: string;
  readonly run: string;
  /** The number of handler calls. */
  calls(): number;
}

/** A status socket and a control socket. */
async function sockets(t: TestContext): Promise<Sockets> {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  let count = 0;
  const act = () => ({ count: ++count });
  const at = { status: join(directory, 'status.sock'), run: join(directory, 'user.sock') };
  const servers = [
    new StatusServer(at.status, { [PATHS.status]: act }, {}, PEERS),
    new ControlServer(at.run, 0o666, { [PATHS.run]: act }, PEERS),
  ];
  t.after(async () => {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(directory, { recursive: true });
  });
  for (const server of servers) await server.open();
  return { ...at, calls: () => count };
}

/** Writes raw text; returns the status of the response, or undefined if the connection was closed without one. */
async function send(path: string, text: string): Promise<string | undefined> {
  const socket = connect(path).setEncoding('latin1');
  socket.write(text);
  let response = '';
  try {
    for await (const part of socket) response += part;
  } catch (thrown) {
    // Writing to a closed connection resets it.
    assert.match(`${thrown}`, /ECONNRESET|EPIPE/);
  }
  return /^HTTP\/1\.1 (\d+) /.exec(response)?.[1];
}

const request = (method: string, target: string, head = '', body = '') =>
  `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${head}` +
  `content-length: ${body.length}\r\n\r\n${body}`;

test('a valid request is answered', async (t) => {
  const { status, run, calls } = await sockets(t);
  assert.equal(await send(status, request('GET', PATHS.status)), '200');
  assert.equal(await send(run, request('POST', PATHS.run, '', '{}')), '200');
  assert.equal(calls(), 2);
});

describe('no handler is called for', () => {
  test('the name of a property of every object, with and without a slash', async (t) => {
    const { status, run, calls } = await sockets(t);
    for (const name of INHERITED.flatMap((each) => [each, `/${each}`])) {
      // A path without a slash may also be refused as malformed.
      assert.match(`${await send(status, request('GET', name))}`, /^40[04]$/, name);
      assert.match(`${await send(run, request('POST', name, '', '{}'))}`, /^40[04]$/, name);
    }
    assert.equal(calls(), 0);
  });

  test('another method', async (t) => {
    const { status, run, calls } = await sockets(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])
      assert.equal(await send(status, request(method, PATHS.status)), '405', method);
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS'])
      assert.equal(await send(run, request(method, PATHS.run, '', '{}')), '400', method);
    assert.equal(calls(), 0);
  });

  test('a header that is too long', async (t) => {
    const { status, run, calls } = await sockets(t);
    const head = (bytes: number) => `x: ${'x'.repeat(bytes)}\r\n`;
    const short = head(CONTROL_REQUEST_MAX_BYTES / 2);
    const long = head(CONTROL_REQUEST_MAX_BYTES);
    assert.equal(await send(status, request('GET', PATHS.status, short)), '200');
    assert.equal(await send(run, request('POST', PATHS.run, short, '{}')), '200');
    assert.equal(await send(status, request('GET', PATHS.status, long)), '431');
    assert.equal(await send(run, request('POST', PATHS.run, long, '{}')), '431');
    assert.equal(calls(), 2);
  });

  test('a text that is not HTTP', async (t) => {
    const { status, run, calls } = await sockets(t);
    for (const text of ['\r\n\r\n\0', 'x\r\n\r\n', 'GET\r\n\r\n', `\0${'x'.repeat(100)}`]) {
      for (const path of [status, run]) assert.equal(await send(path, text), '400', JSON.stringify(text));
    }
    assert.equal(calls(), 0);
  });

  test('an incomplete request, which times out', async (t) => {
    const { status, run, calls } = await sockets(t);
    const begun = [
      send(status, `GET ${PATHS.status} HTTP/1.1\r\nhost: x\r\n`),
      send(run, `POST ${PATHS.run} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{`),
    ];
    assert.deepEqual(await Promise.all(begun), ['408', '408']);
    assert.equal(calls(), 0);
  });
});
