// Tests of opening and closing Unix sockets: only stale files, and only our own, are removed.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { OpenEndpoint } from '../host.ts';
import { closeEndpoint, openEndpoint } from './sockets.ts';

function pathOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'rpcbind.sock');
}

function opened(path: string): OpenEndpoint {
  const endpoint = openEndpoint({ netid: 'local', path });
  assert.ok('fd' in endpoint, JSON.stringify(endpoint));
  return endpoint;
}

test('every user may connect to it, regardless of the umask, and its file is removed with it', (t) => {
  const path = pathOf(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const endpoint = opened(path);
  assert.equal(statSync(path).mode & 0o777, 0o666);
  assert.equal(process.umask(), 0o077);
  closeEndpoint(endpoint);
  assert.equal(existsSync(path), false);
});

test('a file that replaced the socket is kept', (t) => {
  const path = pathOf(t);
  const endpoint = opened(path);
  unlinkSync(path);
  writeFileSync(path, 'precious');
  closeEndpoint(endpoint);
  assert.ok(existsSync(path));
});

test('a file that is not a socket is an obstacle, and a link is not followed', (t) => {
  const path = pathOf(t);
  writeFileSync(path, 'precious');
  assert.deepEqual(openEndpoint({ netid: 'local', path }), { errno: 'EEXIST', reason: 'obstructed' });
  const link = `${path}-link`;
  symlinkSync(path, link);
  assert.deepEqual(openEndpoint({ netid: 'local', path: link }), { errno: 'EEXIST', reason: 'obstructed' });
  assert.ok(lstatSync(link).isSymbolicLink());
});

test('a live socket is reported as taken, and a stale one is replaced', async (t) => {
  const path = pathOf(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o666);
  assert.deepEqual(openEndpoint({ netid: 'local', path }), { errno: 'EADDRINUSE', reason: 'taken' });
  const left = opened(`${path}-left`);
  closeEndpoint({ ...left, file: undefined });
  assert.ok(existsSync(`${path}-left`));
  closeEndpoint(opened(`${path}-left`));
  await new Promise((resolve) => server.close(resolve));
});
