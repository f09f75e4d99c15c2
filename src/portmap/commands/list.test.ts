// Tests `portreeve portmap list` against port mappers on loopback.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { fakePortmap, localServer, tcpServer } from '../../../test/support/rpc-server.ts';
import { statusDaemon } from '../../../test/support/status-daemon.ts';
import { run } from '../../main/program.ts';
import type { Rpcb } from '../wire/rpcbind.ts';
import { versionsText } from './versions.ts';

const entry = (
  program: number,
  version: number,
  netid: string,
  address: string,
  owner = 'superuser',
): Rpcb => {
  return { program, version, netid, address, owner };
};

const ENTRIES: readonly Rpcb[] = [
  entry(536870913, 1, 'udp', '127.0.0.1.200.1', '1000'),
  ...[4, 3].map((version) => entry(100000, version, 'local', '/run/rpcbind.sock')),
  ...[4, 3, 2].map((version) => entry(100000, version, 'tcp', '127.0.0.1.0.111')),
  entry(100005, 1, 'tcp6', '::1.78.80'),
  entry(100005, 3, 'tcp6', '::1.78.80'),
];

const TABLE = [
  '  PROGRAM  NAME        VERSIONS  NETID  ADDRESS            OWNER',
  '   100000  portmapper  2-4       tcp    127.0.0.1:111      superuser',
  '   100000  portmapper  3-4       local  /run/rpcbind.sock  superuser',
  '   100005  mountd      1,3       tcp6   [::1]:20048        superuser',
  '536870913  -           1         udp    127.0.0.1:51201    1000',
  '',
].join('\n');

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('prints a line for each program, transport and address, with its versions combined', async (t) => {
  const { port } = await tcpServer(t, fakePortmap({ versions: [2, 3, 4], entries: [...ENTRIES] }));
  const io = capturedIo();
  assert.equal(await run(['portmap', 'list', `127.0.0.1:${port}`], io), 0);
  assert.equal(io.stdout(), TABLE);
  assert.equal(io.stderr(), '');
});

test('prints an object for each registration with --json', async (t) => {
  const entries = [entry(100005, 3, 'udp', '192.0.2.7.78.80'), entry(1, 1, 'local', '@name')];
  const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries }));
  const io = capturedIo();
  assert.equal(await run(['portmap', 'list', `127.0.0.1:${port}`, '--json'], io), 0);
  assert.deepEqual(JSON.parse(io.stdout()), [
    {
      program: 100005,
      name: 'mountd',
      version: 3,
      netid: 'udp',
      address: '192.0.2.7.78.80',
      host: '192.0.2.7',
      port: 20048,
      owner: 'superuser',
    },
    {
      program: 1,
      name: null,
      version: 1,
      netid: 'local',
      address: '@name',
      host: null,
      port: null,
      owner: 'superuser',
    },
  ]);
});

test('prints no owners for a port mapper of version 2', async (t) => {
  const entries = [entry(100005, 3, 'udp', '192.0.2.7.78.80')];
  const { port } = await tcpServer(t, fakePortmap({ versions: [2], entries }));
  const io = capturedIo();
  assert.equal(await run(['portmap', 'list', `127.0.0.1:${port}`], io), 0);
  assert.equal(
    io.stdout(),
    [
      'PROGRAM  NAME    VERSIONS  NETID  ADDRESS        OWNER', //
      ' 100005  mountd  3         udp    0.0.0.0:20048  -',
      '',
    ].join('\n'),
  );
});

test('escapes control characters in the answers of a server', async (t) => {
  const entries = [entry(100005, 3, '\x1b[2J', '\x1b]0;x\x07', '\x1b[31m')];
  const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries }));
  for (const option of [[], ['--json']]) {
    const io = capturedIo();
    await run(['portmap', 'list', `127.0.0.1:${port}`, ...option], io);
    assert.match(io.stdout(), /\[31m/);
    assert.doesNotMatch(io.stdout(), /[^\P{Cc}\n]/u);
  }
});

describe('without a host', () => {
  test('queries the running daemon first, over its Unix socket', async (t) => {
    const runtime = await directoryOf(t);
    const { path } = await localServer(
      t,
      join(runtime, 'rpcbind.sock'),
      fakePortmap({ versions: [4], entries: [...ENTRIES] }),
    );
    const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries: [] }));
    const env = await statusDaemon(t, runtime, {
      sockets: [
        { netid: 'tcp', endpoint: `127.0.0.1:${port}` },
        { netid: 'local', endpoint: path },
      ],
    });
    const io = capturedIo({ env, uid: 1 });
    assert.equal(await run(['portmap', 'list'], io), 0);
    assert.equal(io.stdout(), TABLE);
  });

  test('queries its TCP endpoint next', async (t) => {
    const runtime = await directoryOf(t);
    const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries: [...ENTRIES] }));
    const env = await statusDaemon(t, runtime, {
      sockets: [
        { netid: 'udp', endpoint: `127.0.0.1:${port}` },
        { netid: 'tcp', endpoint: `127.0.0.1:${port}` },
        { netid: 'local', endpoint: join(runtime, 'gone') },
      ],
    });
    const io = capturedIo({ env, uid: 1 });
    assert.equal(await run(['portmap', 'list'], io), 0);
    assert.equal(io.stdout(), TABLE);
  });
});

test('exits with 3 and lists all attempts if no port mapper answers', async (t) => {
  const path = join(await directoryOf(t), 'none');
  const io = capturedIo();
  assert.equal(await run(['portmap', 'list', path], io), 3);
  assert.equal(io.stdout(), '');
  assert.match(
    io.stderr(),
    /^portreeve: error\[\w+\]: no port mapper .*:\n {2}no server is listening on .*none \(ENOENT\)\n.+\n$/,
  );
});

test('consecutive versions are combined', () => {
  const cases: [number[], string][] = [
    [[3], '3'],
    [[4, 2, 3], '2-4'],
    [[1, 2, 2], '1-2'],
    [[1, 3, 4, 5, 9], '1,3-5,9'],
    [[0, 4294967295], '0,4294967295'],
  ];
  for (const [versions, text] of cases) assert.equal(versionsText(versions), text);
});
