// Tests of files on a simulated disk that is full, or whose writer is killed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimDisk, SimKilled } from './log-file.ts';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe('a file', () => {
  test('is written at any offset, and a gap reads as zeros', () => {
    const file = new SimDisk().file();
    assert.equal(file.write(bytes(1, 2, 3), 2), undefined);
    assert.equal(file.write(bytes(9), 3), undefined);
    assert.equal(file.write(bytes(), 50), undefined);
    assert.deepEqual(file.read(), bytes(0, 0, 1, 9, 3));
  });

  test('is truncated, and later data after the cut does not restore the old data', () => {
    const file = new SimDisk().file(bytes(1, 2, 3, 4));
    file.truncate(1);
    assert.deepEqual(file.read(), bytes(1));
    file.write(bytes(7), 3);
    assert.deepEqual(file.read(), bytes(1, 0, 0, 7));
    file.truncate(6);
    assert.deepEqual(file.read(), bytes(1, 0, 0, 7, 0, 0));
  });

  test('does not share memory with the bytes that were read', () => {
    const file = new SimDisk().file(bytes(1));
    file.read()[0] = 2;
    assert.deepEqual(file.read(), bytes(1));
  });
});

test('a full disk accepts the first part, is shared by all files, and permits overwriting', () => {
  const disk = new SimDisk();
  const [a, b] = [disk.file(), disk.file(bytes(1, 2))];
  disk.capacityBytes = 4;
  assert.equal(a.write(bytes(3, 4, 5), 0), 'ENOSPC');
  assert.deepEqual([a.read(), disk.freeBytes, disk.usedBytes], [bytes(3, 4), 0, 4]);
  assert.equal(b.write(bytes(8, 9), 0), undefined);
  assert.equal(b.write(bytes(1), 2), 'ENOSPC');
  b.truncate(1);
  assert.equal(a.write(bytes(6), 2), undefined);
  assert.deepEqual([a.read(), b.read()], [bytes(3, 4, 6), bytes(8)]);
});

test('a killed process has written everything until then, and nothing after', () => {
  const disk = new SimDisk();
  const file = disk.file();
  disk.killAfterBytes = 3;
  assert.equal(file.write(bytes(1, 2), 0), undefined);
  assert.throws(() => file.write(bytes(3, 4), 2), SimKilled);
  assert.throws(() => file.write(bytes(5), 0), SimKilled);
  assert.throws(() => file.truncate(0), SimKilled);
  assert.deepEqual(file.read(), bytes(1, 2, 3));
});
