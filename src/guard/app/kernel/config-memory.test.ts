// The config that the guard's programs read: the state of a trial, and the tables in force at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../../../base/bytes.ts';
import { CONFIG, SETTINGS, SLOT_BYTES, SLOTS } from '../../bpf/layout.ts';
import { ConfigMemory } from './config-memory.ts';

function newConfig(): ConfigMemory {
  const u8 = new Uint8Array(CONFIG.bytes + SLOTS * SLOT_BYTES);
  return new ConfigMemory({ memory: () => ({ ...bytesOf(u8), close: () => {} }) });
}

test('a trial lasts until its deadline, and then the tables before it are in force', () => {
  const config = newConfig();
  config.set('slot', 1);
  config.set('previousSlot', 0);
  assert.deepEqual([config.trial(500n), config.slotInForce(500n)], ['none', 1]);
  config.set64('deadline', 100n);
  assert.deepEqual([config.trial(100n), config.slotInForce(100n)], ['runs', 1]);
  assert.deepEqual([config.trial(101n), config.slotInForce(101n)], ['ended', 0]);
});

test('settings are written without the number of the swap, which is written last and makes them valid', () => {
  const config = newConfig();
  for (let slot = 0; slot < SLOTS; slot++) {
    config.setSettings(slot, new Uint8Array(SETTINGS.bytes).fill(slot + 1));
    assert.equal(config.revision(slot), 0x01010101 * (slot + 1));
    assert.equal(config.digest(slot), 0x0101010101010101n * BigInt(slot + 1));
    assert.equal(config.swapOf(slot), 0);
    config.setSwapOf(slot, 7);
    assert.equal(config.swapOf(slot), 7);
  }
});
