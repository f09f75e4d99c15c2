/** Tests that Debian's rpcinfo shows the same for portreeve as for rpcbind. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rpcinfo, setup, squeezed } from '../support/portmap.ts';
import { kernelIpv6 } from '../support/sandbox.ts';

const PORTMAPPER = [
  '100000 2 tcp 111 portmapper',
  '100000 2 udp 111 portmapper',
  '100000 3 tcp 111 portmapper',
  '100000 3 udp 111 portmapper',
  '100000 4 tcp 111 portmapper',
  '100000 4 udp 111 portmapper',
];

/** Program, version, netid, any address that accepts loopback, service, owner. */
const PORTMAPPER_RPCB = [
  '100000 2 tcp 127.0.0.1 portmapper superuser',
  '100000 2 udp 127.0.0.1 portmapper superuser',
  '100000 3 local /run/rpcbind.sock portmapper superuser',
  '100000 3 tcp 127.0.0.1 portmapper superuser',
  '100000 3 tcp6 ::1 portmapper superuser',
  '100000 3 udp 127.0.0.1 portmapper superuser',
  '100000 3 udp6 ::1 portmapper superuser',
  '100000 4 local /run/rpcbind.sock portmapper superuser',
  '100000 4 tcp 127.0.0.1 portmapper superuser',
  '100000 4 tcp6 ::1 portmapper superuser',
  '100000 4 udp 127.0.0.1 portmapper superuser',
  '100000 4 udp6 ::1 portmapper superuser',
];

/** The entries of rpcbind itself have the wildcard address, those of a port mapper on loopback have loopback. */
function withoutBinding(row: string): string {
  return row
    .replace(/ (?:0\.0\.0\.0|127\.0\.0\.1)\.0\.111 /, ' 127.0.0.1 ')
    .replace(/ (?:::|::1)\.0\.111 /, ' ::1 ');
}

describe('rpcinfo lists', () => {
  test('the mappings of version 2, by Unix socket and by address (-p)', async (t) => {
    const at = await setup(t, { probes: [kernelIpv6()] });
    if (at === undefined) return;
    for (const host of [[], ['127.0.0.1'], ['::1']]) {
      assert.deepEqual((await rpcinfo(at.sandbox, '-p', ...host)).sort(), PORTMAPPER, `host ${host}`);
    }
  });

  test('the mappings of version 3, by Unix socket and by address', async (t) => {
    const at = await setup(t, { probes: [kernelIpv6()] });
    if (at === undefined) return;
    for (const host of [[], ['127.0.0.1'], ['::1']]) {
      const rows = await rpcinfo(at.sandbox, ...host);
      assert.deepEqual(rows.map(withoutBinding).sort(), PORTMAPPER_RPCB, `host ${host}`);
    }
  });

  test('one line per program (-s)', async (t) => {
    const at = await setup(t, { probes: [kernelIpv6()] });
    if (at === undefined) return;
    for (const host of [[], ['127.0.0.1'], ['::1']]) {
      const rows = await rpcinfo(at.sandbox, '-s', ...host);
      const [program, versions, netids = '', ...rest] = rows[0]?.split(' ') ?? [];
      assert.equal(rows.length, 1);
      assert.deepEqual([program, versions, ...rest], ['100000', '2,3,4', 'portmapper', 'superuser']);
      assert.deepEqual(netids.split(',').sort(), ['local', 'tcp', 'tcp6', 'udp', 'udp6']);
    }
  });

  test('the addresses of one program for the family of the call (-l)', async (t) => {
    const at = await setup(t, { probes: [kernelIpv6()] });
    if (at === undefined) return;
    assert.deepEqual((await rpcinfo(at.sandbox, '-l', '127.0.0.1', '100000', '3')).sort(), [
      '100000 3 inet/tcp/cots_ord 127.0.0.1.0.111 portmapper',
      '100000 3 inet/udp/clts 127.0.0.1.0.111 portmapper',
    ]);
    assert.deepEqual((await rpcinfo(at.sandbox, '-l', '::1', '100000', '4')).sort(), [
      '100000 4 inet6/tcp/cots_ord ::1.0.111 portmapper',
      '100000 4 inet6/udp/clts ::1.0.111 portmapper',
    ]);
  });
});

