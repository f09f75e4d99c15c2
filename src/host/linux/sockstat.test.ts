// Tests of reading the kernel's count of IPv6 UDP sockets.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { parseDecimal } from '../../base/port.ts';
import { Ipv6DatagramCount } from './sockstat.ts';

function counting(t: TestContext, own: number, path?: string): Ipv6DatagramCount {
  const count = new Ipv6DatagramCount(own, path);
  t.after(() => count.close());
  return count;
}

/** A file with this content. */
function fileWith(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-sockstat-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'sockstat6');
  writeFileSync(path, text);
  return path;
}

test('there are others if the count exceeds our own', (t) => {
  const path = fileWith(t, 'TCP6: inuse 7\nUDP6: inuse 12\nUDPLITE6: inuse 99\n');
  const others = [11, 12, 13].map((own) => counting(t, own, path).hasOthers());
  assert.deepEqual(others, [true, false, true]);
});

test('there are others if the count is unknown', (t) => {
  for (const text of [
    '',
    'TCP6: inuse 7\n',
    'UDP6: inuse ',
    'UDP6: inuse 0',
    'UDP6: inuse \n',
    'UDP6: inuse x\n',
  ]) {
    assert.equal(counting(t, 0, fileWith(t, text)).hasOthers(), true, text);
  }
  assert.equal(counting(t, 0, '/proc/no-such-file').hasOthers(), true);
});

test('a socket counts from bind to close', async (t) => {
  if (!needs(t, probe.ipv6())) return;
  const inUse = /^UDP6: inuse (\d+)$/m.exec(readFileSync('/proc/net/sockstat6', 'latin1'))?.[1];
  const count = counting(t, parseDecimal(inUse ?? '', 65535) ?? assert.fail());
  assert.equal(count.hasOthers(), false);
  const socket = createSocket('udp6').bind(0, '::1');
  await once(socket, 'listening');
  assert.equal(count.hasOthers(), true);
  socket.close();
  await once(socket, 'close');
  assert.equal(count.hasOthers(), false);
});
