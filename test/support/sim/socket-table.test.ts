// Tests of the simulated socket table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetId } from '../../../src/base/netid.ts';
import { ip } from '../service.ts';
import { SimSocketTable } from './socket-table.ts';

test('a socket is found by address or wildcard, transport and port, until it is closed', () => {
  const table = new SimSocketTable();
  const at = (netid: Exclude<NetId, 'local'>, address: string, port = 2049) =>
    table.at(netid, ip(address), port).map(({ uid }) => uid);
  table.open({ netid: 'udp', address: '127.0.0.2', port: 2049, uid: 1 });
  const all = table.open({ netid: 'udp', port: 2049, uid: 2 });
  table.open({ netid: 'udp6', port: 2049, uid: 3, takesIpv4: true });
  assert.deepEqual(at('udp', '127.0.0.2'), [1, 2, 3]);
  assert.deepEqual(at('udp', '127.0.0.3'), [2, 3]);
  assert.deepEqual(at('udp', '0.0.0.0'), [1, 2, 3]);
  assert.deepEqual(at('udp6', '::1'), [3]);
  assert.deepEqual([at('tcp', '127.0.0.2'), at('udp', '127.0.0.2', 2050)], [[], []]);
  all.close();
  assert.deepEqual(at('udp', '127.0.0.2'), [1, 3]);
});

test('each socket has a separate inode', () => {
  const table = new SimSocketTable();
  const inodes = [1, 2].map((port) => table.open({ netid: 'tcp', port, uid: 0 }).inode);
  assert.notEqual(inodes[0], inodes[1]);
  assert.deepEqual(table.at('tcp', ip('127.0.0.1'), 1), [{ uid: 0, inode: inodes[0] }]);
});
