/** Tests versions 3 and 4: registrations, transport addresses, lists of addresses and statistics. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { latin1, opaque, record, testCodec, u32 } from '../../../test/support/codec.ts';
import { encodeRpcbEntry } from '../../../test/support/other-half.ts';
import { bytesOf } from '../../base/bytes.ts';
import {
  ADDRESS_MAX_BYTES,
  decodeNetbuf,
  decodeRpcb,
  decodeRpcbEntry,
  decodeRpcbStat,
  encodeNetbuf,
  encodeRpcb,
  encodeRpcbStat,
  NETBUF_MAX_BYTES,
  NETID_MAX_BYTES,
  OWNER_MAX_BYTES,
  STAT_PROCEDURES,
} from './rpcbind.ts';
import { encodeXdr, XdrError, XdrReader, type XdrWriter } from './xdr.ts';

const hex = (write: (writer: XdrWriter) => void): string => Buffer.from(encodeXdr(write)).toString('hex');
const readerOf = (text: string): XdrReader =>
  new XdrReader(bytesOf(Uint8Array.from(Buffer.from(text, 'hex'))));

// RFC 1833 section 2.1: struct rpcb { r_prog, r_vers, r_netid<>, r_addr<>, r_owner<> }
test('a registration is two integers and three strings in order', () => {
  const rpcb = { program: 100003, version: 3, netid: 'udp', address: '::.8.1', owner: '0' };
  const expected = '000186a3000000030000000375647000000000063a3a2e382e3100000000000130000000';
  assert.equal(
    hex((writer) => encodeRpcb(writer, rpcb)),
    expected,
  );
  assert.deepEqual(decodeRpcb(readerOf(expected)), rpcb);
});

testCodec('registration', {
  values: record({
    program: u32,
    version: u32,
    netid: latin1(NETID_MAX_BYTES),
    address: latin1(ADDRESS_MAX_BYTES),
    owner: latin1(OWNER_MAX_BYTES),
  }),
  encode: encodeRpcb,
  decode: decodeRpcb,
});

// RFC 1833 section 2.1: struct netbuf { unsigned int maxlen; opaque buf<>; }, where buf fits into maxlen.
describe('a transport address', () => {
  testCodec('transport address', {
    values: opaque(NETBUF_MAX_BYTES).chain((bytes) => {
      return fc.integer({ min: bytes.length, max: 0xffffffff }).map((maxlen) => ({ maxlen, bytes }));
    }),
    encode: encodeNetbuf,
    decode: decodeNetbuf,
  });

  test('is at most as long as its maxlen, and as any sockaddr', () => {
    assert.equal(decodeNetbuf(readerOf('0000000400000004aabbccdd')).bytes.length, 4);
    assert.throws(() => decodeNetbuf(readerOf('0000000300000004aabbccdd')), XdrError);
    assert.throws(() => decodeNetbuf(readerOf(`ffffffff00000081${'00'.repeat(132)}`)), XdrError);
    const write = (maxlen: number, length: number) => () =>
      encodeXdr((writer) => encodeNetbuf(writer, { maxlen, bytes: new Uint8Array(length) }));
    assert.throws(write(3, 4), XdrError);
    assert.throws(write(1000, 129), XdrError);
    assert.equal(write(128, 128)().length, 136);
  });
});

// RFC 1833 section 2.1: struct rpcb_entry
test('an entry of GETADDRLIST is encoded as by rpcbind', () => {
  const entry = { address: '::1.8.3', netid: 'udp6', semantics: 1, family: 'inet6', protocol: 'udp' };
  const expected =
    '000000073a3a312e382e3300000000047564703600000001' + '00000005696e6574360000000000000375647000';
  assert.equal(
    hex((writer) => encodeRpcbEntry(writer, entry)),
    expected,
  );
  assert.deepEqual(decodeRpcbEntry(readerOf(expected)), entry);
});

testCodec('entry of GETADDRLIST', {
  values: record({
    address: latin1(108),
    netid: latin1(NETID_MAX_BYTES),
    semantics: u32,
    family: latin1(NETID_MAX_BYTES),
    protocol: latin1(NETID_MAX_BYTES),
  }),
  encode: encodeRpcbEntry,
  decode: decodeRpcbEntry,
});

const addressStat = {
  program: u32,
  version: u32,
  success: u32,
  failure: u32,
  netid: latin1(NETID_MAX_BYTES),
};

// RFC 1833 section 2.1: struct rpcb_stat, rpcbs_addrlist, rpcbs_rmtcalllist
testCodec('statistics', {
  values: record({
    calls: fc.array(u32, { minLength: STAT_PROCEDURES, maxLength: STAT_PROCEDURES }),
    sets: u32,
    unsets: u32,
    addresses: fc.array(record(addressStat), { maxLength: 5 }),
    remoteCalls: fc.array(record({ ...addressStat, procedure: u32, indirect: u32 }), { maxLength: 5 }),
  }),
  encode: encodeRpcbStat,
  decode: decodeRpcbStat,
});

test('a string of 4 GB in a short message is an XdrError', () => {
  for (const length of ['ffffffff', '80000000', '7fffffff', '00000021']) {
    assert.throws(() => decodeRpcb(readerOf(`0000000100000001${length}75647000`)), XdrError);
    assert.throws(() => decodeNetbuf(readerOf(`ffffffff${length}75647000`)), XdrError);
  }
});
