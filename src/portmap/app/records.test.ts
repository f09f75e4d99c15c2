/** Tests the port mapper on streams: requests in fragments of any size, and answers as far as there is room. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { portmapService } from '../../../test/support/service.ts';
import { simPeer } from '../../../test/support/sim/peer.ts';
import { SimStreamOutput } from '../../../test/support/sim/stream.ts';
import { bytesOf } from '../../base/bytes.ts';
import { REQUEST_MAX_BYTES } from '../../base/limits.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import { encodeRecord, newRecordSpan, scanRecord } from '../wire/record.ts';
import { readReply, writeCall } from '../wire/rpc.ts';
import { encodeXdr, XdrReader } from '../wire/xdr.ts';

const peer = simPeer('tcp');
const join = (...pieces: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(pieces.flatMap((piece) => [...piece]));

function call(xid: number, procedure = 0, trailing = 0): Uint8Array {
  return encodeXdr((writer) => {
    writeCall(writer, { xid, program: PORTMAP_PROGRAM, version: 2, procedure });
    writer.fixed(new Uint8Array(trailing));
  });
}

/** A fragment that is not the last one. */
function fragment(bytes: Uint8Array): Uint8Array {
  const record = encodeRecord(bytes);
  bytesOf(record).view.setUint32(0, bytes.length);
  return record;
}

/** The xids of the answers on a stream, all of which are complete. */
function xids(stream: Uint8Array): number[] {
  const bytes = bytesOf(stream);
  const found: number[] = [];
  for (let at = 0; at < stream.length; ) {
    const span = scanRecord(bytes, at, stream.length, 1 << 24, newRecordSpan());
    assert.equal(span.state, 'whole');
    found.push(readReply(new XdrReader(bytes, span.start, span.end)).xid);
    at += span.consumed;
  }
  return found;
}

describe('a stream', () => {
  test('with several requests is answered in order', () => {
    const { reply, taken } = portmapService().callStream(
      peer,
      join(...[1, 2, 3].map((xid) => encodeRecord(call(xid)))),
    );
    assert.deepEqual(xids(reply), [1, 2, 3]);
    assert.equal(taken, 3 * 44);
  });

  test('keeps a partial request until the rest arrives', () => {
    const { callStream } = portmapService();
    const whole = encodeRecord(call(1));
    const request = encodeRecord(call(2));
    for (let length = 0; length < request.length; length++) {
      const { reply, taken } = callStream(peer, join(whole, request.subarray(0, length)));
      assert.deepEqual([xids(reply), taken], [[1], whole.length]);
    }
    assert.deepEqual(xids(callStream(peer, request).reply), [2]);
  });

  test('continues after a procedure that does not answer', () => {
    const callIt = encodeXdr((writer) => {
      writeCall(writer, { xid: 1, program: PORTMAP_PROGRAM, version: 2, procedure: 5 });
      for (const word of [100001, 1, 1, 0]) writer.u32(word);
    });
    const { reply, taken } = portmapService().callStream(
      peer,
      join(encodeRecord(callIt), encodeRecord(call(2))),
    );
    assert.deepEqual([xids(reply), taken], [[2], callIt.length + 4 + 44]);
  });

  test('carries a dump after its header', () => {
    const { reply } = portmapService().callStream(
      peer,
      join(encodeRecord(call(1, 4)), encodeRecord(call(2))),
    );
    assert.deepEqual(xids(reply), [1, 2]);
    assert.ok(reply.length > 100);
  });

  test('permits requests of at most 9216 bytes', () => {
    const { callStream } = portmapService();
    const longest = call(1, 0, REQUEST_MAX_BYTES - 40);
    assert.deepEqual(xids(callStream(peer, encodeRecord(longest)).reply), [1]);
    assert.equal(callStream(peer, encodeRecord(join(longest, new Uint8Array(4)))).taken, -1);
    const half = longest.subarray(0, 5000);
    assert.deepEqual(
      xids(callStream(peer, join(fragment(half), encodeRecord(longest.subarray(5000)))).reply),
      [1],
    );
    assert.equal(callStream(peer, join(fragment(half), encodeRecord(longest))).taken, -1);
  });
});

describe('a stream is closed', () => {
  const garbage: Readonly<Record<string, Uint8Array>> = {
    'an empty record': encodeRecord(new Uint8Array(0)),
    'a record that is not a call': encodeRecord(new Uint8Array(40).fill(1)),
    'a record shorter than a call': encodeRecord(call(1).subarray(0, 36)),
    'a length of 2 GB': new Uint8Array([255, 255, 255, 255]),
    'a request of another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'too many empty fragments': new Uint8Array(4 * 17),
  };
  for (const [name, bytes] of Object.entries(garbage)) {
    test(`at ${name}, after the requests before it were answered`, () => {
      const { reply, taken } = portmapService().callStream(peer, join(encodeRecord(call(1)), bytes));
      assert.deepEqual([xids(reply), taken], [[1], -1]);
    });
  }

  test('not at sixteen empty fragments', () => {
    const { reply } = portmapService().callStream(peer, join(new Uint8Array(4 * 16), encodeRecord(call(1))));
    assert.deepEqual(xids(reply), [1]);
  });
});

test('a full output stops the answers, and the remaining requests are answered later', () => {
  const { records } = portmapService();
  const stream = bytesOf(join(...[1, 2, 3, 4, 5].map((xid) => encodeRecord(call(xid)))));
  const output = new SimStreamOutput(2);
  const first = records.receive(peer, stream, 0, stream.u8.length, output);
  assert.deepEqual([first, xids(output.take())], [88, [1, 2]]);
  assert.equal(records.receive(peer, stream, first, stream.u8.length, output), 0);
  output.capacity = 10;
  assert.equal(records.receive(peer, stream, first, stream.u8.length, output), 132);
  assert.deepEqual(xids(output.take()), [3, 4, 5]);
});

test('each request is answered once and in order, however it is split into fragments and chunks', () => {
  const cuts = fc.array(fc.nat(60), { minLength: 0, maxLength: 5 });
  const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(cuts, { minLength: 1, maxLength: 4 }), pieces, (requests, sizes) => {
      const stream = join(
        ...requests.map((cut, i) => {
          const message = call(i, 0, 20);
          const edges = [0, ...cut.toSorted((a, b) => a - b), message.length];
          const parts = edges.slice(1).map((edge, part) => message.subarray(edges[part], edge));
          return join(...parts.slice(0, -1).map(fragment), encodeRecord(parts.at(-1) ?? message));
        }),
      );
      const { records } = portmapService();
      const output = new SimStreamOutput();
      const bytes = bytesOf(stream);
      let from = 0;
      let to = 0;
      for (let turn = 0; to < stream.length; turn++) {
        to = Math.min(stream.length, to + (sizes[turn % sizes.length] ?? 1));
        const taken = records.receive(peer, bytes, from, to, output);
        assert.ok(taken >= 0);
        from += taken;
      }
      assert.deepEqual(xids(output.take()), [...requests.keys()]);
      assert.equal(from, stream.length);
    }),
    { numRuns: 200 },
  );
});
