// Tests the port mapper client against port mappers of every version.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { encodeRpcbEntry } from '../../../test/support/other-half.ts';
import {
  type Behaviour,
  fakePortmap,
  success,
  tcpServer,
  udpServer,
} from '../../../test/support/rpc-server.ts';
import { encodeList } from '../wire/portmap.ts';
import { encodeRpcbStat, type Rpcb } from '../wire/rpcbind.ts';
import { Portmap } from './portmap.ts';

const MOUNTD: Rpcb = {
  program: 100005,
  version: 3,
  netid: 'udp',
  address: '192.0.2.7.78.80',
  owner: 'superuser',
};
const STATUS: Rpcb = { program: 100024, version: 1, netid: 'tcp', address: '0.0.0.0.127.253', owner: '103' };

async function portmapOf(t: TestContext, behave: Behaviour, serve = tcpServer): Promise<Portmap> {
  const portmap = new Portmap(await serve(t, behave));
  t.after(() => portmap.close());
  return portmap;
}

/** Version 2 has only ports, and no owner. */
const AGES: readonly [name: string, versions: number[], isRpcbind: boolean][] = [
  ['rpcbind of version 4', [2, 3, 4], true],
  ['rpcbind of version 3', [2, 3], true],
  ['a port mapper of version 2', [2], false],
];

for (const [name, versions, isRpcbind] of AGES) {
  describe(name, () => {
    const seen = (entry: Rpcb) =>
      isRpcbind
        ? entry
        : { ...entry, address: entry.address.replace(/^\d+\.\d+\.\d+\.\d+/, '0.0.0.0'), owner: undefined };

    test('answers', async (t) => {
      await (await portmapOf(t, fakePortmap({ versions, entries: [] }))).ping();
    });

    test('lists', async (t) => {
      const portmap = await portmapOf(t, fakePortmap({ versions, entries: [MOUNTD, STATUS] }));
      assert.deepEqual(await portmap.dump(), [seen(MOUNTD), seen(STATUS)]);
    });

    test('looks up a port, over UDP as well', async (t) => {
      const portmap = await portmapOf(t, fakePortmap({ versions, entries: [MOUNTD] }), udpServer);
      assert.equal(await portmap.getPort(100005, 3, 'udp'), 20048);
      assert.equal(await portmap.getPort(100005, 3, 'tcp'), undefined);
    });

    test('looks up an address', async (t) => {
      const portmap = await portmapOf(t, fakePortmap({ versions, entries: [MOUNTD] }));
      assert.equal(await portmap.getAddr(100005, 3, 'udp'), seen(MOUNTD).address);
      assert.equal(await portmap.getAddr(100005, 3, 'tcp'), undefined);
    });

    test('registers and unregisters', async (t) => {
      const entries: Rpcb[] = [];
      const portmap = await portmapOf(t, fakePortmap({ versions, entries }));
      const { owner: _owner, ...entry } = MOUNTD;
      assert.equal(await portmap.set(entry), true);
      assert.deepEqual(entries, [{ ...seen(MOUNTD), owner: '' }]);
      assert.equal(await portmap.unset({ program: 100005, version: 3 }), true);
      assert.deepEqual(entries, []);
    });
  });
}

describe('a call that version 2 does not support fails with the supported versions', () => {
  const unsupported: readonly [name: string, call: (portmap: Portmap) => Promise<unknown>][] = [
    ['the time', (portmap) => portmap.getTime()],
    ['an address list', (portmap) => portmap.getAddrList(100005, 3)],
    ['statistics', (portmap) => portmap.getStat()],
    ['removal of one transport', (portmap) => portmap.unset({ program: 100005, version: 3, netid: 'udp' })],
    [
      'an address of IPv6',
      (portmap) => portmap.set({ program: 1, version: 1, netid: 'udp6', address: '::1.3.5' }),
    ],
  ];
  for (const [name, call] of unsupported) {
    test(name, async (t) => {
      const entries = [MOUNTD];
      const portmap = await portmapOf(t, fakePortmap({ versions: [2], entries }));
      await assert.rejects(call(portmap), { code: 'PROG_MISMATCH', low: 2, high: 2 });
      assert.deepEqual(entries, [MOUNTD]);
    });
  }
});

test('the supported version is negotiated once', async (t) => {
  const versions: number[] = [];
  const behave = fakePortmap({ versions: [2], entries: [MOUNTD] });
  const portmap = await portmapOf(t, (call, send) => {
    versions.push(call.head.version);
    behave(call, send);
  });
  await portmap.dump();
  await portmap.dump();
  assert.deepEqual(versions, [4, 3, 2, 2]);
});

test('getTime() returns the time of the server', async (t) => {
  const portmap = await portmapOf(t, fakePortmap({ versions: [3, 4], entries: [] }));
  assert.deepEqual(await portmap.getTime(), new Date('2001-09-09T01:46:40Z'));
});

test('getAddrList() returns the addresses', async (t) => {
  const entry = { address: '192.0.2.7.78.80', netid: 'udp', semantics: 1, family: 'inet', protocol: 'udp' };
  const portmap = await portmapOf(t, (call, send) => {
    send(success(call, (writer) => encodeList(writer, [entry], encodeRpcbEntry)));
  });
  assert.deepEqual(await portmap.getAddrList(100005, 3), [entry]);
});

test('getStat() returns the statistics of three versions', async (t) => {
  const calls = Array.from({ length: 13 }, (_, at) => at);
  const addresses = [{ program: 100005, version: 3, success: 2, failure: 1, netid: 'udp' }];
  const stat = { calls, sets: 4, unsets: 5, addresses, remoteCalls: [] };
  const portmap = await portmapOf(t, (call, send) => {
    send(
      success(call, (writer) => {
        for (let i = 0; i < 3; i++) encodeRpcbStat(writer, stat);
      }),
    );
  });
  assert.deepEqual(await portmap.getStat(), [stat, stat, stat]);
});

test('an invalid port is BAD_REPLY', async (t) => {
  let port = 65535;
  const portmap = await portmapOf(t, (call, send) => send(success(call, (writer) => writer.u32(port))));
  assert.equal(await portmap.getPort(100005, 3, 'udp'), 65535);
  port = 65536;
  await assert.rejects(portmap.getPort(100005, 3, 'udp'), { code: 'BAD_REPLY' });
});