describe('rpcinfo calls procedure 0', () => {
  const READY = [2, 3, 4].map((version) => `program 100000 version ${version} ready and waiting`);

  test('of every version, with the range from PROG_MISMATCH (-u, -t)', async (t) => {
    const at = await setup(t);
    if (at === undefined) return;
    for (const flag of ['-u', '-t']) {
      const { code, stdout } = await at.sandbox.run(['rpcinfo', flag, '127.0.0.1', '100000']);
      assert.equal(code, 0);
      assert.deepEqual(stdout.trimEnd().split('\n'), READY);
    }
  });

  test('of one version, on a given transport (-T) and at a given address (-a)', async (t) => {
    const at = await setup(t, { probes: [kernelIpv6()] });
    if (at === undefined) return;
    const calls = [
      ['-t', '127.0.0.1', '100000', '4'],
      ['-u', '127.0.0.1', '100000', '4'],
      ['-T', 'tcp', '127.0.0.1', '100000', '4'],
      ['-T', 'tcp6', '::1', '100000', '4'],
      ['-T', 'udp6', '::1', '100000', '4'],
      ['-a', '127.0.0.1.0.111', '-T', 'tcp', '100000', '4'],
      ['-a', '127.0.0.1.0.111', '-T', 'udp', '100000', '4'],
      ['-a', '::1.0.111', '-T', 'tcp6', '100000', '4'],
    ];
    for (const args of calls) {
      const { code, stdout } = await at.sandbox.run(['rpcinfo', ...args]);
      assert.deepEqual([args, code, stdout], [args, 0, 'program 100000 version 4 ready and waiting\n']);
    }
  });

  test('of a missing version and a missing program, and reports that', async (t) => {
    const at = await setup(t);
    if (at === undefined) return;
    const version = await at.sandbox.run(['rpcinfo', '-t', '127.0.0.1', '100000', '9']);
    assert.equal(version.code, 1);
    assert.match(version.stderr, /RPC: Program\/version mismatch; low version = 2, high version = 4/);
    const program = await at.sandbox.run(['rpcinfo', '-t', '127.0.0.1', '100005']);
    assert.equal(program.code, 1);
    assert.match(program.stderr, /RPC: Program not registered/);
  });
});

/** The tables of `rpcinfo -m`: the calls of each procedure and version, in part as "successes/all". */
function callCounts(stdout: string): Map<string, string> {
  const counts = new Map<string, string>();
  let version = '';
  let names: string[] = [];
  for (const line of stdout.split('\n').map(squeezed)) {
    version = /\(version (\d)\) statistics/.exec(line)?.[1] ?? version;
    if (/^[A-Z\d]+( [A-Z\d]+)+$/.test(line) && /[A-Z]/.test(line)) names = line.split(' ');
    else if (/^[\d/]+( [\d/]+)+$/.test(line)) {
      for (const [index, count] of line.split(' ').entries())
        counts.set(`v${version} ${names[index]}`, count);
    }
  }
  return counts;
}

test('rpcinfo -m shows separate counters for each version', async (t) => {
  const at = await setup(t);
  if (at === undefined) return;
  // rpcinfo -p looks up version 2 by GETADDR of version 4, then calls its DUMP; no other call here does that.
  await rpcinfo(at.sandbox, '-p', '127.0.0.1');
  const counted = async () => {
    const { stdout } = await at.sandbox.run(['rpcinfo', '-m', '127.0.0.1']);
    assert.ok(stdout.split('\n').map(squeezed).includes('portmapper 2 tcp 1 0'), stdout);
    const counts = callCounts(stdout);
    return ['v2 DUMP', 'v2 GETPORT', 'v4 GETADDR', 'v4 DUMP', 'v4 GETSTAT'].map((name) => counts.get(name));
  };
  assert.deepEqual(await counted(), ['1', '0/0', '1/1', '0', '1']);
  assert.deepEqual(await counted(), ['1', '0/0', '1/1', '0', '2']);
});
