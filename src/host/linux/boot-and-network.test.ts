// Tests of the identifier of a boot and a network namespace.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bootAndNetwork } from './boot-and-network.ts';

test('the identifier contains this boot and this network namespace', () => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  assert.match(bootAndNetwork(), /^boot [0-9a-f-]{36} net:\[\d+\]$/);
  assert.ok(bootAndNetwork().includes(boot));
});
