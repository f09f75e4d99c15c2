// Which ports the kernel may assign as ephemeral ports, and to which call first.
// test/kernel/ephemeral-allocation.test.ts compares that with the kernel.
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
  const { kind, preferredBy } = ephemeralAllocation(port, protocol, kernel);
  return preferredBy ? `${kind} ${preferredBy}` : kind;
};

test('a port in the range is assignable, unless it is reserved', () => {
  const ports = [32_767, 32_768, 39_999, 40_000, 40_010, 40_011, 60_999, 61_000];
  assert.deepEqual(
    ports.map((port) => ephemeralAllocation(port, 'tcp', KERNEL).kind),
    ['outside', 'assignable', 'assignable', 'reserved', 'reserved', 'assignable', 'assignable', 'outside'],
  );
});

test('connect prefers ports with the parity of the first port, bind to port 0 the others', () => {
  assert.equal(reported(32_768, 'tcp'), 'assignable connect');
  assert.equal(reported(32_769, 'tcp'), 'assignable bind');
  const odd = { ...KERNEL, ephemeral: { first: 1025, last: 5000 } };
  assert.equal(reported(1030, 'tcp', odd), 'assignable bind');
  assert.equal(reported(1031, 'tcp', odd), 'assignable connect');
});

test('UDP has no preference, nor has a range of one port', () => {
  assert.equal(reported(32_768, 'udp'), 'assignable');
  assert.equal(reported(5000, 'tcp', { ...KERNEL, ephemeral: { first: 5000, last: 5000 } }), 'assignable');
});
