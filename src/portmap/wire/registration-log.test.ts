/** Tests the format of the registration log: intact records are read, and damage never invents a record. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { latin1, record, u32 } from '../../../test/support/codec.ts';
import { bytesOf } from '../../base/bytes.ts';
import { crc32 } from '../../base/crc32.ts';
import { NETIDS } from '../../base/netid.ts';
import { UADDR_MAX_BYTES } from '../../wire/uaddr.ts';
import {
  decodeLogHeader,
  encodeLogHeader,
  isUnfinished,
  LOG_HEADER_BYTES,
  LOG_RECORD_MAX_BYTES,
  LOG_STAMP_MAX_BYTES,
  type LoggedChange,
  readLog,
  writeLogRecord,
} from './registration-log.ts';

const uid = fc.integer({ min: 0, max: 0xfffffffe });
const target = { program: u32, version: u32, netid: fc.constantFrom(...NETIDS) };
const anyUnset = record({ kind: fc.constant('unset' as const), ...target });
const anySet = record({
  kind: fc.constant('set' as const),
  ...target,
  uaddr: latin1(UADDR_MAX_BYTES),
  owner: fc.option(uid, { nil: undefined }),
  isElsewhere: fc.boolean(),
  socket: fc.option(record({ uid, inode: fc.integer({ min: 1, max: 0xffffffff }) }), { nil: undefined }),
});
const anyFound = record({
  kind: fc.constant('found' as const),
  ...target,
  socket: record({ uid, inode: fc.integer({ min: 1, max: 0xffffffff }) }),
});
const anyChange: fc.Arbitrary<LoggedChange> = fc.oneof(anySet, anyUnset, anyFound);

const HEADER = { generation: 7, stamp: 'boot 0a1b net:[4026531840]' };

function encodeRecord(change: LoggedChange): Uint8Array {
  const bytes = bytesOf(new Uint8Array(LOG_RECORD_MAX_BYTES));
  return bytes.u8.slice(0, writeLogRecord(bytes, 0, change));
}

/** A log with these changes, and the end of each record. */
function logOf(changes: readonly LoggedChange[]): { log: Uint8Array; ends: number[] } {
  const records = changes.map(encodeRecord);
  const ends = [LOG_HEADER_BYTES];
  for (const record of records) ends.push((ends.at(-1) ?? 0) + record.length);
  return { log: new Uint8Array([...encodeLogHeader(HEADER), ...records.flatMap((one) => [...one])]), ends };
}

/** The record with a checksum that matches its current contents. */
function resealed(record: Uint8Array): Uint8Array {
  const bytes = bytesOf(record.slice());
  bytes.view.setUint32(4, crc32(record, 8));
  return bytes.u8;
}

const SAMPLE: readonly LoggedChange[] = [
  {
    kind: 'set',
    program: 100005,
    version: 3,
    netid: 'tcp6',
    uaddr: '::.3.5',
    owner: 1000,
    isElsewhere: false,
    socket: { uid: 1000, inode: 77 },
  },
  { kind: 'unset', program: 100005, version: 3, netid: 'tcp6' },
  {
    kind: 'set',
    program: 0,
    version: 0xffffffff,
    netid: 'local',
    uaddr: '/run/x.sock',
    owner: undefined,
    isElsewhere: true,
    socket: undefined,
  },
  {
    kind: 'set',
    program: 1,
    version: 1,
    netid: 'udp',
    uaddr: '0.0.0.0.8.1',
    owner: 0,
    isElsewhere: false,
    socket: undefined,
  },
];

