// Tests `portreeve portmap find` against port mappers on loopback that have a program, lack it, or do not answer.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import {
  type Behaviour,
  fakePortmap,
  localServer,
  tcpServer,
  udpServer,
} from '../../../test/support/rpc-server.ts';
import { run } from '../../main/program.ts';
import type { Rpcb } from '../wire/rpcbind.ts';

const entry = (netid: string, address: string): Rpcb => {
  return { program: 100005, version: 3, netid, address, owner: '' };
};
const HAS_IT = [entry('tcp', '0.0.0.0.78.80'), entry('udp', '0.0.0.0.78.81')];

/** A host, given by its port mapper over TCP. */
async function host(t: TestContext, entries: Rpcb[], versions = [2, 3, 4]): Promise<string> {
  return `127.0.0.1:${(await tcpServer(t, fakePortmap({ versions, entries }))).port}`;
}

/** A host that accepts connections and never answers. */
async function silentHost(t: TestContext): Promise<string> {
  return `127.0.0.1:${(await tcpServer(t, () => {})).port}`;
}

/** A port of loopback on which no socket listens. */
const NOBODY = '127.0.0.1:1';

async function find(...args: string[]): Promise<{ code: number; rows: string[][]; stderr: string }> {
  const io = capturedIo();
  const code = await run(['portmap', 'find', ...args], io);
  const lines = io.stdout().trimEnd().split('\n').slice(1);
  return { code, rows: lines.map((line) => line.split(/ {2,}/)), stderr: io.stderr() };
}

test('prints a line for each host, in the order of the arguments', async (t) => {
  const [has, lacks, silent] = [await host(t, HAS_IT), await host(t, []), await silentHost(t)];
  const { code, rows } = await find('mountd', lacks, silent, has, '--tcp', '--timeout', '1');
  assert.equal(code, 0);
  assert.deepEqual(rows, [
    [lacks, 'not registered'],
    [silent, `no answer: no answer from ${silent}/tcp within 1000 ms`],
    [has, '127.0.0.1:20048/tcp'],
  ]);
});

test('queries all hosts over all protocols in parallel', async (t) => {
  const hosts = 8;
  const queried = new Set<string>();
  const held: (() => void)[] = [];
  const answer = fakePortmap({ versions: [2, 3, 4], entries: HAS_IT });
  // No port mapper answers before all were queried.
  const gate =
    (name: string): Behaviour =>
    (...call) => {
      queried.add(name);
      held.push(() => answer(...call));
      if (queried.size === 2 * hosts) for (const release of held.splice(0)) release();
    };
  const names: string[] = [];
  for (let i = 0; i < hosts; i++) {
    const { port } = await tcpServer(t, gate(`${i}/tcp`));
    await udpServer(t, gate(`${i}/udp`), '127.0.0.1', port);
    names.push(`127.0.0.1:${port}`);
  }
  const { code, rows } = await find('mountd', ...names, '--timeout', '5');
  assert.equal(code, 0);
  assert.equal(rows.filter(([, found]) => found === '127.0.0.1:20048/tcp').length, hosts);
});

test('exits with 0 if at least one host has it, 1 if none has it, 3 if none answered', async (t) => {
  const [has, lacks, absent] = [await host(t, HAS_IT), await host(t, []), NOBODY];
  const cases: [string[], number][] = [
    [[has], 0],
    [[absent, lacks, has], 0],
    [[lacks], 1],
    [[lacks, absent], 1],
    [[absent], 3],
  ];
  for (const [hosts, expected] of cases) {
    const { code } = await find('mountd', ...hosts, '--tcp');
    assert.equal(code, expected, hosts.join(' '));
  }
});

describe('over UDP', () => {
  test('is used if the program is not registered over TCP', async (t) => {
    const only = [entry('udp', '0.0.0.0.78.81')];
    const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries: only }));
    await udpServer(t, fakePortmap({ versions: [4], entries: only }), '127.0.0.1', port);
    assert.deepEqual((await find('mountd', `127.0.0.1:${port}`)).rows[0]?.[1], '127.0.0.1:20049/udp');
    const onlyTcp = await find('mountd', `127.0.0.1:${port}`, '--tcp');
    assert.deepEqual([onlyTcp.code, onlyTcp.rows[0]?.[1]], [1, 'not registered']);
  });

  test('is used alone with --udp', async (t) => {
    const { port } = await udpServer(t, fakePortmap({ versions: [4], entries: HAS_IT }));
    assert.deepEqual(
      (await find('mountd', `127.0.0.1:${port}`, '--udp')).rows[0]?.[1],
      '127.0.0.1:20049/udp',
    );
  });
});

test('supports a port mapper of version 2, and one on a Unix socket', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  const { path } = await localServer(
    t,
    join(directory, 's'),
    fakePortmap({ versions: [2, 3, 4], entries: HAS_IT }),
  );
  const { rows } = await find('100005', await host(t, HAS_IT, [2]), path, '--tcp');
  assert.deepEqual(
    rows.map(([, address]) => address),
    ['127.0.0.1:20048/tcp', '127.0.0.1:20048/tcp'],
  );
});

test('reports a name that cannot be resolved as a host that does not answer', async (t) => {
  const { code, rows } = await find('mountd', 'nosuch.invalid', await host(t, HAS_IT), '--tcp');
  assert.equal(code, 0);
  assert.match(rows[0]?.join(' ') ?? '', /^nosuch\.invalid no answer: cannot resolve nosuch\.invalid/);
});

test('prints an object for each host with --json', async (t) => {
  const [has, lacks, absent] = [await host(t, HAS_IT), await host(t, []), NOBODY];
  const io = capturedIo();
  const hosts = [has, lacks, absent];
  assert.equal(await run(['portmap', 'find', 'mountd', ...hosts, '--tcp', '--json'], io), 0);
  const common = { program: 100005, name: 'mountd' };
  const none = { protocol: null, address: null, port: null, error: null };
  assert.deepEqual(JSON.parse(io.stdout()), [
    {
      ...common,
      host: has,
      state: 'registered',
      protocol: 'tcp',
      address: '127.0.0.1',
      port: 20048,
      error: null,
    },
    { ...common, host: lacks, state: 'not registered', ...none },
    {
      ...common,
      host: absent,
      state: 'no answer',
      ...none,
      error: `no server is listening on ${absent}/tcp (ECONNREFUSED)`,
    },
  ]);
});

test('refuses invalid hosts and programs before any query', async (t) => {
  const has = await host(t, HAS_IT);
  for (const args of [
    ['mountd', has, 'a b'],
    ['nosuch', has],
    ['mountd'],
    ['mountd', has, '--udp', '--tcp'],
  ]) {
    const { code, rows, stderr } = await find(...args);
    assert.deepEqual([code, rows], [2, []], args.join(' '));
    assert.match(stderr, /^portreeve: error\[\w+\]: /);
  }
});
