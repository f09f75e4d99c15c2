// Tests of decoding a sock_diag(7) dump: recorded responses of a kernel, and invalid ones.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatIp } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { NLMSG_DONE, NLMSG_ERROR } from './netlink.ts';
import { SOCK_DIAG_BY_FAMILY, STATE } from './sock-diag.ts';
import { DiagDump } from './sock-diag-dump.ts';
import { AF_INET, AF_INET6 } from './sockaddr.ts';

const SEQUENCE = 7;

/** struct nlmsghdr, and a payload padded to four bytes. */
function message(type: number, payload: Uint8Array, sequence = SEQUENCE): Uint8Array {
  const bytes = new Uint8Array(16 + ((payload.length + 3) & ~3));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 16 + payload.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  bytes.set(payload, 16);
  return bytes;
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const zeros = (bytes: number): string => '00'.repeat(bytes);
const done = message(NLMSG_DONE, new Uint8Array(4));

/** Creates a dump with one datagram. */
function dumpOf(...messages: readonly Uint8Array[]): DiagDump {
  const datagram = new Uint8Array(Buffer.concat(messages));
  const dump = new DiagDump(datagram, SEQUENCE);
  dump.received(datagram.length);
  return dump;
}

/** The only socket of a response. */
function socketOf(payload: Uint8Array): DiagDump {
  const dump = dumpOf(message(SOCK_DIAG_BY_FAMILY, payload));
  assert.ok(dump.next());
  return dump;
}

const ends = ({ localAddress, localPort, remoteAddress, remotePort }: DiagDump): unknown[] => [
  ...[formatIp(localAddress), localPort, formatIp(remoteAddress), remotePort],
];

// Responses of Linux 6.18 on x86_64, one socket of the root cgroup each, as struct inet_diag_msg and attributes.
const GOLDEN = {
  // bind(2) to 127.0.0.1 only
  bound: `02070000 5ba00000 7f000001 ${zeros(32)} 3bf40e00 00000000 ${zeros(16)} 84802f0b
    05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600 52000000`,
  // listen(2) on ::1 with IPV6_V6ONLY
  listening: `0a0a0000 5ba50000 ${zeros(12)} 00000001 ${zeros(20)} 552b0f00 00000000 00000000 00000000 80000000
    00000000 3fe5320b
    05000800 00000000 05000b00 01000000 08000f00 00000000 0c001500 01000000 00000000 06001600 12000000`,
  // an IPv6 socket with a connection from an IPv4 client
  connected: `0a010000 5ba6a072 ${zeros(8)} 0000ffff 7f000001 ${zeros(8)} 0000ffff 7f000001 00000000
    572b0f00 00000000 ${zeros(16)} 36e2320b
    05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600 12000000`,
  // closed by the client, 59,796 ms before the port is free
  timeWait: `02060300 dc585ba2 7f000001 ${zeros(12)} 7f000001 ${zeros(12)} 00000000 532b0f00 00000000 94e90000
    ${zeros(16)} 08000f00 00000000`,
} as const;

describe('a recorded response', {
  skip: LITTLE_ENDIAN ? false : 'the bytes are of a little-endian machine',
}, () => {
  test('has a socket that is only bound', () => {
    const socket = socketOf(hex(GOLDEN.bound));
    assert.deepEqual(ends(socket), ['127.0.0.1', 23456, '0.0.0.0', 0]);
    assert.deepEqual([socket.state, socket.inode, socket.cgroupId], [STATE.CLOSE, 187662468, 1n]);
    assert.deepEqual([socket.v6Only, socket.timeWaitMs], [undefined, undefined]);
  });

  test('has a listening socket with IPV6_V6ONLY', () => {
    const socket = socketOf(hex(GOLDEN.listening));
    assert.deepEqual(ends(socket), ['::1', 23461, '::', 0]);
    assert.deepEqual([socket.state, socket.v6Only, socket.cgroupId], [STATE.LISTEN, true, 1n]);
  });

  test('has a connection', () => {
    const { family, state, ...rest } = socketOf(hex(GOLDEN.connected)).socket();
    assert.deepEqual([family, state], [6, STATE.ESTABLISHED]);
    const mapped = { family: 6, bytes: hex(`${zeros(10)}ffff7f000001`) };
    assert.deepEqual(rest, {
      local: { address: mapped, port: 23462 },
      remote: { address: mapped, port: 41074 },
      interfaceIndex: 0,
      uid: 0,
      inode: 187884086,
      cookie: 994135,
      v6Only: undefined,
    });
  });

  test('has the remaining time of TIME_WAIT and no owner', () => {
    const socket = socketOf(hex(GOLDEN.timeWait));
    assert.deepEqual(ends(socket), ['127.0.0.1', 56408, '127.0.0.1', 23458]);
    assert.deepEqual([socket.state, socket.timeWaitMs], [STATE.TIME_WAIT, 59_796]);
    assert.deepEqual([socket.inode, socket.cgroupId], [0, undefined]);
  });
});

/** A synthetic response with values that the recorded ones do not contain. */
function answer(family: number, attributes: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array([...new Uint8Array(72), ...attributes]);
  const view = new DataView(bytes.buffer);
  bytes.set([family, STATE.ESTABLISHED]);
  bytes.fill(0x20, 8, 40);
  view.setUint32(40, 3, LITTLE_ENDIAN);
  view.setUint32(64, 1000, LITTLE_ENDIAN);
  view.setUint32(68, 4711, LITTLE_ENDIAN);
  return bytes;
}

/** struct nlattr, and a padded value of one byte. */
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
const CGROUP_ID = 21;

describe('a response', () => {
  test('has the interface and the uid of the socket', () => {
    const { interfaceIndex, uid } = socketOf(answer(AF_INET));
    assert.deepEqual([interfaceIndex, uid], [3, 1000]);
  });

  test('has IPV6_V6ONLY if the kernel reports it', () => {
    const v6Only = (...attributes: number[]) => socketOf(answer(AF_INET6, attributes)).v6Only;
    assert.equal(v6Only(), undefined);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1)), undefined);
    assert.equal(v6Only(...attribute(SKV6ONLY, 1)), true);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 0)), false);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 1).slice(0, 5)), true);
  });

  test('has the cgroup of the socket, including a 64-bit ID', () => {
    const cgroup = (value: readonly number[]) => {
      const head = attribute(CGROUP_ID, 0, 4 + value.length).slice(0, 4);
      return socketOf(answer(AF_INET, [...head, ...value])).cgroupId;
    };
    const bytes = new Uint8Array(new BigUint64Array([0x0000_0002_8000_0007n]).buffer);
    assert.equal(cgroup([...bytes]), 0x0000_0002_8000_0007n);
    assert.equal(cgroup([...bytes].slice(0, 7)), undefined);
  });

  test('with attributes of invalid length is decoded without them', () => {
    for (const length of [0, 3, 9, 0xffff]) {
      const socket = socketOf(answer(AF_INET6, attribute(SKV6ONLY, 1, length)));
      assert.deepEqual([socket.uid, socket.v6Only], [1000, undefined]);
    }
  });

  test('that is truncated or of another family is skipped', () => {
    for (let length = 0; length < 72; length++) {
      const cut = message(SOCK_DIAG_BY_FAMILY, answer(AF_INET).slice(0, length));
      assert.equal(dumpOf(cut).next(), false);
    }
    const other = message(SOCK_DIAG_BY_FAMILY, answer(1));
    const dump = dumpOf(other, message(SOCK_DIAG_BY_FAMILY, answer(AF_INET)));
    assert.deepEqual([dump.next(), dump.uid, dump.next()], [true, 1000, false]);
  });

  test('to another request is skipped', () => {
    const late = message(SOCK_DIAG_BY_FAMILY, answer(AF_INET), SEQUENCE - 1);
    const lateEnd = message(NLMSG_DONE, new Uint8Array(4), SEQUENCE - 1);
    const dump = dumpOf(late, lateEnd);
    assert.deepEqual([dump.next(), dump.ending], [false, undefined]);
  });
});

