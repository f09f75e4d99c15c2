// Tests `portreeve portmap set` and `unset`: the requests, their target, and the output.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { type Behaviour, fakePortmap, localServer, success } from '../../../test/support/rpc-server.ts';
import { statusDaemon } from '../../../test/support/status-daemon.ts';
import { run } from '../../main/program.ts';
import { decodeRpcb, type Rpcb } from '../wire/rpcbind.ts';

interface Mapper {
  readonly path: string;
  /** The version, procedure and arguments of each SET and UNSET. */
  readonly changes: [version: number, procedure: number, rpcb: Rpcb][];
  readonly directory: string;
}

/** A port mapper on a Unix socket that answers each change with `answer`. */
async function mapper(t: TestContext, answer = true): Promise<Mapper> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  const changes: Mapper['changes'] = [];
  const behave: Behaviour = (call, send) => {
    changes.push([call.head.version, call.head.procedure, decodeRpcb(call.args)]);
    send(success(call, (writer) => writer.bool(answer)));
  };
  const { path } = await localServer(t, join(directory, 'rpcbind.sock'), behave);
  return { path, changes, directory };
}

async function portmap(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = capturedIo();
  const code = await run(['portmap', ...args], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

const rpcb = (netid: string, address: string): Rpcb => ({
  program: 100005,
  version: 3,
  netid,
  address,
  owner: '',
});

describe('set sends', () => {
  const cases: [netid: string, written: string, sent: string, shown: string][] = [
    ['tcp', '20048', '0.0.0.0.78.80', '0.0.0.0:20048'],
    ['udp6', '1', '::.0.1', '[::]:1'],
    ['udp', '192.0.2.7:65535', '192.0.2.7.255.255', '192.0.2.7:65535'],
    ['tcp6', '[2001:db8::7]:20048', '2001:db8::7.78.80', '[2001:db8::7]:20048'],
    ['tcp', '192.0.2.7.78.80', '192.0.2.7.78.80', '192.0.2.7:20048'],
    ['tcp6', '::1.78.80', '::1.78.80', '[::1]:20048'],
    ['local', '/run/mountd.sock', '/run/mountd.sock', '/run/mountd.sock'],
    ['local', '@mountd', '@mountd', '@mountd'],
  ];
  for (const [netid, written, sent, shown] of cases) {
    test(`${netid} ${written} as ${sent}`, async (t) => {
      const { path, changes } = await mapper(t);
      const { code, stdout } = await portmap('set', 'mountd', '3', netid, written, '--socket', path);
      assert.equal(code, 0);
      assert.equal(stdout, `registered program 100005 (mountd) version 3 at ${netid} ${shown}\n`);
      assert.deepEqual(changes, [[4, 1, rpcb(netid, sent)]]);
    });
  }
});

describe('set refuses without sending', () => {
  const cases: [netid: string, written: string, why: RegExp][] = [
    ['tcp', '0', /"0" is not an address of tcp\n.*2049/],
    ['tcp', '65536', /"65536" is not an address of tcp/],
    ['tcp', '127.0.0.1', /is not an address of tcp/],
    ['tcp', '127.0.0.1:0', /is not an address of tcp/],
    ['tcp', '127.0.0.1.300.5', /is not an address of tcp/],
    ['tcp', '[::1]:80', /is not an address of tcp/],
    ['tcp6', '127.0.0.1:80', /is not an address of tcp6\n.*\[2001:db8::7\]:2049/],
    ['udp', '/run/x', /is not an address of udp/],
    ['udp', 'localhost:80', /is not an address of udp/],
    ['local', '2049', /"2049" is not a Unix socket/],
    [
      'sctp',
      '2049',
      /'sctp' is invalid for argument 'netid'. Allowed choices are udp, tcp, udp6, tcp6, local/,
    ],
  ];
  for (const [netid, written, why] of cases) {
    test(`${netid} ${written}`, async (t) => {
      const { path, changes } = await mapper(t);
      const { code, stderr } = await portmap('set', '100005', '3', netid, written, '--socket', path);
      assert.equal(code, 2);
      assert.match(stderr, why);
      assert.deepEqual(changes, []);
    });
  }
});

test('unset sends one transport, or all of them', async (t) => {
  const { path, changes } = await mapper(t);
  const one = await portmap('unset', '100005', '3', 'tcp', '--socket', path);
  assert.deepEqual([one.code, one.stdout], [0, 'unregistered program 100005 (mountd) version 3 at tcp\n']);
  const all = await portmap('unset', '100005', '3', '--socket', path);
  assert.deepEqual([all.code, all.stdout], [0, 'unregistered program 100005 (mountd) version 3\n']);
  assert.deepEqual(changes, [
    [4, 2, rpcb('tcp', '')],
    [4, 2, rpcb('', '')],
  ]);
});

test('a refusal by the port mapper is exit code 1, with a hint where the reason is', async (t) => {
  const { path } = await mapper(t, false);
  for (const args of [
    ['set', '100005', '3', 'tcp', '20048'],
    ['unset', '100005', '3'],
  ]) {
    const { code, stdout, stderr } = await portmap(...args, '--socket', path);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^portreeve: error\[\w+\]: the port mapper .*100005.*\n.*portreeve status.*\n$/);
  }
});

test('--dry-run prints the request and does not send it', async (t) => {
  const { path, changes } = await mapper(t);
  const set = await portmap('set', 'mountd', '3', 'udp', '20048', '--socket', path, '--dry-run');
  assert.deepEqual([set.code, set.stdout], [0, `would send to ${path}: SET 100005 3 udp "0.0.0.0.78.80"\n`]);
  const unset = await portmap('unset', 'mountd', '3', '--socket', path, '--dry-run');
  assert.deepEqual([unset.code, unset.stdout], [0, `would send to ${path}: UNSET 100005 3 ""\n`]);
  assert.deepEqual(changes, []);
});

test('version 3 is used if there is no version 4; version 2 cannot register an address', async (t) => {
  const directory = (await mapper(t)).directory;
  const entries: Rpcb[] = [];
  const old = await localServer(t, join(directory, 'v3'), fakePortmap({ versions: [2, 3], entries }));
  assert.equal((await portmap('set', '100005', '3', 'tcp6', '20048', '--socket', old.path)).code, 0);
  assert.deepEqual(entries, [rpcb('tcp6', '::.78.80')]);
  const older = await localServer(t, join(directory, 'v2'), fakePortmap({ versions: [2], entries }));
  assert.equal((await portmap('set', '100005', '3', 'tcp6', '20048', '--socket', older.path)).code, 1);
});

test('without --socket, the socket of the running daemon is used, else the usual one', async (t) => {
  const { path, changes, directory } = await mapper(t);
  const sockets = [
    { netid: 'tcp', endpoint: '127.0.0.1:111' },
    { netid: 'local', endpoint: path },
  ] as const;
  const env = await statusDaemon(t, directory, { sockets });
  const io = capturedIo({ env, uid: process.getuid?.() || 1 });
  assert.equal(await run(['portmap', 'unset', '100005', '3'], io), 0);
  assert.equal(changes.length, 1);
});

test('no server on the socket is exit code 3', async (t) => {
  const { directory } = await mapper(t);
  const { code, stderr } = await portmap('unset', '1', '1', '--socket', join(directory, 'none'));
  assert.equal(code, 3);
  assert.match(stderr, /no server is listening on .*none \(ENOENT\)/);
});
