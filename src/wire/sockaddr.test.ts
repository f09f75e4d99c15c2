// Tests of Linux socket addresses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../base/address.ts';
import { LITTLE_ENDIAN } from './byte-order.ts';
import { decodeLocalSockaddr, decodeSockaddr, encodeLocalSockaddr, encodeSockaddr } from './sockaddr.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** The family in the byte order of this machine. */
const family = (number: string): string => (LITTLE_ENDIAN ? `${number}00` : `00${number}`);

function endpoint(text: string, port: number) {
  const address = parseIp(text);
  assert.ok(address);
  return { address, port };
}

describe('the socket address', () => {
  // ip(7): sin_family in host order, sin_port and sin_addr in network order, 8 bytes unused.
  test('of IPv4 has 16 bytes', () => {
    assert.equal(
      hex(encodeSockaddr(endpoint('127.0.0.1', 773))),
      `${family('02')}03057f000001${'00'.repeat(8)}`,
    );
  });

  // ipv6(7): sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id in host order.
  test('of IPv6 has 28 bytes, with the scope at the end', () => {
    const scope = LITTLE_ENDIAN ? '03000000' : '00000003';
    const expected = `${family('0a')}030500000000fe80${'00'.repeat(13)}01${scope}`;
    assert.equal(hex(encodeSockaddr(endpoint('fe80::1', 773), 3)), expected);
  });

  // unix(7): sun_family, followed by the path. An abstract name begins with a NUL.
  test('of a path is the family and the path, with a NUL before an abstract name', () => {
    assert.equal(hex(encodeLocalSockaddr('/x')), `${family('01')}2f78`);
    assert.equal(hex(encodeLocalSockaddr('@x')), `${family('01')}0078`);
  });
});

test('of another family, or too short, is rejected', () => {
  const v6 = encodeSockaddr(endpoint('fe80::1', 773));
  for (const other of ['01', '03', '10']) {
    const bytes = Uint8Array.from(v6);
    bytes.set(Buffer.from(family(other), 'hex'));
    assert.equal(decodeSockaddr(bytes), undefined, other);
  }
  assert.equal(decodeSockaddr(v6.subarray(0, 27)), undefined);
  const local = Uint8Array.from(Buffer.from(`${family('02')}2f78`, 'hex'));
  assert.equal(decodeLocalSockaddr(local), undefined);
  local.set(Buffer.from(family('01'), 'hex'));
  assert.equal(decodeLocalSockaddr(local), '/x');
});

test('every endpoint is decoded from its encoding', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 6 as const),
      bytes,
      fc.integer({ min: 0, max: 65535 }),
      (kind, all, port) => {
        const address = { family: kind, bytes: kind === 4 ? all.slice(0, 4) : all };
        const encoded = encodeSockaddr({ address, port });
        assert.deepEqual(decodeSockaddr(encoded), { address, port });
        assert.equal(decodeLocalSockaddr(encoded), undefined);
      },
    ),
  );
});

test('every local address is decoded from its encoding', () => {
  // A registered address of a Unix socket has no C0, DEL or C1.
  const code = fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0xa0, max: 0xff }));
  const name = fc.string({
    unit: code.map((one) => String.fromCharCode(one)),
    minLength: 1,
    maxLength: 106,
  });
  fc.assert(
    fc.property(fc.constantFrom('/', '@'), name, (first, rest) => {
      const encoded = encodeLocalSockaddr(first + rest);
      assert.equal(decodeLocalSockaddr(encoded), first + rest);
      assert.equal(decodeSockaddr(encoded), undefined);
    }),
  );
});

test('a path ends at its NUL', () => {
  assert.equal(decodeLocalSockaddr(new Uint8Array([...encodeLocalSockaddr('/x'), 0, 0x79])), '/x');
});

test('arbitrary bytes are an address or rejected', () => {
  const begun = fc
    .tuple(fc.constantFrom(1, 2, 10), fc.uint8Array({ maxLength: 130 }))
    .map(([number, rest]) => {
      const bytes = new Uint8Array([0, 0, ...rest]);
      new DataView(bytes.buffer).setUint16(0, number, LITTLE_ENDIAN);
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(begun, fc.uint8Array({ maxLength: 40 })), (bytes) => {
      const ip = decodeSockaddr(bytes);
      const local = decodeLocalSockaddr(bytes);
      assert.ok(ip === undefined || local === undefined);
      if (ip) assert.deepEqual(decodeSockaddr(encodeSockaddr(ip)), ip);
      if (local !== undefined) assert.equal(decodeLocalSockaddr(encodeLocalSockaddr(local)), local);
    }),
    { numRuns: 500 },
  );
});