describe('a header', () => {
  test('is read as it was written', () => {
    const stamp = 'x'.repeat(LOG_STAMP_MAX_BYTES);
    for (const header of [HEADER, { generation: 0, stamp: '' }, { generation: 0xffffffff, stamp }]) {
      const bytes = encodeLogHeader(header);
      assert.equal(bytes.length, LOG_HEADER_BYTES);
      assert.deepEqual(decodeLogHeader(bytes), header);
      assert.equal(isUnfinished(bytes), false);
    }
  });

  test('with one bit changed is not accepted', () => {
    const bytes = encodeLogHeader(HEADER);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(decodeLogHeader(damaged), undefined, `bit ${bit}`);
    }
  });

  test('that is truncated is not accepted, and one that was never written is unfinished', () => {
    const bytes = encodeLogHeader(HEADER);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeLogHeader(bytes.subarray(0, length)), undefined);
      assert.equal(isUnfinished(bytes.subarray(0, length)), length === 0);
      assert.equal(isUnfinished(new Uint8Array(length)), true);
    }
    // The records are written before the header: the file starts with a hole.
    assert.equal(isUnfinished(new Uint8Array([...new Uint8Array(LOG_HEADER_BYTES), 1, 2, 3])), true);
  });
});

describe('a record', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 20 }), (changes) => {
        const { log } = logOf(changes);
        assert.deepEqual(readLog(log), { changes, end: log.length, tail: 'clean' });
      }),
      { numRuns: 500 },
    );
  });

  test('has the form: length, its complement, checksum, XDR', () => {
    const bytes = Buffer.from(encodeRecord({ kind: 'unset', program: 100005, version: 3, netid: 'tcp' }));
    assert.equal(bytes.toString('hex'), '0010ffef38e6d57d00000002000186a50000000300000001');
  });

  test('has room for the longest address', () => {
    const unset = { program: 1, version: 1, netid: 'local' } as const;
    const uaddr = '@'.padEnd(UADDR_MAX_BYTES, 'x');
    const longest: LoggedChange = {
      ...unset,
      kind: 'set',
      uaddr,
      owner: 0,
      isElsewhere: false,
      socket: undefined,
    };
    assert.deepEqual(readLog(logOf([longest]).log).changes, [longest]);
  });
});

describe('a log', () => {
  const { log, ends } = logOf(SAMPLE);

  test('that is truncated anywhere has the records before that, and a torn tail', () => {
    for (let length = LOG_HEADER_BYTES; length <= log.length; length++) {
      const whole = ends.findLastIndex((end) => end <= length);
      const isClean = ends[whole] === length;
      assert.deepEqual(readLog(log.subarray(0, length)), {
        changes: SAMPLE.slice(0, whole),
        end: ends[whole],
        tail: isClean ? 'clean' : 'torn',
      });
    }
  });

  test('with one byte changed has the records before it, and a damaged tail', () => {
    for (let at = LOG_HEADER_BYTES; at < log.length; at++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = log.slice();
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        const whole = ends.findLastIndex((end) => end <= at);
        assert.deepEqual(
          readLog(damaged),
          { changes: SAMPLE.slice(0, whole), end: ends[whole], tail: 'damaged' },
          `byte ${at} with ${mask}`,
        );
      }
    }
  });

  test('of any bytes throws nothing and, without a matching checksum, has no change', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const { changes, tail } = readLog(new Uint8Array([...encodeLogHeader(HEADER), ...bytes]));
        assert.deepEqual([changes, tail === 'clean'], [[], bytes.length === 0]);
        assert.equal(decodeLogHeader(bytes), undefined);
      }),
      { numRuns: 500 },
    );
  });

  test('with a record of an unknown kind or transport is damaged there', () => {
    const record = bytesOf(encodeRecord({ kind: 'unset', program: 1, version: 1, netid: 'udp' }));
    for (const [at, value] of [
      [8, 3],
      [20, NETIDS.length],
    ] as const) {
      const odd = bytesOf(record.u8.slice());
      odd.view.setUint32(at, value);
      // With a matching checksum: a later version of the format wrote it.
      const sealed = new Uint8Array([...log, ...resealed(odd.u8)]);
      assert.deepEqual(readLog(sealed), { changes: SAMPLE, end: log.length, tail: 'damaged' });
    }
  });
});
