// The daemon client: responses, limits, retries, and the error code of each failure.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { postTo, readStatus } from './daemon-client.ts';

const SHORT_MS = 50;

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** A daemon with the given handler; returns the path of its socket. */
async function daemon(
  t: TestContext,
  answer: (path: string, response: ServerResponse) => void,
): Promise<string> {
  const path = join(await directoryOf(t), 'status.sock');
  const server = createServer((request, response) => answer(request.url ?? '', response));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return path;
}

test('returns the parsed response', async (t) => {
  const path = await daemon(t, (url, response) => response.end(JSON.stringify({ url, text: 'grün' })));
  assert.deepEqual(await readStatus(path, '/v1/status'), { url: '/v1/status', text: 'grün' });
});

test('joins a response that is split inside a character', async (t) => {
  const path = await daemon(t, (_url, response) => {
    const bytes = Buffer.from('"grün"');
    response.write(bytes.subarray(0, 4), () => response.end(bytes.subarray(4)));
  });
  assert.equal(await readStatus(path, '/'), 'grün');
});

test('accepts a response as large as the limit, and refuses a larger one', async (t) => {
  const path = await daemon(t, (_url, response) => response.end('"1234"'));
  assert.equal(await readStatus(path, '/', { maxBytes: 6 }), '1234');
  await assert.rejects(readStatus(path, '/', { maxBytes: 5 }), { code: 'DAEMON_BAD_ANSWER' });
});

test('reports a timeout before and inside the response as DAEMON_SILENT', async (t) => {
  const path = await daemon(t, (url, response) => url === '/inside' && response.write('{'));
  for (const url of ['/before', '/inside']) {
    await assert.rejects(readStatus(path, url, { timeoutMs: SHORT_MS }), {
      code: 'DAEMON_SILENT',
      kind: 'environment',
    });
  }
});

test('reports a status other than 200 and invalid JSON as DAEMON_BAD_ANSWER', async (t) => {
  const path = await daemon(t, (url, response) => {
    if (url === '/404') response.writeHead(404).end('{}');
    else response.end('hello');
  });
  for (const url of ['/404', '/text']) {
    await assert.rejects(readStatus(path, url), { code: 'DAEMON_BAD_ANSWER', kind: 'environment' });
  }
});

const BUSY = { error: 'too many', code: 'DAEMON_BUSY', hint: 'wait', kind: 'environment' };

test('retries while the daemon is busy, and finally reports DAEMON_BUSY', async (t) => {
  let asked = 0;
  const path = await daemon(t, (url, response) => {
    asked++;
    if (url === '/soon' && asked > 2) response.end('"done"');
    else response.writeHead(503).end(JSON.stringify(BUSY));
  });
  assert.equal(await readStatus(path, '/soon'), 'done');
  assert.equal(await postTo(path, '/soon', {}), 'done');
  asked = 0;
  await assert.rejects(readStatus(path, '/never'), {
    code: 'DAEMON_BUSY',
    message: `the daemon at ${path} is busy: too many`,
  });
  assert.equal(asked, 5);
  await assert.rejects(postTo(path, '/never', {}), { code: 'DAEMON_BUSY', hint: 'wait' });
});

test('reports a closed connection as DAEMON_ENDED; retries only GET', async (t) => {
  let asked = 0;
  const path = await daemon(t, (url, response) => {
    asked++;
    if (url === '/twice' && asked === 2) response.end('"done"');
    else response.destroy();
  });
  assert.equal(await readStatus(path, '/twice'), 'done');
  await assert.rejects(readStatus(path, '/cut'), { code: 'DAEMON_ENDED', message: /closed the connection/ });
  asked = 0;
  await assert.rejects(postTo(path, '/twice', {}), { code: 'DAEMON_ENDED' });
  assert.equal(asked, 1);
});

test('reports an error of the daemon as DAEMON_CANNOT with its message', async (t) => {
  const path = await daemon(t, (_url, response) => {
    response.writeHead(500).end('{"error": "the guard cannot be reached"}');
  });
  await assert.rejects(readStatus(path, '/'), {
    code: 'DAEMON_CANNOT',
    kind: 'environment',
    message: `the daemon at ${path} reported an error: the guard cannot be reached`,
  });
});

test('reports DAEMON_ABSENT where no daemon is listening', async (t) => {
  const directory = await directoryOf(t);
  await writeFile(join(directory, 'file'), '');
  for (const path of ['none', 'file', 'file/status.sock']) {
    await assert.rejects(readStatus(join(directory, path), '/'), {
      code: 'DAEMON_ABSENT',
      kind: 'environment',
    });
  }
});

test('refuses a path with spaces, control characters, or non-ASCII characters', async (t) => {
  const path = await daemon(t, (url, response) => response.end(JSON.stringify(url)));
  assert.equal(await readStatus(path, '/a?b=%20'), '/a?b=%20');
  for (const word of ['', '/a b', '/a\r\nx: y', '/ä'])
    await assert.rejects(readStatus(path, word), TypeError);
});

/** A socket on which something other than a daemon is listening. */
async function foreignServer(t: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const path = join(await directoryOf(t), 'status.sock');
  const server = createNetServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  return path;
}

test('reports a response that is shorter than its Content-Length as truncated', async (t) => {
  const path = await foreignServer(t, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n"1234"'),
  );
  await assert.rejects(readStatus(path, '/'), { code: 'DAEMON_BAD_ANSWER', message: /truncated/ });
});

test('refuses a response that does not begin with a status line', async (t) => {
  for (const text of ['x', '\r\n\r\n"x"', 'HTTP/2 200 OK\r\n\r\n"x"', 'x HTTP/1.1 200 OK\r\n\r\n"x"']) {
    const path = await foreignServer(t, (socket) => socket.end(text));
    await assert.rejects(
      readStatus(path, '/'),
      { code: 'DAEMON_BAD_ANSWER', message: /it is not HTTP/ },
      text,
    );
  }
});

test('stops reading an endless response at the limit', async (t) => {
  const path = await foreignServer(t, (socket) => {
    const more = () => {
      while (socket.writable && socket.write(Buffer.alloc(64 * 1024, 0x20)));
    };
    socket.on('drain', more);
    socket.write('HTTP/1.1 200 OK\r\n\r\n', more);
  });
  await assert.rejects(readStatus(path, '/', { maxBytes: 1000 }), {
    code: 'DAEMON_BAD_ANSWER',
    message: /more than 1000 bytes/,
  });
});

test('passes on an error with a known code, and reports any other body as DAEMON_BAD_ANSWER', async (t) => {
  const bodies: Record<string, { readonly code: string; readonly kind: string }> = {
    '{"kind":"refused","code":"JOB_DENIED","error":"no","hint":""}': { code: 'JOB_DENIED', kind: 'refused' },
    '{"kind":"other","code":"A","error":"no","hint":""}': { code: 'DAEMON_BAD_ANSWER', kind: 'environment' },
    '{"kind":"refused","code":1,"error":"no","hint":""}': { code: 'DAEMON_BAD_ANSWER', kind: 'environment' },
    '{"kind":"refused","code":"A","error":"no"}': { code: 'DAEMON_BAD_ANSWER', kind: 'environment' },
    null: { code: 'DAEMON_BAD_ANSWER', kind: 'environment' },
  };
  for (const [body, expected] of Object.entries(bodies)) {
    const path = await daemon(t, (_url, response) => response.writeHead(403).end(body));
    await assert.rejects(postTo(path, '/', {}), expected, body);
  }
});
