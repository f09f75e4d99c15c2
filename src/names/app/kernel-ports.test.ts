// Reading the kernel's port settings: defaults, missing settings, and invalid values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../core/kernel-ports.ts';
import { readKernelPorts } from './kernel-ports.ts';

test('the defaults are the ephemeral range 32768-60999 and no reserved ports', () => {
  assert.deepEqual(readKernelPorts(new SimSysctls()), {
    ephemeral: { first: 32_768, last: 60_999 },
    reserved: [],
    unprivilegedStart: 1024,
  });
});

test('reserved ports are read as sorted ranges, with adjacent ones merged', () => {
  const sysctls = new SimSysctls({
    [PORT_RANGE]: '1024\t65535',
    [RESERVED_PORTS]: '8080-8081,80,8082,9148',
    [UNPRIVILEGED_START]: '65536',
  });
  assert.deepEqual(readKernelPorts(sysctls), {
    ephemeral: { first: 1024, last: 65_535 },
    reserved: [
      { first: 80, last: 80 },
      { first: 8080, last: 8082 },
      { first: 9148, last: 9148 },
    ],
    unprivilegedStart: 65_536,
  });
});

test('an old kernel reserves no ports, and its first unprivileged port is 1024', () => {
  const { reserved, unprivilegedStart } = readKernelPorts(new SimSysctls({ [PORT_RANGE]: '1024\t4999' }));
  assert.deepEqual({ reserved, unprivilegedStart }, { reserved: [], unprivilegedStart: 1024 });
});

test('refuses missing and invalid settings', () => {
  const cases: readonly (readonly [string, Record<string, string>])[] = [
    ['SYSCTL_MISSING', {}],
    ['SYSCTL_UNKNOWN', { [PORT_RANGE]: '60999\t32768' }],
    ['SYSCTL_UNKNOWN', { [PORT_RANGE]: '1024\t65536' }],
    ['SYSCTL_UNKNOWN', { [PORT_RANGE]: '1024\t4999', [RESERVED_PORTS]: '80,x' }],
    ['SYSCTL_UNKNOWN', { [PORT_RANGE]: '1024\t4999', [UNPRIVILEGED_START]: '65537' }],
  ];
  for (const [code, values] of cases) {
    assert.throws(
      () => readKernelPorts(new SimSysctls(values)),
      (thrown) => thrown instanceof PortreeveError && thrown.kind === 'environment' && thrown.code === code,
      JSON.stringify(values),
    );
  }
});

test('reads the settings of this host', () => {
  const { ephemeral, unprivilegedStart } = readKernelPorts(linuxSysctls);
  assert.ok(ephemeral.first <= ephemeral.last);
  assert.ok(unprivilegedStart <= 65_536);
});
