// The kernel's settings of ports as they are read: what is usual, what may be missing, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../core/kernel-ports.ts';
import { readKernelPorts } from './kernel-ports.ts';

test('a host that nobody has set up gives 32768 to 60999 to clients, and keeps none back', () => {
  assert.deepEqual(readKernelPorts(new SimSysctls()), {
    ephemeral: { first: 32_768, last: 60_999 },
    reserved: [],
    unprivilegedStart: 1024,
  });
});

test('reserved ports are ranges, ascending, that do not touch', () => {
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

test('an old kernel has no list and no setting of privilege', () => {
  const { reserved, unprivilegedStart } = readKernelPorts(new SimSysctls({ [PORT_RANGE]: '1024\t4999' }));
  assert.deepEqual({ reserved, unprivilegedStart }, { reserved: [], unprivilegedStart: 1024 });
});

test('what is not as Linux prints it is refused', () => {
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

test('the settings of this host can be read', () => {
  const { ephemeral, unprivilegedStart } = readKernelPorts(linuxSysctls);
  assert.ok(ephemeral.first <= ephemeral.last);
  assert.ok(unprivilegedStart <= 65_536);
});
