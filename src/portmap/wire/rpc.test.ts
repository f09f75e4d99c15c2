/** Tests RPC messages: the headers of calls and replies (RFC 5531). */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { latin1, record, testCodec, u32 } from '../../../test/support/codec.ts';
import { decodeAuthSys } from '../../../test/support/other-half.ts';
import { bytesOf } from '../../base/bytes.ts';
import {
  ACCEPT,
  type AuthSys,
  type Call,
  CallHead,
  encodeAuthSys,
  type Reply,
  readReply,
  writeAccepted,
  writeAuthError,
  writeCall,
  writeProgMismatch,
  writeRpcMismatch,
} from './rpc.ts';
import { encodeXdr, XdrError, XdrReader, type XdrWriter } from './xdr.ts';

const readerOf = (bytes: Uint8Array): XdrReader => new XdrReader(bytesOf(bytes));
const words = (...values: number[]): Uint8Array =>
  encodeXdr((writer) => {
    for (const value of values) writer.u32(value);
  });

/** The header of a call of program 100000, version 2, procedure 3, followed by these words. */
const callWith = (...auth: number[]): Uint8Array => words(7, 0, 2, 100000, 2, 3, ...auth);

function headOf(bytes: Uint8Array) {
  const head = new CallHead();
  const reader = readerOf(bytes);
  return { verdict: head.read(reader), head, left: reader.left };
}

describe('the header of a call', () => {
  // RFC 5531 section 9: struct call_body.
  test('is read up to its arguments', () => {
    const { verdict, head, left } = headOf(callWith(0, 0, 0, 0, 99));
    assert.equal(verdict, 'call');
    assert.deepEqual(
      [head.xid, head.program, head.version, head.procedure, head.flavor],
      [7, 100000, 2, 3, 0],
    );
    assert.equal(left, 4);
  });

  // RFC 5531 section 9: rpcvers MUST be equal to two.
  test('of another version of RPC is a mismatch', () => {
    assert.equal(headOf(words(7, 0, 3, 100000, 2, 3, 0, 0, 0, 0)).verdict, 'rpc-mismatch');
    assert.equal(headOf(words(7, 0, 2, 100000, 2, 3, 0, 0, 0, 0)).verdict, 'call');
  });

  test('of a reply, or of nothing, is not a call', () => {
    for (const type of [1, 7, 0xffffffff]) {
      assert.equal(headOf(words(7, type, 2, 100000, 2, 3, 0, 0, 0, 0)).verdict, 'not-a-call');
    }
  });

  test('that is truncated anywhere is not a call', () => {
    const sys = encodeXdr((writer) => {
      writeCall(writer, { xid: 7, program: 1, version: 2, procedure: 3, sys: SYS });
    });
    for (const whole of [callWith(0, 0, 0, 0), sys]) {
      for (let length = 0; length < whole.length; length++) {
        assert.equal(headOf(whole.subarray(0, length)).verdict, 'not-a-call', `${length} bytes`);
      }
      assert.equal(headOf(whole).verdict, 'call');
    }
  });
});

const SYS: AuthSys = { stamp: 1, machineName: 'host', uid: 1000, gid: 100, gids: [1, 2] };

/** The words of an AUTH_SYS body with this number of groups and machine name "h". */
const sysBody = (gids: number): number[] => [
  1,
  1,
  0x68000000,
  0,
  0,
  gids,
  ...Array.from({ length: gids }, () => 5),
];

