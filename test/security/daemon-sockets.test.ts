/** What anybody may write to the sockets of the daemon: requests that are none do nothing, and end. */

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

/** Names that every object has. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);
const GOOD = { look: '/v1/look', run: '/v1/run' } as const;

interface Sockets {
  readonly look: string;
  readonly run: string;
  /** How often something was done. */
  done(): number;
}

/** A socket that shows something, and one that does something. */
async function sockets(t: TestContext): Promise<Sockets> {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  let count = 0;
  const act = () => ({ count: ++count });
  const at = { look: join(directory, 'status.sock'), run: join(directory, 'user.sock') };
  const servers = [
    new StatusServer(at.look, { [GOOD.look]: act }, {}, PEERS),
    new ControlServer(at.run, 0o666, { [GOOD.run]: act }, PEERS),
  ];
  t.after(async () => {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(directory, { recursive: true });
  });
  for (const server of servers) await server.open();
  return { ...at, done: () => count };
}

/** Writes a text as it is; gives the status of the answer, undefined where the connection ended without one. */
async function written(path: string, text: string): Promise<string | undefined> {
  const socket = connect(path).setEncoding('latin1');
  socket.write(text);
  let said = '';
  try {
    for await (const part of socket) said += part;
  } catch (thrown) {
    // Whoever goes on writing to a connection that was ended is reset.
    assert.match(`${thrown}`, /ECONNRESET|EPIPE/);
  }
  return /^HTTP\/1\.1 (\d+) /.exec(said)?.[1];
}

const request = (method: string, target: string, head = '', body = '') =>
  `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${head}` +
  `content-length: ${body.length}\r\n\r\n${body}`;

test('a request that is one is answered', async (t) => {
  const { look, run, done } = await sockets(t);
  assert.equal(await written(look, request('GET', GOOD.look)), '200');
  assert.equal(await written(run, request('POST', GOOD.run, '', '{}')), '200');
  assert.equal(done(), 2);
});

describe('nothing is done by', () => {
  test('a name that every object has, with and without a slash', async (t) => {
    const { look, run, done } = await sockets(t);
    for (const name of INHERITED.flatMap((each) => [each, `/${each}`])) {
      // What does not begin with a slash may be refused as no request at all.
      assert.match(`${await written(look, request('GET', name))}`, /^40[04]$/, name);
      assert.match(`${await written(run, request('POST', name, '', '{}'))}`, /^40[04]$/, name);
    }
    assert.equal(done(), 0);
  });

  test('another method', async (t) => {
    const { look, run, done } = await sockets(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])
      assert.equal(await written(look, request(method, GOOD.look)), '405', method);
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS'])
      assert.equal(await written(run, request(method, GOOD.run, '', '{}')), '400', method);
    assert.equal(done(), 0);
  });

  test('a head that is too long, of which a shorter one is read', async (t) => {
    const { look, run, done } = await sockets(t);
    const head = (bytes: number) => `x: ${'x'.repeat(bytes)}\r\n`;
    const short = head(CONTROL_REQUEST_MAX_BYTES / 2);
    const long = head(CONTROL_REQUEST_MAX_BYTES);
    assert.equal(await written(look, request('GET', GOOD.look, short)), '200');
    assert.equal(await written(run, request('POST', GOOD.run, short, '{}')), '200');
    assert.equal(await written(look, request('GET', GOOD.look, long)), '431');
    assert.equal(await written(run, request('POST', GOOD.run, long, '{}')), '431');
    assert.equal(done(), 2);
  });

  test('what is no HTTP', async (t) => {
    const { look, run, done } = await sockets(t);
    for (const text of ['\r\n\r\n\0', 'x\r\n\r\n', 'GET\r\n\r\n', `\0${'x'.repeat(100)}`]) {
      for (const path of [look, run]) assert.equal(await written(path, text), '400', JSON.stringify(text));
    }
    assert.equal(done(), 0);
  });

  test('a request that is not finished, of which nothing is waited for long', async (t) => {
    const { look, run, done } = await sockets(t);
    const begun = [
      written(look, `GET ${GOOD.look} HTTP/1.1\r\nhost: x\r\n`),
      written(run, `POST ${GOOD.run} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{`),
    ];
    assert.deepEqual(await Promise.all(begun), ['408', '408']);
    assert.equal(done(), 0);
  });
});
