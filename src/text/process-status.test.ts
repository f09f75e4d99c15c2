// Tests of parsing /proc/PID/status.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseProcessStatus } from './process-status.ts';

const STATUS = `Name:\tnginx
Uid:\t1000\t0\t1000\t1000
Gid:\t100\t101\t100\t100
Groups:\t4 24 101 
CapPrm:\t0000000000000400
CapEff:\t0000000000000400
CapBnd:\t0000000000000401
`;

test('effective groups and capabilities are parsed', () => {
  assert.deepEqual(parseProcessStatus(STATUS), { gids: [101, 4, 24], capabilities: 1024n, bounding: 1025n });
});

test('a process may have no supplementary groups', () => {
  assert.deepEqual(parseProcessStatus(STATUS.replace('4 24 101', ''))?.gids, [101]);
});

test('malformed text is rejected', () => {
  for (const text of [
    '',
    STATUS.replace('Gid:\t100\t101', 'Gid:\t100\tx'),
    STATUS.replace('Gid:', 'gid:'),
    STATUS.replace('Groups:', ''),
    STATUS.replace('CapEff:\t0', 'CapEff:\tg'),
    STATUS.replace('CapBnd:', 'CapAmb:'),
  ]) {
    assert.equal(parseProcessStatus(text), undefined, text);
  }
});

test('the status of this process is parsed', () => {
  const status = parseProcessStatus(readFileSync('/proc/self/status', 'utf8'));
  assert.equal(status?.gids[0], process.getegid?.());
});
