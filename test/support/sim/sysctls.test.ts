// Tests that the simulated settings accept and reject what the kernel does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../../src/base/errors.ts';
import { SimSysctlRecord, SimSysctls } from './sysctls.ts';

const RANGE = 'net.ipv4.ip_local_port_range';
const START = 'net.ipv4.ip_unprivileged_port_start';

function isTaken(sysctls: SimSysctls, name: string, value: string): boolean {
  try {
    sysctls.write(name, value);
    return true;
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError && thrown.code === 'SYSCTL_REFUSED');
    return false;
  }
}

test('a range begins at ip_unprivileged_port_start or above, and ends at or after its beginning', () => {
  const sysctls = new SimSysctls();
  assert.equal(sysctls.read(RANGE), '32768\t60999');
  for (const value of ['1024\t1024', '1024 65535']) assert.ok(isTaken(sysctls, RANGE, value), value);
  for (const value of ['1023\t2000', '5000\t4999', '5000\t65536', '5000', '', 'a\tb']) {
    assert.ok(!isTaken(sysctls, RANGE, value), value);
  }
  assert.equal(sysctls.read(RANGE), '1024 65535');
  sysctls.write(START, '0');
  assert.ok(isTaken(sysctls, RANGE, '1\t2') && !isTaken(sysctls, RANGE, '0\t2'));
});

test('a missing setting is undefined and cannot be written', () => {
  const sysctls = new SimSysctls({ [START]: '80' });
  assert.equal(sysctls.read(RANGE), undefined);
  assert.ok(!isTaken(sysctls, RANGE, '40000\t50000'));
  assert.equal(sysctls.read(START), '80');
});

test('a record has the changes written last', () => {
  const record = new SimSysctlRecord();
  assert.deepEqual(record.read(), []);
  const change = { name: RANGE, found: '1\t2', written: '3\t4', before: undefined };
  record.write([change]);
  assert.deepEqual(record.read(), [change]);
  record.write([]);
  assert.deepEqual(record.read(), []);
});
