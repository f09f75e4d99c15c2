// Tests of netlink requests and of decoding the responses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import {
  decodeAddress,
  decodeLink,
  decodeMessages,
  encodeDumpRequest,
  NLMSG_DONE,
  RTM_GETADDR,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from './netlink.ts';

const u16 = (value: number): number[] =>
  LITTLE_ENDIAN ? [value & 255, value >> 8] : [value >> 8, value & 255];
const u32 = (value: number): number[] =>
  LITTLE_ENDIAN
    ? [...u16(value & 0xffff), ...u16(value >>> 16)]
    : [...u16(value >>> 16), ...u16(value & 0xffff)];
const viewOf = (bytes: readonly number[]): DataView => new DataView(new Uint8Array(bytes).buffer);
const ip = (text: string): number[] => [...(parseIp(text)?.bytes ?? [])];

/** netlink(7): struct nlmsghdr, and the payload padded to four bytes. */
function message(type: number, sequence: number, payload: readonly number[]): number[] {
  const padding = Array.from({ length: (4 - (payload.length & 3)) & 3 }, () => 0);
  return [
    ...u32(16 + payload.length),
    ...u16(type),
    ...u16(0),
    ...u32(sequence),
    ...u32(0),
    ...payload,
    ...padding,
  ];
}

/** rtnetlink(7): struct rtattr. */
const attribute = (type: number, data: readonly number[]): number[] => [
  ...u16(4 + data.length),
  ...u16(type),
  ...data,
];
/** rtnetlink(7): struct ifaddrmsg: family, prefix length, flags, scope, index. */
const ifaddrmsg = (family: number, prefix: number, index: number): number[] => [
  family,
  prefix,
  0,
  0,
  ...u32(index),
];
/** rtnetlink(7): struct ifinfomsg: family, type, index, flags, change mask. */
const ifinfomsg = (index: number, flags: number): number[] => [
  0,
  0,
  ...u16(1),
  ...u32(index),
  ...u32(flags),
  ...u32(0),
];

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const AF_INET = 2;
const AF_INET6 = 10;

test('a request dumps every object of its type (NLM_F_REQUEST | NLM_F_DUMP)', () => {
  const expected = [
    ...u32(32),
    ...u16(RTM_GETADDR),
    ...u16(0x301),
    ...u32(7),
    ...u32(0),
    ...u32(0),
    ...u32(0),
  ];
  assert.deepEqual([...encodeDumpRequest(RTM_GETADDR, 7)], [...expected, ...u32(0), ...u32(0)]);
});

describe('a datagram', () => {
  test('contains consecutive messages, aligned to four bytes', () => {
    const bytes = new Uint8Array([
      ...message(RTM_NEWADDR, 7, [1, 2, 3, 4, 5]),
      ...message(NLMSG_DONE, 7, [0, 0, 0, 0]),
    ]);
    const read = decodeMessages(bytes).map(({ type, sequence, payload }) => [
      type,
      sequence,
      payload.byteLength,
    ]);
    assert.deepEqual(read, [
      [RTM_NEWADDR, 7, 5],
      [NLMSG_DONE, 7, 4],
    ]);
  });

  test('that is truncated loses the truncated message', () => {
    const whole = new Uint8Array([
      ...message(RTM_NEWADDR, 7, [1, 2, 3, 4]),
      ...message(RTM_NEWLINK, 7, [1, 2, 3, 4]),
    ]);
    assert.equal(decodeMessages(whole).length, 2);
    for (let length = 20; length < 40; length++)
      assert.equal(decodeMessages(whole.subarray(0, length)).length, 1);
    for (let length = 0; length < 20; length++)
      assert.equal(decodeMessages(whole.subarray(0, length)).length, 0);
  });

  test('ends at a message of length zero', () => {
    for (const length of [0, 1, 15]) {
      const bytes = new Uint8Array(message(RTM_NEWADDR, 7, [1, 2, 3, 4]));
      bytes.set(u32(length));
      assert.deepEqual(decodeMessages(bytes), []);
    }
  });
});

