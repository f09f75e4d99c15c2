/** Answers to a dump of sock_diag(7): as a kernel gave them, and as none should. */

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

/** struct nlmsghdr, and a payload that is padded as the kernel pads it. */
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

/** Reads one datagram. */
function dumpOf(...messages: readonly Uint8Array[]): DiagDump {
  const datagram = new Uint8Array(Buffer.concat(messages));
  const dump = new DiagDump(datagram, SEQUENCE);
  dump.received(datagram.length);
  return dump;
}

/** The only socket of an answer. */
function socketOf(payload: Uint8Array): DiagDump {
  const dump = dumpOf(message(SOCK_DIAG_BY_FAMILY, payload));
  assert.ok(dump.next());
  return dump;
}

const ends = ({ localAddress, localPort, remoteAddress, remotePort }: DiagDump): unknown[] => [
  ...[formatIp(localAddress), localPort, formatIp(remoteAddress), remotePort],
];

// What Linux 6.18 answered on x86_64, a socket of the root cgroup each, as struct inet_diag_msg and attributes.
const GOLDEN = {
  // bind(2) to 127.0.0.1, and nothing else
  bound: `02070000 5ba00000 7f000001 ${zeros(32)} 3bf40e00 00000000 ${zeros(16)} 84802f0b
    05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600 52000000`,
  // listen(2) on ::1 with IPV6_V6ONLY
  listening: `0a0a0000 5ba50000 ${zeros(12)} 00000001 ${zeros(20)} 552b0f00 00000000 00000000 00000000 80000000
    00000000 3fe5320b
    05000800 00000000 05000b00 01000000 08000f00 00000000 0c001500 01000000 00000000 06001600 12000000`,
  // an IPv6 socket that an IPv4 client is connected to
  connected: `0a010000 5ba6a072 ${zeros(8)} 0000ffff 7f000001 ${zeros(8)} 0000ffff 7f000001 00000000
    572b0f00 00000000 ${zeros(16)} 36e2320b
    05000800 00000000 08000f00 00000000 0c001500 01000000 00000000 06001600 12000000`,
  // closed by the client, 59,796 ms before the port is free
  timeWait: `02060300 dc585ba2 7f000001 ${zeros(12)} 7f000001 ${zeros(12)} 00000000 532b0f00 00000000 94e90000
    ${zeros(16)} 08000f00 00000000`,
} as const;

describe('an answer of a kernel', {
  skip: LITTLE_ENDIAN ? false : 'the bytes are of a little-endian machine',
}, () => {
  test('tells of a socket that is bound only', () => {
    const socket = socketOf(hex(GOLDEN.bound));
    assert.deepEqual(ends(socket), ['127.0.0.1', 23456, '0.0.0.0', 0]);
    assert.deepEqual([socket.state, socket.inode, socket.cgroupId], [STATE.CLOSE, 187662468, 1n]);
    assert.deepEqual([socket.v6Only, socket.timeWaitMs], [undefined, undefined]);
  });

  test('tells of a socket that listens, and whether it takes IPv4', () => {
    const socket = socketOf(hex(GOLDEN.listening));
    assert.deepEqual(ends(socket), ['::1', 23461, '::', 0]);
    assert.deepEqual([socket.state, socket.v6Only, socket.cgroupId], [STATE.LISTEN, true, 1n]);
  });

  test('tells of a connection', () => {
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

  test('tells how long TIME_WAIT still holds a port, and whose nobody knows any more', () => {
    const socket = socketOf(hex(GOLDEN.timeWait));
    assert.deepEqual(ends(socket), ['127.0.0.1', 56408, '127.0.0.1', 23458]);
    assert.deepEqual([socket.state, socket.timeWaitMs], [STATE.TIME_WAIT, 59_796]);
    assert.deepEqual([socket.inode, socket.cgroupId], [0, undefined]);
  });
});

/** An answer of our own, with what the kernel's above have nothing in. */
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

/** struct nlattr, and a value of one byte with its padding. */
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

describe('an answer', () => {
  test('has the interface and the user of the socket', () => {
    const { interfaceIndex, uid } = socketOf(answer(AF_INET));
    assert.deepEqual([interfaceIndex, uid], [3, 1000]);
  });

  test('says whether an IPv6 socket takes IPv4, if it says', () => {
    const v6Only = (...attributes: number[]) => socketOf(answer(AF_INET6, attributes)).v6Only;
    assert.equal(v6Only(), undefined);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1)), undefined);
    assert.equal(v6Only(...attribute(SKV6ONLY, 1)), true);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 0)), false);
    assert.equal(v6Only(...attribute(SHUTDOWN, 1), ...attribute(SKV6ONLY, 1).slice(0, 5)), true);
  });

  test('says in which cgroup the socket was made, also by a number beyond 32 bits', () => {
    const cgroup = (value: readonly number[]) => {
      const head = attribute(CGROUP_ID, 0, 4 + value.length).slice(0, 4);
      return socketOf(answer(AF_INET, [...head, ...value])).cgroupId;
    };
    const bytes = new Uint8Array(new BigUint64Array([0x0000_0002_8000_0007n]).buffer);
    assert.equal(cgroup([...bytes]), 0x0000_0002_8000_0007n);
    assert.equal(cgroup([...bytes].slice(0, 7)), undefined);
  });

  test('of attributes that have no end, or more of it than there is, is read without them', () => {
    for (const length of [0, 3, 9, 0xffff]) {
      const socket = socketOf(answer(AF_INET6, attribute(SKV6ONLY, 1, length)));
      assert.deepEqual([socket.uid, socket.v6Only], [1000, undefined]);
    }
  });

  test('that is cut off, or of another family, is passed over', () => {
    for (let length = 0; length < 72; length++) {
      const cut = message(SOCK_DIAG_BY_FAMILY, answer(AF_INET).slice(0, length));
      assert.equal(dumpOf(cut).next(), false);
    }
    const other = message(SOCK_DIAG_BY_FAMILY, answer(1));
    const dump = dumpOf(other, message(SOCK_DIAG_BY_FAMILY, answer(AF_INET)));
    assert.deepEqual([dump.next(), dump.uid, dump.next()], [true, 1000, false]);
  });

  test('to another question is passed over', () => {
    const late = message(SOCK_DIAG_BY_FAMILY, answer(AF_INET), SEQUENCE - 1);
    const lateEnd = message(NLMSG_DONE, new Uint8Array(4), SEQUENCE - 1);
    const dump = dumpOf(late, lateEnd);
    assert.deepEqual([dump.next(), dump.ending], [false, undefined]);
  });
});

describe('a dump', () => {
  test('goes from socket to socket, and on in the next datagram', () => {
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

  test('that the kernel refuses ends with its errno', () => {
    const refusal = new Uint8Array(new Int32Array([-2]).buffer);
    const dump = dumpOf(message(NLMSG_ERROR, refusal));
    assert.deepEqual([dump.next(), dump.ending], [false, 2]);
  });

  test('keeps an address once, and the addresses of both families apart', () => {
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

  test('gives back every address as it came', () => {
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

  test('of any bytes comes to an end, and to no exception', () => {
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