describe('a dump', () => {
  test('continues from socket to socket and from datagram to datagram', () => {
    const two = Buffer.concat([hex(GOLDEN.bound), hex(GOLDEN.listening)].map((one) => message(20, one)));
    const buffer = new Uint8Array(1024);
    const dump = new DiagDump(buffer, SEQUENCE);
    const ports: number[] = [];
    for (const datagram of [two, message(20, hex(GOLDEN.timeWait)), done]) {
      assert.equal(dump.ending, undefined);
      buffer.set(datagram);
      dump.received(datagram.length);
      while (dump.next()) ports.push(dump.localPort);
    }
    assert.deepEqual([ports, dump.ending], [[23456, 23461, 56408], 0]);
  });

  test('that fails ends with the errno', () => {
    const refusal = new Uint8Array(new Int32Array([-2]).buffer);
    const dump = dumpOf(message(NLMSG_ERROR, refusal));
    assert.deepEqual([dump.next(), dump.ending], [false, 2]);
  });

  test('shares equal addresses, separately for each family', () => {
    const one = dumpOf(
      ...[GOLDEN.timeWait, GOLDEN.timeWait, GOLDEN.connected].map((text) => message(20, hex(text))),
    );
    assert.ok(one.next());
    const first = one.localAddress;
    assert.equal(one.remoteAddress, first);
    assert.ok(one.next());
    assert.equal(one.localAddress, first);
    assert.ok(one.next());
    assert.deepEqual([formatIp(first), formatIp(one.localAddress)], ['127.0.0.1', '::ffff:127.0.0.1']);
  });

  test('returns every address unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 16, maxLength: 16 }))),
        (rows) => {
          const dump = dumpOf(
            ...rows.map(([isV6, bytes]) => {
              const payload = answer(isV6 ? AF_INET6 : AF_INET);
              payload.set(bytes, 8);
              return message(SOCK_DIAG_BY_FAMILY, payload);
            }),
          );
          for (const [isV6, bytes] of rows) {
            assert.ok(dump.next());
            assert.deepEqual(dump.localAddress, {
              family: isV6 ? 6 : 4,
              bytes: bytes.slice(0, isV6 ? 16 : 4),
            });
          }
        },
      ),
    );
  });

  test('of arbitrary bytes ends without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 120 }), (noise, payload) => {
        const dump = dumpOf(message(SOCK_DIAG_BY_FAMILY, payload), noise);
        let count = 0;
        while (dump.next()) {
          dump.socket();
          assert.ok(++count <= 4);
        }
      }),
    );
  });
});
