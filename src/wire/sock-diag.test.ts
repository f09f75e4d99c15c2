/** sock_diag(7): the requests as the kernel reads them, and its answers. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ip } from '../../test/support/service.ts';
import { formatIp } from '../base/address.ts';
import { type Bytes, bytesOf } from '../base/bytes.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NLMSG_ERROR } from './netlink.ts';
import {
  ALL_STATES,
  DIAG_REQUEST_BYTES,
  decodeDiagSocket,
  IPPROTO_TCP,
  IPPROTO_UDP,
  readDiagAnswer,
  STATE,
  writeDiagDump,
  writeDiagLookup,
} from './sock-diag.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

const MESSAGE_BYTES = 72;

/** The words that the kernel reads in its own order: where they are, and how wide. */
interface Request {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family: number;
  readonly protocol: number;
  readonly states: number;
  /** struct inet_diag_sockid, which is in network order. */
  readonly id: string;
}

// <linux/netlink.h> struct nlmsghdr, <linux/inet_diag.h> struct inet_diag_req_v2
function request(bytes: Uint8Array): Request {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    length: view.getUint32(0, LITTLE_ENDIAN),
    type: view.getUint16(4, LITTLE_ENDIAN),
    flags: view.getUint16(6, LITTLE_ENDIAN),
    sequence: view.getUint32(8, LITTLE_ENDIAN),
    family: view.getUint8(16),
    protocol: view.getUint8(17),
    states: view.getUint32(20, LITTLE_ENDIAN),
    id: Buffer.from(bytes.subarray(24)).toString('hex'),
  };
}

const zeros = (bytes: number): string => '00'.repeat(bytes);
/** INET_DIAG_NOCOOKIE, behind the interface's index. */
const NO_COOKIE = zeros(4) + 'ff'.repeat(8);
const padded = (hex: string): string => hex.padEnd(32, '0');

/** What is written into room that was used before. */
function written(write: (target: Bytes) => void): Uint8Array {
  const target = bytesOf(new Uint8Array(DIAG_REQUEST_BYTES).fill(0xee));
  write(target);
  return target.u8;
}

describe('a request', () => {
  test('for all sockets on a port names the states and the port, and nothing else', () => {
    const states = 1 << STATE.LISTEN;
    const bytes = written((target) =>
      writeDiagDump(target, { family: 6, protocol: IPPROTO_TCP, states, port: 111 }, 9),
    );
    assert.deepEqual(request(bytes), {
      length: 72,
      type: 20,
      flags: 0x301,
      sequence: 9,
      family: AF_INET6,
      protocol: 6,
      states,
      id: `006f${zeros(46)}`,
    });
  });

  test('for one TCP socket names its end first', () => {
    const ends = [
      { address: ip('127.0.0.1'), port: 40000 },
      { address: ip('127.0.0.2'), port: 111 },
    ] as const;
    const { id, ...head } = request(written((target) => writeDiagLookup(target, IPPROTO_TCP, ...ends, 1)));
    assert.deepEqual(head, {
      length: 72,
      type: 20,
      flags: 1,
      sequence: 1,
      family: AF_INET,
      protocol: 6,
      states: ALL_STATES,
    });
    assert.equal(id, `9c40006f${padded('7f000001')}${padded('7f000002')}${NO_COOKIE}`);
  });

  test('for one UDP socket names its end last', () => {
    const local = { address: ip('::1'), port: 0x1234 };
    const remote = { address: ip('fe80::2'), port: 1 };
    const { id, family, protocol } = request(
      written((target) => writeDiagLookup(target, IPPROTO_UDP, local, remote, 1)),
    );
    const far = `fe80${zeros(13)}02`;
    const near = `${zeros(15)}01`;
    assert.deepEqual([family, protocol], [AF_INET6, 17]);
    assert.equal(id, `00011234${far}${near}${NO_COOKIE}`);
  });
});

/** An answer of the kernel (struct inet_diag_msg), with attributes behind it. */
function answer(family: number, attributes: readonly number[] = []): DataView {
  const bytes = new Uint8Array([...new Uint8Array(MESSAGE_BYTES), ...attributes]);
  const view = new DataView(bytes.buffer);
  bytes.set([family, STATE.ESTABLISHED]);
  view.setUint16(4, 40000);
  view.setUint16(6, 111);
  const [local, remote] = family === AF_INET ? ['127.0.0.3', '127.0.0.1'] : ['::1', '::ffff:127.0.0.1'];
  bytes.set(ip(local ?? '').bytes, 8);
  bytes.set(ip(remote ?? '').bytes, 24);
  view.setUint32(40, 1, LITTLE_ENDIAN);
  view.setUint32(64, 1000, LITTLE_ENDIAN);
  view.setUint32(68, 4711, LITTLE_ENDIAN);
  return view;
}