describe('a link', () => {
  test('is up, loopback or point-to-point according to its flags', () => {
    const flags: readonly (readonly [number, boolean, boolean, boolean])[] = [
      [0x0, false, false, false],
      [0x1, true, false, false],
      [0x9, true, true, false],
      [0x11, true, false, true],
      [0x11043, true, false, false],
    ];
    for (const [value, up, loopback, pointToPoint] of flags) {
      assert.deepEqual(decodeLink(viewOf(ifinfomsg(3, value))), { index: 3, up, loopback, pointToPoint });
    }
  });

  test('that is truncated is rejected', () => {
    assert.equal(decodeLink(viewOf(ifinfomsg(3, 1).slice(0, 15))), undefined);
  });
});

describe('an address', () => {
  test('is decoded with prefix and interface for IPv4 and IPv6', () => {
    const v4 = [...ifaddrmsg(AF_INET, 24, 3), ...attribute(IFA_ADDRESS, ip('10.9.8.1'))];
    assert.deepEqual(decodeAddress(viewOf(v4)), { index: 3, prefix: 24, address: parseIp('10.9.8.1') });
    const v6 = [...ifaddrmsg(AF_INET6, 64, 4), ...attribute(IFA_ADDRESS, ip('fe80::1'))];
    assert.deepEqual(decodeAddress(viewOf(v6)), { index: 4, prefix: 64, address: parseIp('fe80::1') });
  });

  test('on a point-to-point link is the local end', () => {
    const both = [attribute(IFA_ADDRESS, ip('10.0.0.2')), attribute(IFA_LOCAL, ip('10.0.0.1'))];
    for (const order of [both, both.toReversed()]) {
      const decoded = decodeAddress(viewOf([...ifaddrmsg(AF_INET, 32, 5), ...order.flat()]));
      assert.deepEqual(decoded?.address, parseIp('10.0.0.1'));
    }
  });

  test('is found after attributes of any length', () => {
    const label = attribute(3, [0x6c, 0x6f, 0, 0x99, 0x99]);
    const padded = [...label, 0, 0, 0];
    const payload = [...ifaddrmsg(AF_INET, 8, 1), ...padded, ...attribute(IFA_LOCAL, ip('127.0.0.1'))];
    assert.deepEqual(decodeAddress(viewOf(payload))?.address, parseIp('127.0.0.1'));
  });

  test('of another family, without an address, or truncated is rejected', () => {
    const payload = [...ifaddrmsg(AF_INET, 8, 1), ...attribute(IFA_LOCAL, ip('127.0.0.1'))];
    assert.ok(decodeAddress(viewOf(payload)));
    for (let length = 0; length < payload.length; length++) {
      assert.equal(decodeAddress(viewOf(payload.slice(0, length))), undefined);
    }
    assert.equal(decodeAddress(viewOf([7, ...payload.slice(1)])), undefined);
    assert.equal(
      decodeAddress(viewOf([AF_INET6, ...payload.slice(1)])),
      undefined,
      'four bytes are not an IPv6 address',
    );
  });

  test('has a prefix no longer than its bits', () => {
    const payload = [...ifaddrmsg(AF_INET, 200, 1), ...attribute(IFA_LOCAL, ip('127.0.0.1'))];
    assert.equal(decodeAddress(viewOf(payload))?.prefix, 32);
  });
});

test('arbitrary bytes are decoded to their end', () => {
  const messages = fc
    .array(fc.tuple(fc.constantFrom(RTM_NEWADDR, RTM_NEWLINK), fc.uint8Array({ maxLength: 40 })), {
      maxLength: 4,
    })
    .map((list) => new Uint8Array(list.flatMap(([type, payload]) => message(type, 7, [...payload]))));
  fc.assert(
    fc.property(fc.oneof(messages, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      for (const { payload } of decodeMessages(bytes)) {
        const address = decodeAddress(payload);
        if (address) assert.equal(address.address.bytes.length, address.address.family === 4 ? 4 : 16);
        assert.equal(decodeLink(payload) === undefined, payload.byteLength < 16);
      }
    }),
    { numRuns: 500 },
  );
});
