/**
 * Tests the guard on Debian's kernels: the most important tests of test/kernel run in a virtual machine on each
 * supported kernel, and on an older one the guard is refused and leaves nothing.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FileResult } from '../support/results.ts';
import { chosenKernels, type Kernel } from './images.ts';
import { Machine } from './machine.ts';

/** Verdicts, namespaces, and jobs of units that the kernel assigns. */
const EVERYWHERE = ['guard-equals-decide', 'guard-reach', 'units'];
/** On the oldest kernel also each kind of verdict, swaps under load, trials and removal, and the commands. */
const FILES = {
  '6.1': [...EVERYWHERE, 'guard-binds', 'guard-swap', 'guard-life', 'guard-commands'],
  '6.12': EVERYWHERE,
  '7': EVERYWHERE,
} as const;
const FILE_SECONDS = 600;
/** Units that these tests do not need. */
const MASKED = ['postgresql.service', 'rpcbind.service', 'rpcbind.socket', 'nfs-client.target'];

const CHOSEN = chosenKernels();

/** Declares a test of a kernel, unless another kernel was chosen. */
function testOn(kernel: Kernel, name: string, run: (t: TestContext) => Promise<void>): void {
  if (CHOSEN.includes(kernel)) test(name, run);
}

for (const kernel of ['6.1', '6.12', '7'] as const) {
  testOn(kernel, `the guard works on Linux ${kernel} of Debian`, async (t) => {
    const machine = await Machine.boot(t, { kernel, masked: MASKED });
    if (machine === undefined) return;
    t.diagnostic(`Linux ${machine.version}`);
    assert.ok(machine.version.startsWith(`${kernel}.`), machine.version);
    for (const name of FILES[kernel]) {
      const file = `test/kernel/${name}.test.ts`;
      await t.test(file, async (each) => {
        const { passed, failures, skips, output, seconds } = await runInside(machine, file);
        each.diagnostic(`${passed} passed in ${seconds.toFixed(1)} s`);
        assert.deepEqual(failures, [], output);
        assert.deepEqual(skips, []);
        assert.ok(passed > 0);
      });
    }
  });
}

async function runInside(machine: Machine, file: string): Promise<FileResult> {
  return JSON.parse(
    await machine.node(`test/vm/guest/run-file.ts ${FILE_SECONDS} ${file}`, FILE_SECONDS + 60),
  );
}

testOn('5.10', 'on Linux 5.10 the guard is refused with the required version, the rest works', async (t) => {
  const machine = await Machine.boot(t, { kernel: '5.10', masked: MASKED });
  if (machine === undefined) return;
  assert.match(machine.version, /^5\.10\./);
  const left =
    'find /sys/fs/bpf | sort; sysctl net.ipv4.ip_local_reserved_ports net.ipv4.ip_local_port_range; ';
  const before = await machine.must(`${left} awk '{ print $5 }' /proc/self/mountinfo`);
  await machine.write({ '/tmp/a.tcpip': 'PORT 7001 TCP FOO\n' });

  const applied = await machine.portreeve('apply /tmp/a.tcpip');
  assert.equal(applied.code, 0, applied.stderr);
  for (const mode of ['enforce', 'observe']) {
    const { code, stderr } = await machine.portreeve(`guard ${mode}`);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /It requires Linux 6\.1 or newer/);
  }
  assert.equal(await machine.must(`${left} awk '{ print $5 }' /proc/self/mountinfo`), before);
  assert.equal((await machine.run('python3 /opt/portreeve/test/vm/guest/bind.py 7001')).stdout, 'bound\n');

  const decided = await machine.portreeve('decide --help');
  assert.equal(decided.code, 0);
  await machine.must('systemd-run -q --unit=daemon -p Type=notify /opt/portreeve/bin/portreeve serve');
  assert.match(await machine.must('rpcinfo -p 127.0.0.1'), /100000/);
});
