// Tests `portreeve portmap ping` against port mappers and programs on loopback.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import {
  type Behaviour,
  fakePortmap,
  message,
  success,
  tcpServer,
  udpServer,
} from '../../../test/support/rpc-server.ts';
import { run } from '../../main/program.ts';
import { portSuffix } from '../../wire/uaddr.ts';
import { ACCEPT, writeAccepted, writeProgMismatch } from '../wire/rpc.ts';
import type { Rpcb } from '../wire/rpcbind.ts';

/** mountd, as which the programs of the tests are registered. */
const MOUNTD = 100005;

/** A program with these versions, and procedure 0 only. */
function program(versions: readonly number[]): Behaviour {
  return (call, send) => {
    const { xid, version } = call.head;
    const range = [Math.min(...versions), Math.max(...versions)] as const;
    if (versions.includes(version)) send(success(call));
    else send(message((writer) => writeProgMismatch(writer, xid, ...range)));
  };
}

function registered(netid: 'tcp' | 'udp', port: number, host = '127.0.0.1'): Rpcb {
  return { program: MOUNTD, version: 3, netid, address: `${host}${portSuffix(port)}`, owner: 'superuser' };
}

/** A port mapper over TCP and UDP on one port. */
async function mapper(t: TestContext, ...entries: Rpcb[]): Promise<string> {
  const behave = fakePortmap({ versions: [2, 3, 4], entries });
  const { port } = await tcpServer(t, behave);
  const isBoth = await udpServer(t, behave, '127.0.0.1', port).then(
    () => true,
    () => false,
  );
  // Another process may hold the port over UDP: then try another one.
  return isBoth ? `127.0.0.1:${port}` : mapper(t, ...entries);
}

async function ping(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = capturedIo();
  const code = await run(['portmap', 'ping', ...args], io);
  return { code, stdout: io.stdout().replace(/\d+\.\d ms/g, 'N ms'), stderr: io.stderr() };
}

describe('a program that answers', () => {
  test('is called in each of its versions, but not in the gaps between them', async (t) => {
    const { port } = await tcpServer(t, program([1, 3]));
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd');
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        `program 100005 (mountd) version 1 at 127.0.0.1:${port}/tcp: ready, N ms`,
        `program 100005 (mountd) version 3 at 127.0.0.1:${port}/tcp: ready, N ms`,
        '',
      ].join('\n'),
    );
  });

  test('is called in one version', async (t) => {
    const { port } = await tcpServer(t, program([1, 3]));
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), '100005', '3');
    assert.equal(code, 0);
    assert.equal(stdout, `program 100005 (mountd) version 3 at 127.0.0.1:${port}/tcp: ready, N ms\n`);
  });

  test('is called over UDP if it is not registered over TCP, unless --tcp is given', async (t) => {
    const { port } = await udpServer(t, program([3]));
    const host = await mapper(t, registered('udp', port));
    for (const option of [[], ['--udp']]) {
      const { code, stdout } = await ping(host, 'mountd', ...option);
      assert.equal(code, 0);
      assert.equal(stdout, `program 100005 (mountd) version 3 at 127.0.0.1:${port}/udp: ready, N ms\n`);
    }
    const { code, stdout, stderr } = await ping(host, 'mountd', '--tcp');
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^portreeve: error\[\w+\]: program 100005 \(mountd\) is not registered at \S+ over tcp\n/,
    );
  });

  test('is called at the address of its port mapper if it is registered for every address', async (t) => {
    const { port } = await tcpServer(t, program([3]));
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port, '0.0.0.0')), 'mountd', '3');
    assert.equal(code, 0);
    assert.match(stdout, / at 127\.0\.0\.1:/);
  });

  test('is called on the host of its port mapper, not on this one, if it is registered for loopback', async (t) => {
    const there = '127.77.7.7';
    const { port } = await udpServer(t, program([3]), there);
    const entries = [registered('udp', port)];
    const portmap = await udpServer(t, fakePortmap({ versions: [4], entries }), there);
    const { code, stdout } = await ping(`${there}:${portmap.port}`, 'mountd', '3', '--udp');
    assert.equal(stdout, `program 100005 (mountd) version 3 at ${there}:${port}/udp: ready, N ms\n`);
    assert.equal(code, 0);
  });

  test('is not called in all versions if it accepts every version', async (t) => {
    const { port } = await tcpServer(t, (call, send) => send(success(call)));
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd');
    assert.equal(code, 0);
    assert.equal(stdout, `program 100005 (mountd) version 0 at 127.0.0.1:${port}/tcp: ready, N ms\n`);
  });

  test('is printed as an object for each version with --json', async (t) => {
    const { port } = await tcpServer(t, program([3]));
    const { stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd', '--json');
    const [{ milliseconds, ...rest }] = JSON.parse(stdout);
    assert.ok(milliseconds > 0);
    assert.deepEqual(rest, {
      program: MOUNTD,
      name: 'mountd',
      version: 3,
      protocol: 'tcp',
      host: '127.0.0.1',
      port,
      ready: true,
      error: null,
      low: null,
      high: null,
    });
  });
});

