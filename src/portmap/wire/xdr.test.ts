/** Tests XDR: bounds-checked reading and writing. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { latin1, opaque, testCodec, u32 } from '../../../test/support/codec.ts';
import { bytesOf } from '../../base/bytes.ts';
import { encodeXdr, XdrError, type XdrErrorCode, XdrReader, XdrWriter } from './xdr.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const readerOf = (hex: string): XdrReader => new XdrReader(bytesOf(bytes(hex)));
const isXdrError = (code: XdrErrorCode) => (thrown: unknown) =>
  thrown instanceof XdrError && thrown.code === code;

describe('as defined by RFC 4506', () => {
  // RFC 4506 4.2: big-endian, most significant byte first.
  test('an unsigned integer', () => {
    assert.equal(readerOf('00000000').u32(), 0);
    assert.equal(readerOf('ffffffff').u32(), 4294967295);
    assert.deepEqual(
      encodeXdr((writer) => writer.u32(0x01020304)),
      bytes('01020304'),
    );
    assert.throws(() => readerOf('000000').u32(), isXdrError('XDR_SHORT'));
  });

  // RFC 4506 4.4: FALSE is 0, TRUE is 1.
  test('a boolean', () => {
    assert.deepEqual([readerOf('00000000').bool(), readerOf('00000001').bool()], [false, true]);
    assert.throws(() => readerOf('00000002').bool(), isXdrError('XDR_BAD_VALUE'));
  });

  // RFC 4506 4.9 and 4.10: zero to three residual bytes make the length a multiple of four.
  test('opaque data', () => {
    assert.deepEqual(
      encodeXdr((writer) => writer.opaque(bytes('aabbccddee'))),
      bytes('00000005aabbccddee000000'),
    );
    assert.deepEqual(
      encodeXdr((writer) => writer.fixed(bytes('aabbcc'))),
      bytes('aabbcc00'),
    );
    const reader = readerOf('00000005aabbccddee00000011111111');
    assert.deepEqual(reader.opaque(5), bytes('aabbccddee'));
    assert.equal(reader.u32(), 0x11111111);
    assert.throws(() => readerOf('00000005aabbccddee0000').opaque(5), isXdrError('XDR_SHORT'));
    assert.throws(() => readerOf('00000005aabbccddee000000').opaque(4), isXdrError('XDR_TOO_LONG'));
    assert.deepEqual(readerOf('00000001aaffffff').opaque(1), bytes('aa'), 'garbage in the padding');
  });

  test('opaque data can be skipped', () => {
    const reader = readerOf('00000005aabbccddee00000011111111');
    reader.skip(5);
    assert.equal(reader.u32(), 0x11111111);
    assert.throws(() => readerOf('00000005aabbccddee000000').skip(4), isXdrError('XDR_TOO_LONG'));
    assert.throws(() => readerOf('00000005aabbccddee0000').skip(5), isXdrError('XDR_SHORT'));
    assert.throws(() => readerOf('ffffffff').skip(0xffff_ffff), isXdrError('XDR_SHORT'));
  });

  // RFC 4506 4.11
  test('a string', () => {
    assert.deepEqual(
      encodeXdr((writer) => writer.string('udp')),
      bytes('0000000375647000'),
    );
    assert.equal(readerOf('0000000375647000').string(3), 'udp');
    assert.throws(() => readerOf('0000000375647000').string(2), isXdrError('XDR_TOO_LONG'));
    assert.throws(() => readerOf('00000003756470').string(3), isXdrError('XDR_SHORT'));
    assert.equal(readerOf('00000002c3a40000').string(2), 'Ã¤', 'each byte is a character');
    assert.throws(() => encodeXdr((writer) => writer.string('€')), isXdrError('XDR_BAD_VALUE'));
  });
});

describe('a reader', () => {
  test('stays within its range', () => {
    const reader = new XdrReader(bytesOf(bytes('0000000100000002')), 0, 4);
    assert.equal(reader.u32(), 1);
    assert.equal(reader.left, 0);
    assert.throws(() => reader.u32(), isXdrError('XDR_SHORT'));
    reader.reset(bytesOf(bytes('0000000300000004')), 4, 8);
    assert.deepEqual([reader.left, reader.u32()], [4, 4]);
  });

  test('returns opaque data without a copy', () => {
    const input = bytes('00000004aabbccdd');
    const data = new XdrReader(bytesOf(input)).opaque(4);
    assert.equal(data.buffer, input.buffer);
  });

  test('refuses a length that exceeds the bytes, before it allocates memory', () => {
    for (const length of [
      'ffffffff',
      'fffffffe',
      'fffffffd',
      'fffffffc',
      '80000000',
      '7fffffff',
      '00000009',
    ]) {
      for (const read of ['opaque', 'string'] as const) {
        const reader = readerOf(`${length}aabbccddaabbccdd`);
        assert.throws(() => reader[read](0xffffffff), isXdrError('XDR_SHORT'), `${read} ${length}`);
      }
      assert.throws(
        () => readerOf('aabbccdd').fixed(bytesOf(bytes(length)).view.getUint32(0)),
        isXdrError('XDR_SHORT'),
      );
    }
  });
});

describe('a writer', () => {
  test('writes what fits and throws otherwise, never a part', () => {
    const target = bytesOf(new Uint8Array(12));
    const writer = new XdrWriter(target, 4, 8);
    assert.equal(writer.room, 4);
    assert.throws(() => writer.opaque(bytes('aa')), isXdrError('XDR_NO_ROOM'));
    writer.reset(target, 4, 8);
    writer.u32(0xffffffff);
    assert.equal(writer.room, 0);
    assert.throws(() => writer.bool(true), isXdrError('XDR_NO_ROOM'));
    assert.deepEqual(target.u8.subarray(8), new Uint8Array(4));
  });

  test('clears the padding', () => {
    const target = bytesOf(new Uint8Array(16).fill(0xee));
    const writer = new XdrWriter(target);
    writer.fixed(bytes('aa'));
    writer.string('b');
    assert.deepEqual(target.u8, bytes('aa0000000000000162000000eeeeeeee'));
  });

  test('grows up to its maximum', () => {
    assert.equal(encodeXdr((writer) => writer.fixed(new Uint8Array(5000))).length, 5000);
    assert.equal(encodeXdr((writer) => writer.fixed(new Uint8Array(1024)), 1024).length, 1024);
    assert.throws(
      () => encodeXdr((writer) => writer.fixed(new Uint8Array(1028)), 1024),
      isXdrError('XDR_NO_ROOM'),
    );
  });
});

testCodec('unsigned integer', {
  values: u32,
  encode: (writer, value) => writer.u32(value),
  decode: (reader) => reader.u32(),
});
testCodec('boolean', {
  values: fc.boolean(),
  encode: (writer, value) => writer.bool(value),
  decode: (reader) => reader.bool(),
});
testCodec('opaque data', {
  values: opaque(300),
  encode: (writer, value) => writer.opaque(value),
  decode: (reader) => reader.opaque(300),
});
testCodec('string', {
  values: latin1(300),
  encode: (writer, value) => writer.string(value),
  decode: (reader) => reader.string(300),
});
