// Tests of the netids.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NETIDS, netIdInfo, parseNetId } from './netid.ts';

describe('a netid', () => {
  // netconfig(5), and RFC 1833 section 2.1: struct rpcb_entry.
  test('has a family, a protocol and semantics', () => {
    const table = NETIDS.map((netid) => {
      const { family, protocol, protocolNumber, semantics } = netIdInfo(netid);
      return [netid, family, protocol, protocolNumber, semantics];
    });
    assert.deepEqual(table, [
      ['udp', 'inet', 'udp', 17, 1],
      ['tcp', 'inet', 'tcp', 6, 3],
      ['udp6', 'inet6', 'udp', 17, 1],
      ['tcp6', 'inet6', 'tcp', 6, 3],
      ['local', 'loopback', '', 0, 3],
    ]);
  });

  test('has its position as index', () => {
    for (const [position, netid] of NETIDS.entries()) {
      assert.equal(netIdInfo(netid).index, position);
      assert.equal(netIdInfo(netid).netid, netid);
    }
  });

  test('is parsed from its exact name', () => {
    for (const netid of NETIDS) assert.equal(parseNetId(netid), netid);
    for (const text of ['', 'UDP', 'udp ', 'unix', 'rawip', 'bogus', 'constructor']) {
      assert.equal(parseNetId(text), undefined);
    }
  });
});