describe('a credential', () => {
  const verdictOf = (flavor: number, body: number[], length = body.length * 4): string => {
    const { verdict, head } = headOf(callWith(flavor, length, ...body, 0, 0));
    return verdict === 'auth-error' ? `auth-error ${head.authStat}` : verdict;
  };

  // RFC 5531 appendix A: struct authsys_parms, gids<16>, machinename<255>.
  test('of AUTH_SYS has at most a name of 255 bytes and 16 groups', () => {
    assert.equal(verdictOf(1, sysBody(16)), 'call');
    assert.equal(verdictOf(1, sysBody(17)), 'auth-error 1');
    const named = (length: number) => [1, length, ...Array.from({ length: 64 }, () => 0), 0, 0, 0];
    assert.equal(verdictOf(1, named(255)), 'call');
    assert.equal(verdictOf(1, named(256)), 'auth-error 1');
  });

  test('of AUTH_SYS that is shorter than its parts is AUTH_BADCRED', () => {
    for (let length = 0; length < 24; length += 4)
      assert.equal(verdictOf(1, sysBody(0).slice(0, length / 4)), 'auth-error 1');
    assert.equal(verdictOf(1, sysBody(0)), 'call');
    assert.equal(verdictOf(1, sysBody(2), 28), 'auth-error 1', 'the groups are truncated');
  });

  test('of an unsupported flavor is refused as libtirpc does', () => {
    assert.deepEqual(
      [0, 2, 3, 6, 99].map((flavor) => verdictOf(flavor, [])),
      ['call', 'auth-error 2', 'auth-error 7', 'auth-error 1', 'auth-error 2'],
    );
  });

  // RFC 5531 section 8.2: the body has up to 400 bytes.
  test('has at most 400 bytes, as has the verifier', () => {
    const body = Array.from({ length: 100 }, () => 0);
    assert.equal(verdictOf(0, body), 'call');
    assert.equal(verdictOf(0, [...body, 0]), 'auth-error 1');
    const verifier = (length: number) => headOf(callWith(0, 0, 0, length, ...body, 0));
    assert.equal(verifier(400).verdict, 'call');
    assert.deepEqual([verifier(404).verdict, verifier(404).head.authStat], ['auth-error', 3]);
  });

  test('is followed by its complete verifier', () => {
    assert.equal(headOf(callWith(0, 0, 0, 8, 1, 2)).verdict, 'call');
    assert.equal(headOf(callWith(0, 0, 0, 8, 1)).verdict, 'not-a-call');
    assert.equal(headOf(callWith(0, 0, 0, 8)).verdict, 'not-a-call');
  });

  test('of more than 16 groups is not read', () => {
    const decode = (gids: number) => decodeAuthSys(new XdrReader(bytesOf(words(...sysBody(gids)))));
    assert.equal(decode(16).gids.length, 16);
    assert.throws(() => decode(17), { code: 'XDR_TOO_LONG' });
  });
});

test('any bytes have a verdict, and a call ends within them', () => {
  const spoiled = fc.tuple(fc.array(u32, { maxLength: 12 }), fc.nat(3)).map(([values, cut]) => {
    const bytes = callWith(...values);
    return bytes.subarray(0, bytes.length - cut);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoiled), (bytes) => {
      const { verdict, left } = headOf(bytes);
      assert.ok(['call', 'not-a-call', 'rpc-mismatch', 'auth-error'].includes(verdict));
      assert.ok(left >= 0 && left <= bytes.length);
    }),
    { numRuns: 1000 },
  );
});

const anySys: fc.Arbitrary<AuthSys> = record({
  stamp: u32,
  machineName: latin1(255),
  uid: u32,
  gid: u32,
  gids: fc.array(u32, { maxLength: 16 }),
});

testCodec('AUTH_SYS', { values: anySys, encode: encodeAuthSys, decode: decodeAuthSys });

test('AUTH_SYS cannot be written beyond its limits', () => {
  const tooLong = [
    { ...SYS, machineName: 'x'.repeat(256) },
    { ...SYS, gids: Array.from({ length: 17 }, () => 0) },
  ];
  for (const sys of tooLong) assert.throws(() => encodeXdr((writer) => encodeAuthSys(writer, sys)), XdrError);
});

