/** Tests version 2: mappings, lists and the arguments of CALLIT. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { opaque, record, testCodec, u32 } from '../../../test/support/codec.ts';
import { encodeCallItArgs } from '../../../test/support/other-half.ts';
import { bytesOf } from '../../base/bytes.ts';
import {
  CALL_ARGS_MAX_BYTES,
  decodeCallItArgs,
  decodeList,
  decodeMapping,
  encodeList,
  encodeMapping,
} from './portmap.ts';
import { encodeXdr, XdrError, XdrReader } from './xdr.ts';

const anyMapping = record({ program: u32, version: u32, protocol: u32, port: u32 });

// RFC 1833 section 3.1: struct mapping { unsigned int prog, vers, prot, port; }
test('a mapping is four integers in order', () => {
  const bytes = encodeXdr((writer) =>
    encodeMapping(writer, { program: 100003, version: 3, protocol: 17, port: 2049 }),
  );
  assert.equal(Buffer.from(bytes).toString('hex'), '000186a3000000030000001100000801');
  assert.equal(bytes.length, 16);
});

testCodec('mapping', { values: anyMapping, encode: encodeMapping, decode: decodeMapping });
testCodec('list of mappings', {
  values: fc.array(anyMapping, { maxLength: 20 }),
  encode: (writer, list) => encodeList(writer, list, encodeMapping),
  decode: (reader) => decodeList(reader, 20, decodeMapping),
});
testCodec('arguments of CALLIT', {
  values: record({ program: u32, version: u32, procedure: u32, args: opaque(400) }),
  encode: encodeCallItArgs,
  decode: decodeCallItArgs,
});

describe('a list', () => {
  const listOf = (values: readonly number[]) =>
    encodeXdr((writer) => encodeList(writer, values, (node, value) => node.u32(value)));
  const read = (bytes: Uint8Array, max: number) =>
    decodeList(new XdrReader(bytesOf(bytes)), max, (reader) => reader.u32());

  // RFC 4506 section 4.19: optional-data, each node after a TRUE.
  test('has TRUE before each node and FALSE after the last', () => {
    assert.equal(
      Buffer.from(listOf([7, 8])).toString('hex'),
      '000000010000000700000001000000080000' + '0000',
    );
    assert.deepEqual(read(listOf([]), 0), []);
  });

  test('is read up to its bound', () => {
    assert.deepEqual(read(listOf([1, 2, 3]), 3), [1, 2, 3]);
    assert.throws(() => read(listOf([1, 2, 3]), 2), XdrError);
  });

  test('without an end is an error', () => {
    const endless = new Uint8Array(8000).map((_, i) => (i % 4 === 3 ? 1 : 0));
    assert.throws(() => read(endless, 0xffffffff), XdrError);
    assert.throws(() => read(endless, 10), XdrError);
  });

  test('of a hundred thousand nodes does not exhaust the stack', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => i);
    assert.equal(read(listOf(values), values.length).length, values.length);
  });
});

test('the arguments of CALLIT are at most 8800 bytes', () => {
  const call = (length: number) => ({ program: 1, version: 1, procedure: 1, args: new Uint8Array(length) });
  const encode = (length: number) => encodeXdr((writer) => encodeCallItArgs(writer, call(length)));
  const longest = encode(CALL_ARGS_MAX_BYTES);
  assert.equal(decodeCallItArgs(new XdrReader(bytesOf(longest))).args.length, 8800);
  assert.throws(() => encode(CALL_ARGS_MAX_BYTES + 1), XdrError);
  const longer = new Uint8Array([...longest, 0, 0, 0, 0]);
  bytesOf(longer).view.setUint32(12, 8801);
  assert.throws(() => decodeCallItArgs(new XdrReader(bytesOf(longer))), XdrError);
});
