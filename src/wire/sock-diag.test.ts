// Tests of sock_diag(7) requests, and of the response to a lookup.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip } from '../../test/support/service.ts';
import { type Bytes, bytesOf } from '../base/bytes.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NLMSG_ERROR } from './netlink.ts';
import {
  ALL_STATES,
  DIAG_REQUEST_BYTES,
  IPPROTO_TCP,
  IPPROTO_UDP,
  readDiagAnswer,
  STATE,
  TCP_DUMP_BYTES,
  writeDiagDump,
  writeDiagLookup,
  writeTcpDump,
} from './sock-diag.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

const MESSAGE_BYTES = 72;

/** The fields in host byte order: offset and width. */
interface Request {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family: number;
  readonly protocol: number;
  readonly states: number;
  /** struct inet_diag_sockid, in network byte order. */
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
/** INET_DIAG_NOCOOKIE, after the interface index. */
const NO_COOKIE = zeros(4) + 'ff'.repeat(8);
const padded = (hex: string): string => hex.padEnd(32, '0');

/** Fills the target with bytes of earlier use. */
function written(write: (target: Bytes) => void): Uint8Array {
  const target = bytesOf(new Uint8Array(DIAG_REQUEST_BYTES).fill(0xee));
  write(target);
  return target.u8;
}

describe('a request', () => {
  test('for all sockets on a port has only the states and the port', () => {
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

  test('for the TCP sockets of both families has the states and the port, and nothing else', () => {
    const target = bytesOf(new Uint8Array(TCP_DUMP_BYTES).fill(0xee));
    writeTcpDump(target, { states: 0x2400, port: 111 }, 9);
    const bytes = target.u8;
    assert.equal(
      Buffer.from(bytes).toString('hex'),
      `4c00000012000103${'09000000'}${zeros(4)}${zeros(4)}006f${zeros(46)}00240000${zeros(4)}`,
    );
  });

  test('for one TCP socket has the local end first', () => {
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

  test('for one UDP socket has the local end last', () => {
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

describe('the response to a lookup', () => {
  /** struct nlmsghdr and struct inet_diag_msg. */
  function message(type: number, sequence: number): DataView {
    const view = new DataView(new ArrayBuffer(16 + MESSAGE_BYTES));
    view.setUint32(0, view.byteLength, LITTLE_ENDIAN);
    view.setUint16(4, type, LITTLE_ENDIAN);
    view.setUint32(8, sequence, LITTLE_ENDIAN);
    view.setUint8(16, AF_INET);
    view.setUint8(17, STATE.ESTABLISHED);
    view.setUint32(16 + 64, 1000, LITTLE_ENDIAN);
    view.setUint32(16 + 68, 4711, LITTLE_ENDIAN);
    return view;
  }

  test('is decoded', () => {
    const view = message(20, 7);
    assert.deepEqual(readDiagAnswer(view, view.byteLength, 7), {
      state: STATE.ESTABLISHED,
      uid: 1000,
      inode: 4711,
    });
  });

  test('is rejected if it is an error, belongs to another request, or is truncated', () => {
    const view = message(20, 7);
    assert.equal(readDiagAnswer(message(NLMSG_ERROR, 7), view.byteLength, 7), undefined);
    assert.equal(readDiagAnswer(view, view.byteLength, 8), undefined);
    for (let length = 0; length < view.byteLength; length++) {
      assert.equal(readDiagAnswer(view, length, 7), undefined);
    }
  });
});
