/** Tests that nmap identifies the port mapper as rpcbind and reads its list. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStatd } from '../support/nfs.ts';
import { setup, squeezed } from '../support/portmap.ts';
import { kernelIpv6, type Sandbox } from '../support/sandbox.ts';

const SCAN_MS = 60_000;

async function nmap(sandbox: Sandbox, ...args: string[]): Promise<string[]> {
  const argv = ['nmap', '-n', '-Pn', '--host-timeout', `${SCAN_MS}ms`, ...args];
  const { code, stdout, stderr } = await sandbox.run(argv, { timeout: SCAN_MS });
  assert.equal(code, 0, stderr);
  return stdout.split('\n').map((line) => squeezed(line.replace(/^\|_?/, '')));
}

/** The output of its script: DUMP of versions 3 and 4, merged by program, port and protocol. */
const LISTED = [
  '100000 2,3,4 111/tcp rpcbind',
  '100000 2,3,4 111/udp rpcbind',
  '100000 3,4 111/tcp6 rpcbind',
  '100000 3,4 111/udp6 rpcbind',
  '100024 1 32765/tcp status',
  '100024 1 32765/tcp6 status',
  '100024 1 32765/udp status',
  '100024 1 32765/udp6 status',
];

test("nmap's rpcinfo script reads the list over UDP, TCP and IPv6", async (t) => {
  const at = await setup(t, { probes: [kernelIpv6()] });
  if (at === undefined) return;
  await startStatd(at.sandbox);
  for (const scan of [
    ['-sU', '127.0.0.1'],
    ['-sT', '127.0.0.1'],
    ['-sT', '-6', '::1'],
  ]) {
    const lines = await nmap(at.sandbox, '-p111', '--script', 'rpcinfo', ...scan);
    const listed = lines.filter((line) => /^1000\d\d /.test(line));
    assert.deepEqual(listed.sort(), LISTED, `${scan}`);
  }
});

test('nmap -sV reports the versions of the port mapper', async (t) => {
  const at = await setup(t);
  if (at === undefined) return;
  const lines = await nmap(at.sandbox, '-sV', '-p111', '127.0.0.1');
  assert.ok(lines.includes('111/tcp open rpcbind 2-4 (RPC #100000)'), lines.join('\n'));
});