describe('a program that does not answer is exit code 1', () => {
  const mountdAt = (port: number, version = '') =>
    `program 100005 (mountd)${version} at 127.0.0.1:${port}/tcp:`;

  test('version not supported', async (t) => {
    const { port } = await tcpServer(t, program([1, 2, 3]));
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd', '9');
    assert.equal(code, 1);
    assert.equal(stdout, `${mountdAt(port, ' version 9')} version not supported (supported: 1-3)\n`);
  });

  test('another program at its address', async (t) => {
    const { port } = await tcpServer(t, (call, send) => {
      send(message((writer) => writeAccepted(writer, call.head.xid, ACCEPT.PROG_UNAVAIL)));
    });
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd');
    assert.equal(code, 1);
    assert.equal(stdout, `${mountdAt(port)} registered, but another program answers there\n`);
  });

  test('no server at its address', async (t) => {
    // The port is held at another address of loopback, so that no other process can bind it.
    const { port } = await udpServer(t, () => {}, '127.77.7.7');
    const { code, stdout } = await ping(await mapper(t, registered('udp', port)), 'mountd', '3');
    assert.equal(code, 1);
    assert.equal(
      stdout,
      `program 100005 (mountd) version 3 at 127.0.0.1:${port}/udp: registered, but not listening\n`,
    );
  });

  test('no answer at its address', async (t) => {
    const { port } = await tcpServer(t, () => {});
    const { code, stdout } = await ping(
      await mapper(t, registered('tcp', port)),
      'mountd',
      '3',
      '--timeout',
      '1',
    );
    assert.equal(code, 1);
    assert.equal(stdout, `${mountdAt(port, ' version 3')} registered, but no answer within 1 s\n`);
  });

  test('an implausible number of versions', async (t) => {
    const { port } = await tcpServer(t, (call, send) => {
      send(message((writer) => writeProgMismatch(writer, call.head.xid, 1, 4_000_000_000)));
    });
    const { code, stdout } = await ping(await mapper(t, registered('tcp', port)), 'mountd');
    assert.equal(code, 1);
    assert.equal(stdout, `${mountdAt(port)} version not supported (supported: 1-4000000000)\n`);
  });

  test('not registered', async (t) => {
    const { code, stderr } = await ping(await mapper(t), 'mountd');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^portreeve: error\[\w+\]: program 100005 \(mountd\) is not registered at \S+ over tcp or udp\n/,
    );
  });
});

test('a port mapper that does not answer is exit code 3', async (t) => {
  // Its port is held at another address of loopback, so that no other process can bind it.
  const host = (await mapper(t)).replace('127.0.0.1', '127.77.7.7');
  const { code, stderr } = await ping(host, 'mountd');
  assert.equal(code, 3);
  assert.match(stderr, /^portreeve: error\[\w+\]: no port mapper answers:\n.*\/tcp .*\n.*\/udp .*\n/);
});

describe('invalid arguments are exit code 2', () => {
  const wrong: Record<string, string[]> = {
    'no program': ['127.0.0.1'],
    'an unknown program': ['127.0.0.1', 'nosuch'],
    'an invalid program number': ['127.0.0.1', '4294967296'],
    'an invalid version': ['127.0.0.1', 'mountd', 'x'],
    'both transports': ['127.0.0.1', 'mountd', '--tcp', '--udp'],
    'a timeout of zero': ['127.0.0.1', 'mountd', '--timeout', '0'],
    'an invalid port': ['127.0.0.1:0', 'mountd'],
  };
  for (const [name, args] of Object.entries(wrong)) {
    test(name, async () => {
      const { code, stdout, stderr } = await ping(...args);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^portreeve: error\[\w+\]: .+\n.+\n$/);
    });
  }
});