/** struct nlattr, and a value of one byte; padded, unless it is the last. */
function attribute(type: number, value: number, length = 5): number[] {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint16(0, length, LITTLE_ENDIAN);
  view.setUint16(2, type, LITTLE_ENDIAN);
  head[4] = value;
  return [...head];
}

const SHUTDOWN = 8;
const SKV6ONLY = 11;

describe('an answer', () => {
  test('is read in both families', () => {
    const { local, remote, ...rest } = decodeDiagSocket(answer(AF_INET)) ?? assert.fail();
    assert.deepEqual(
      [formatIp(local.address), local.port, formatIp(remote.address), remote.port],
      ['127.0.0.3', 40000, '127.0.0.1', 111],
    );
    assert.deepEqual(rest, {
      family: 4,
      state: STATE.ESTABLISHED,
      interfaceIndex: 1,
      uid: 1000,
      inode: 4711,
      v6Only: undefined,
    });
    const v6 = decodeDiagSocket(answer(AF_INET6)) ?? assert.fail();
    assert.deepEqual(
      [v6.family, formatIp(v6.local.address), formatIp(v6.remote.address)],
      [6, '::1', '::ffff:127.0.0.1'],
    );
  });

  test('says whether an IPv6 socket takes IPv4, if it says', () => {
    const v6Only = (...attributes: number[]) => decodeDiagSocket(answer(AF_INET6, attributes))?.v6Only;
    assert.equal(v6Only(), undefined);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1)), undefined);
    assert.equal(v6Only(...attribute(SKV6ONLY, 1)), true);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 0)), false);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 1).slice(0, 5)), true);
  });

  test('of attributes that have no end, or more of it than there is, is read without them', () => {
    for (const length of [0, 3, 9, 0xffff]) {
      const socket = decodeDiagSocket(answer(AF_INET6, attribute(SKV6ONLY, 1, length)));
      assert.deepEqual([socket?.uid, socket?.v6Only], [1000, undefined]);
    }
  });

  test('that is cut off, or of another family, is none', () => {
    const { buffer } = answer(AF_INET);
    for (let length = 0; length < MESSAGE_BYTES; length++) {
      assert.equal(decodeDiagSocket(new DataView(buffer, 0, length)), undefined);
    }
    assert.equal(decodeDiagSocket(answer(1)), undefined);
  });

  test('of any bytes is a socket or none, and no exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 70, maxLength: 120 }), fc.boolean(), (bytes, isV6) => {
        bytes[0] = isV6 ? AF_INET6 : AF_INET;
        const socket = decodeDiagSocket(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
        assert.equal(socket?.family, bytes.length < MESSAGE_BYTES ? undefined : isV6 ? 6 : 4);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the answer to a question for one socket', () => {
  /** struct nlmsghdr in front of the message. */
  function message(type: number, sequence: number): DataView {
    const payload = new Uint8Array(answer(AF_INET).buffer);
    const view = new DataView(new ArrayBuffer(16 + payload.length));
    new Uint8Array(view.buffer).set(payload, 16);
    view.setUint32(0, view.byteLength, LITTLE_ENDIAN);
    view.setUint16(4, type, LITTLE_ENDIAN);
    view.setUint32(8, sequence, LITTLE_ENDIAN);
    return view;
  }

  test('is read', () => {
    const view = message(20, 7);
    assert.deepEqual(readDiagAnswer(view, view.byteLength, 7), {
      state: STATE.ESTABLISHED,
      uid: 1000,
      inode: 4711,
    });
  });

  test('is none if it is an error, of another question, or cut off', () => {
    const view = message(20, 7);
    assert.equal(readDiagAnswer(message(NLMSG_ERROR, 7), view.byteLength, 7), undefined);
    assert.equal(readDiagAnswer(view, view.byteLength, 8), undefined);
    for (let length = 0; length < view.byteLength; length++) {
      assert.equal(readDiagAnswer(view, length, 7), undefined);
    }
  });
});