test('a call is read as it was written', () => {
  const anyCall: fc.Arbitrary<Call> = fc
    .tuple(u32, u32, u32, u32, fc.option(anySys, { nil: undefined }))
    .map(([xid, program, version, procedure, sys]) => {
      return { xid, program, version, procedure, ...(sys && { sys }) };
    });
  fc.assert(
    fc.property(anyCall, (call) => {
      const { verdict, head, left } = headOf(encodeXdr((writer) => writeCall(writer, call)));
      assert.deepEqual([verdict, left], ['call', 0]);
      const { xid, program, version, procedure, flavor } = head;
      assert.deepEqual(
        { xid, program, version, procedure },
        {
          xid: call.xid,
          program: call.program,
          version: call.version,
          procedure: call.procedure,
        },
      );
      assert.equal(flavor, call.sys ? 1 : 0);
    }),
  );
});

// RFC 5531 section 9: struct reply_body.
describe('a reply', () => {
  const rows: readonly (readonly [string, (writer: XdrWriter) => void, number[], Reply])[] = [
    [
      'SUCCESS',
      (w) => writeAccepted(w, 7, ACCEPT.SUCCESS),
      [7, 1, 0, 0, 0, 0],
      { xid: 7, outcome: 'success' },
    ],
    ['PROG_UNAVAIL', (w) => writeAccepted(w, 7, 1), [7, 1, 0, 0, 0, 1], { xid: 7, outcome: 'prog-unavail' }],
    [
      'PROG_MISMATCH',
      (w) => writeProgMismatch(w, 7, 2, 4),
      [7, 1, 0, 0, 0, 2, 2, 4],
      { xid: 7, outcome: 'prog-mismatch', low: 2, high: 4 },
    ],
    ['PROC_UNAVAIL', (w) => writeAccepted(w, 7, 3), [7, 1, 0, 0, 0, 3], { xid: 7, outcome: 'proc-unavail' }],
    ['GARBAGE_ARGS', (w) => writeAccepted(w, 7, 4), [7, 1, 0, 0, 0, 4], { xid: 7, outcome: 'garbage-args' }],
    ['SYSTEM_ERR', (w) => writeAccepted(w, 7, 5), [7, 1, 0, 0, 0, 5], { xid: 7, outcome: 'system-err' }],
    [
      'RPC_MISMATCH',
      (w) => writeRpcMismatch(w, 7),
      [7, 1, 1, 0, 2, 2],
      { xid: 7, outcome: 'rpc-mismatch', low: 2, high: 2 },
    ],
    [
      'AUTH_ERROR',
      (w) => writeAuthError(w, 7, 5),
      [7, 1, 1, 1, 5],
      { xid: 7, outcome: 'auth-error', stat: 5 },
    ],
  ];
  for (const [name, write, expected, reply] of rows) {
    test(`${name} is read as it was written`, () => {
      const bytes = encodeXdr(write);
      assert.deepEqual(bytes, words(...expected));
      assert.deepEqual(readReply(readerOf(bytes)), reply);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => readReply(readerOf(bytes.subarray(0, length))), XdrError, `${length} bytes`);
      }
    });
  }

  test('with a verifier is read past it', () => {
    assert.equal(readReply(readerOf(words(7, 1, 0, 6, 4, 0xabcdef00, 0))).outcome, 'success');
    assert.throws(() => readReply(readerOf(words(7, 1, 0, 6, 404, 0))), XdrError);
  });

  test('that is not a reply is an XdrError', () => {
    for (const bytes of [
      words(7, 0, 0, 0, 0, 0),
      words(7, 1, 2, 0, 0, 0),
      words(7, 1, 1, 2),
      words(7, 1, 0, 0, 0, 6),
    ]) {
      assert.throws(() => readReply(readerOf(bytes)), XdrError);
    }
    const near = fc.array(fc.oneof(fc.nat(7), u32), { maxLength: 12 }).map((values) => words(...values));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), near), (bytes) => {
        try {
          assert.equal(typeof readReply(readerOf(bytes)).outcome, 'string');
        } catch (thrown) {
          assert.ok(thrown instanceof XdrError, `${thrown}`);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
