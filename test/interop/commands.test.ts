/** Tests the commands of `portreeve portmap` against portreeve or rpcbind, with Debian's mountd. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PEERS, portreeve } from '../support/daemon.ts';
import { startMountd } from '../support/nfs.ts';
import { KIND, setup } from '../support/portmap.ts';
import { kernelIpv6 } from '../support/sandbox.ts';

test('find queries hosts by every kind of address', async (t) => {
  const addresses = ['192.0.2.1/24'];
  const at = await setup(t, { addresses, listen: ['192.0.2.1'], probes: [kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const hosts = ['127.0.0.1', '::1', '192.0.2.1', '/run/rpcbind.sock', '127.0.0.1:1'];
  const { code, stdout } = await portreeve(at.sandbox, ['portmap', 'find', 'mountd', ...hosts]);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['HOST', 'ADDRESS'],
      ['127.0.0.1', '127.0.0.1:20048/tcp'],
      ['::1', '[::1]:20048/tcp'],
      ['192.0.2.1', '192.0.2.1:20048/tcp'],
      ['/run/rpcbind.sock', '127.0.0.1:20048/tcp'],
      ['127.0.0.1:1', 'no answer: no server is listening on 127.0.0.1:1/tcp (ECONNREFUSED)'],
    ],
  );
  assert.equal((await portreeve(at.sandbox, ['portmap', 'find', 'nfs', '127.0.0.1', '::1'])).code, 1);
});

test('set and unset are made as the calling user, and counted by stats', async (t) => {
  const at = await setup(t);
  if (at === undefined) return;
  const listen = "require('net').createServer().listen(7001, () => console.log('listening'))";
  const server = at.sandbox.start([process.execPath, '-e', listen], { uid: 1000, env: NO_PEERS });
  await server.waitForOutput(/listening/);
  const portmap = async (uid: number, ...args: string[]) =>
    (await portreeve(at.sandbox, ['portmap', ...args], { uid })).code;
  const owned = async () => {
    const { stdout } = await portreeve(at.sandbox, ['portmap', 'list', '/run/rpcbind.sock', '--json']);
    const mappings: { program: number; port: number; owner: string }[] = JSON.parse(stdout);
    return mappings
      .filter(({ program }) => program === 536870913)
      .map(({ port, owner }) => `${port} ${owner}`);
  };

  assert.equal(await portmap(1000, 'set', '536870913', '1', 'tcp', '7001', '--dry-run'), 0);
  assert.deepEqual(await owned(), []);
  assert.equal(await portmap(1000, 'set', '536870913', '1', 'tcp', '7001'), 0);
  assert.deepEqual(await owned(), ['7001 1000']);
  assert.equal(await portmap(1001, 'unset', '536870913', '1'), 1);
  assert.deepEqual(await owned(), ['7001 1000']);
  assert.equal(await portmap(1000, 'unset', '536870913', '1', 'tcp'), 0);
  assert.deepEqual(await owned(), []);

  const { stdout } = await portreeve(at.sandbox, ['portmap', 'stats', '/run/rpcbind.sock', '--json']);
  const [, , four] = JSON.parse(stdout);
  assert.deepEqual([four.calls.SET, four.calls.UNSET, four.sets, four.unsets], [1, 2, 1, 1]);
  if (KIND === 'portreeve') {
    const status = await portreeve(at.sandbox, ['status']);
    assert.match(status.stdout, /RECENTLY REFUSED\n.*uid 1001.*536870913/);
  }
});
