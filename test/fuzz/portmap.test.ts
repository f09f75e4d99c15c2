/** Tests the port mapper with arbitrary bytes: replies are bounded, and later requests are answered correctly. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../src/base/bytes.ts';
import { STREAM_REPLY_MAX_BYTES, UDP_REPLY_MAX_BYTES } from '../../src/base/limits.ts';
import { NETIDS, netIdInfo } from '../../src/base/netid.ts';
import { encodeRecord } from '../../src/portmap/wire/record.ts';
import { readReply, writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeXdr, XdrReader } from '../../src/portmap/wire/xdr.ts';
import { ip, portmapService } from '../support/service.ts';
import { simPeer } from '../support/sim/peer.ts';

const SENTINEL_XID = 0x5e471e11;

/** GETPORT of portmap itself over UDP, whose answer is always 111. */
const SENTINEL = encodeXdr((writer) => {
  writeCall(writer, { xid: SENTINEL_XID, program: 100000, version: 2, procedure: 3 });
  for (const word of [100000, 2, 17, 0]) writer.u32(word);
});

function assertAnswered(reply: Uint8Array | undefined): void {
  assert.ok(reply);
  const reader = new XdrReader(bytesOf(reply));
  assert.deepEqual(readReply(reader), { xid: SENTINEL_XID, outcome: 'success' });
  assert.deepEqual([reader.u32(), reader.left], [111, 0]);
}

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.nat(17),
  fc.constantFrom(0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff, 100000, 100003, 0x75647000, 0x746370),
);

/** A call that is in order as far as its arguments, and then anything. */
const anyCall = fc
  .tuple(fc.constantFrom(2, 3, 4), fc.nat(13), fc.array(word, { maxLength: 40 }), fc.nat(3))
  .map(([version, procedure, args, cut]) => {
    const bytes = encodeXdr((writer) => {
      writeCall(writer, { xid: 1, program: 100000, version, procedure });
      for (const value of args) writer.u32(value);
    });
    return bytes.subarray(0, bytes.length - cut);
  });

/** A head with one word of it replaced. */
const spoiledCall = fc.tuple(anyCall, fc.nat(9), word).map(([bytes, at, value]) => {
  const copy = bytes.slice();
  if (copy.length >= 40) bytesOf(copy).view.setUint32(at * 4, value);
  return copy;
});

const anyBytes = fc.oneof(anyCall, spoiledCall, fc.uint8Array({ maxLength: 300 }));
const anyCaller = fc.constantFrom(
  ...NETIDS.map((netid) => simPeer(netid)),
  simPeer('local', { uid: 1000 }),
  simPeer('udp', { address: ip('203.0.113.9') }),
  simPeer('tcp6', { address: ip('2001:db8::9') }),
);

describe('arbitrary bytes', () => {
  test('as a message have a reply of bounded length or none', () => {
    const portmap = portmapService(['10.9.8.1/24']);
    fc.assert(
      fc.property(anyCaller, anyBytes, (peer, bytes) => {
        const reply = portmap.ask(peer, bytes);
        if (reply) {
          assert.equal(readReply(new XdrReader(bytesOf(reply))).xid, bytesOf(bytes).view.getUint32(0));
          assert.equal(reply.length % 4, 0);
          if (netIdInfo(peer.netid).semantics === 1) assert.ok(reply.length <= UDP_REPLY_MAX_BYTES);
        }
        assertAnswered(portmap.ask(simPeer('udp'), SENTINEL));
      }),
      { numRuns: 20_000 },
    );
  });

  test('from a remote host over UDP have a reply that is hardly longer than the request', () => {
    const portmap = portmapService(['10.9.8.1/24']);
    const stranger = simPeer('udp', { address: ip('203.0.113.9') });
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const reply = portmap.ask(stranger, bytes);
        assert.ok(!reply || reply.length <= Math.max(200, bytes.length));
      }),
      { numRuns: 5000 },
    );
  });

  test('on a stream are processed, are kept as a partial request, or close it, and no other stream is affected', () => {
    const portmap = portmapService();
    const records = fc.array(anyBytes, { maxLength: 5 }).map((list) => {
      return new Uint8Array(list.flatMap((bytes) => [...encodeRecord(bytes)]));
    });
    fc.assert(
      fc.property(anyCaller, fc.oneof(records, fc.uint8Array({ maxLength: 200 })), (peer, bytes) => {
        const { reply, taken } = portmap.callStream(peer, bytes);
        assert.ok(taken >= -1 && taken <= bytes.length);
        assert.ok(reply.length <= 5 * (STREAM_REPLY_MAX_BYTES + (1 << 20)));
        const { reply: next, taken: all } = portmap.callStream(simPeer('tcp'), encodeRecord(SENTINEL));
        assert.equal(all, SENTINEL.length + 4);
        assertAnswered(next.subarray(4));
      }),
      { numRuns: 5000 },
    );
  });
});

test('an excessive length in a call is refused before memory is allocated for it', () => {
  const portmap = portmapService();
  for (const [version, procedure, before] of [
    [2, 5, 3],
    [3, 1, 2],
    [3, 3, 2],
    [3, 7, 0],
    [3, 8, 1],
    [4, 10, 3],
    [4, 11, 2],
  ] as const) {
    for (const length of [0x7fffffff, 0x80000000, 0xfffffffd, 0xffffffff]) {
      const message = encodeXdr((writer) => {
        writeCall(writer, { xid: 1, program: 100000, version, procedure });
        for (let i = 0; i < before; i++) writer.u32(0xffffffff);
        writer.u32(length);
      });
      const reply = portmap.ask(simPeer('udp'), message);
      if (procedure === 5) assert.equal(reply, undefined);
      else assert.equal(reply && readReply(new XdrReader(bytesOf(reply))).outcome, 'garbage-args');
    }
  }
});
