// Which ports the kernel gives to clients, and to whom first. The collision is played on the real kernel elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import { ephemeralAllocation } from './ephemeral-allocation.ts';

const KERNEL: KernelPorts = {
  ephemeral: { first: 32_768, last: 60_999 },
  reserved: [{ first: 40_000, last: 40_010 }],
  unprivilegedStart: 1024,
};

const reported = (port: number, protocol: 'tcp' | 'udp', kernel = KERNEL) => {
  const { kind, firstTo } = ephemeralAllocation(port, protocol, kernel);
  return firstTo ? `${kind} ${firstTo}` : kind;
};

test('a port of the range is given, unless it is reserved', () => {
  const ports = [32_767, 32_768, 39_999, 40_000, 40_010, 40_011, 60_999, 61_000];
  assert.deepEqual(
    ports.map((port) => ephemeralAllocation(port, 'tcp', KERNEL).kind),
    ['outside', 'given', 'given', 'reserved', 'reserved', 'given', 'given', 'outside'],
  );
});

test('connect takes the parity of the first port before the other, bind of port 0 the other', () => {
  assert.equal(reported(32_768, 'tcp'), 'given connect');
  assert.equal(reported(32_769, 'tcp'), 'given bind');
  const odd = { ...KERNEL, ephemeral: { first: 1025, last: 5000 } };
  assert.equal(reported(1030, 'tcp', odd), 'given bind');
  assert.equal(reported(1031, 'tcp', odd), 'given connect');
});

test('UDP has no parity, nor has a range of one port', () => {
  assert.equal(reported(32_768, 'udp'), 'given');
  assert.equal(reported(5000, 'tcp', { ...KERNEL, ephemeral: { first: 5000, last: 5000 } }), 'given');
});
