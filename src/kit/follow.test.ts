// Following a stream of lines: chunks, timeouts, lost connections, and error responses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inTime } from '../../test/support/sandbox.ts';
import { CONTROL_LINE_MAX_CHARACTERS } from '../base/client-limits.ts';
import { followLines } from './follow.ts';

const SHORT_MS = 50;

function socketPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'status.sock');
}

/** A daemon with the given handler; returns the path of its socket. */
async function daemon(t: TestContext, answer: (response: ServerResponse) => void): Promise<string> {
  const path = socketPath(t);
  const server = createServer((_request, response) => answer(response));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return path;
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

test('yields lines as they are written, even when split inside a character', async (t) => {
  const bytes = Buffer.from('one\ngrün\nthree\n');
  let more = () => {};
  const path = await daemon(t, (response) => {
    response.write(bytes.subarray(0, 7));
    more = () => response.end(bytes.subarray(7));
  });
  const lines = followLines(path, '/');
  assert.equal((await inTime('a line', lines.next())).value, 'one');
  more();
  assert.deepEqual(await all(lines), ['grün', 'three']);
});

test('the timeout applies only until the response has begun', async (t) => {
  let end = () => {};
  const path = await daemon(t, (response) => {
    response.write('one\n');
    end = () => response.end('late\n');
  });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines = followLines(path, '/', { timeoutMs: SHORT_MS });
  assert.equal((await lines.next()).value, 'one');
  t.mock.timers.tick(2 * SHORT_MS);
  end();
  assert.deepEqual(await all(lines), ['late']);
  t.mock.timers.reset();
  const silent = await daemon(t, () => {});
  await assert.rejects(all(followLines(silent, '/', { timeoutMs: SHORT_MS })), { code: 'DAEMON_SILENT' });
});

test('reports a lost connection as DAEMON_ENDED', async (t) => {
  const path = await daemon(t, (response) => {
    response.write('one\n', () => response.destroy());
  });
  const lines = followLines(path, '/');
  assert.equal((await inTime('a line', lines.next())).value, 'one');
  await assert.rejects(inTime('the end', lines.next()), { code: 'DAEMON_ENDED', kind: 'environment' });
});

test('closes the connection when the reader stops', async (t) => {
  const closed = Promise.withResolvers<void>();
  const path = await daemon(t, (response) => {
    response.write('one\ntwo\n');
    response.on('close', () => closed.resolve());
  });
  for await (const line of followLines(path, '/')) {
    assert.equal(line, 'one');
    break;
  }
  await inTime('the connection to be closed', closed.promise);
});

test('an abort signal ends the stream without an error', async (t) => {
  const path = await daemon(t, (response) => response.write('one\n'));
  const stop = new AbortController();
  const lines = followLines(path, '/', { signal: stop.signal });
  assert.equal((await inTime('a line', lines.next())).value, 'one');
  stop.abort();
  assert.equal((await inTime('the end', lines.next())).done, true);
});

test('ends the stream at a line that is longer than the limit', async (t) => {
  const path = await daemon(t, (response) =>
    response.end(`${'x'.repeat(CONTROL_LINE_MAX_CHARACTERS + 100_000)}\n`),
  );
  await assert.rejects(all(followLines(path, '/')), {
    code: 'DAEMON_ENDED',
    message: /more than 1048576 characters/,
  });
});

test('reports the error in a response with another status', async (t) => {
  const cases = [
    [404, 'DAEMON_CANNOT'],
    [403, 'DAEMON_DENIED'],
    [500, 'DAEMON_BAD_ANSWER'],
  ] as const;
  for (const [status, code] of cases) {
    const path = await daemon(t, (response) => response.writeHead(status).end('{"error":"not now"}\n'));
    await assert.rejects(all(followLines(path, '/')), { code, message: /: not now$/ });
    const mute = await daemon(t, (response) => response.writeHead(status).end('<html>\n'));
    await assert.rejects(all(followLines(mute, '/')), {
      code,
      message: new RegExp(`: its status is ${status}$`),
    });
  }
});

test('reports too many clients as DAEMON_BUSY with the message of the daemon', async (t) => {
  const path = await daemon(t, (response) => response.writeHead(503).end('{"error":"too many"}\n'));
  await assert.rejects(all(followLines(path, '/')), { code: 'DAEMON_BUSY', message: /: too many$/ });
});

test('reports DAEMON_ABSENT where no daemon is listening', async (t) => {
  await assert.rejects(all(followLines(socketPath(t), '/')), { code: 'DAEMON_ABSENT', kind: 'environment' });
});
