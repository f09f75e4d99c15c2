// Tests of kernel settings on the real kernel, in a separate network namespace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { inSandbox, type Step } from '../../../test/support/kernel-settings.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { Sandbox } from '../../../test/support/sandbox.ts';
import { formatPortList } from '../../text/port-list.ts';
import { linuxSysctls, partsOf } from './sysctls.ts';

const RESERVED = 'net.ipv4.ip_local_reserved_ports';
const RANGE = 'net.ipv4.ip_local_port_range';
const PROGRAM = join(import.meta.dirname, '../../../test/support/kernel-settings.ts');

async function open(t: TestContext): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'))) return undefined;
  return Sandbox.open(t);
}

const write = (name: string, value: string): Step => ({ do: 'write', name, value });
const read = (name: string): Step => ({ do: 'read', name });

/** Ports without neighbors, so that the list is as long as possible. */
function listOf(count: number): string {
  return formatPortList(new Set(Array.from({ length: count }, (_, index) => 65535 - 2 * index)));
}

describe('port lists', () => {
  // A page, the 64 KiB that Node reads at once, and the longest list without ranges.
  for (const count of [1, 682, 683, 684, 10_930, 32_768]) {
    const list = listOf(count);
    test(`of ${list.length} characters are written and read completely`, async (t) => {
      const sandbox = await open(t);
      if (sandbox === undefined) return;
      const steps = [write(RESERVED, '1'), write(RESERVED, list), read(RESERVED)];
      const [, written, found] = await inSandbox(sandbox, steps);
      assert.deepEqual(written, {});
      assert.ok(found?.value === list, 'the value read differs from the value written');
      // The same read by another program, which uses one read(2).
      const dd = ['dd', `if=/proc/sys/${RESERVED.replaceAll('.', '/')}`, 'bs=1M', 'count=1', 'status=none'];
      assert.ok((await sandbox.run(dd)).stdout === `${list}\n`, 'another program reads another value');
    });
  }

  test('are cleared', async (t) => {
    const sandbox = await open(t);
    if (sandbox === undefined) return;
    const results = await inSandbox(sandbox, [
      write(RESERVED, '1-3,7'),
      read(RESERVED),
      write(RESERVED, ''),
      read(RESERVED),
    ]);
    assert.deepEqual(results, [{}, { value: '1-3,7' }, {}, { value: '' }]);
  });

  test('with an error are rejected, and the previous list remains', async (t) => {
    const sandbox = await open(t);
    if (sandbox === undefined) return;
    const results = await inSandbox(sandbox, [write(RESERVED, '7'), write(RESERVED, '8,x'), read(RESERVED)]);
    assert.deepEqual(results, [{}, { error: 'SYSCTL_REFUSED' }, { value: '7' }]);
  });
});

test('port ranges are written and read', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const steps = [
    write(RANGE, '40000\t40009'),
    read(RANGE),
    write(RANGE, '5\t4'),
    write(RANGE, '80\t90'),
    read(RANGE),
  ];
  const refused = { error: 'SYSCTL_REFUSED' };
  const value = { value: '40000\t40009' };
  assert.deepEqual(await inSandbox(sandbox, steps), [{}, value, refused, refused, value]);
});

test('a missing setting and an invalid name are reported', async (t) => {
  assert.equal(linuxSysctls.read('net.ipv4.no_such_setting'), undefined);
  for (const name of ['', 'net', 'net/ipv4', '../net.ipv4', 'net..ipv4']) {
    assert.throws(() => linuxSysctls.read(name), { code: 'SYSCTL_NAME' }, name);
  }
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  assert.deepEqual(await inSandbox(sandbox, [write('net.ipv4.no_such_setting', '1')]), [
    { error: 'SYSCTL_REFUSED' },
  ]);
});

test('the steps run only in a separate network namespace', () => {
  const argv = [PROGRAM, readlinkSync('/proc/self/ns/net')];
  const { status, stderr } = spawnSync(process.execPath, argv, { input: '[]', encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /nothing was changed/);
});

describe('the parts of a list', () => {
  const text = `${listOf(32_768)}\n`;

  test('make up the whole, end at commas, and fit into a page', () => {
    const parts = partsOf(text);
    assert.equal(parts.join(''), text);
    for (const part of parts) assert.ok(part.length <= 4095 && /[,\n]$/.test(part));
  });

  test('are one if the list fits', () => {
    for (const length of [0, 1, 4095]) assert.deepEqual(partsOf('1'.repeat(length)), ['1'.repeat(length)]);
    assert.deepEqual(partsOf(`${'1'.repeat(4094)},2`), [`${'1'.repeat(4094)},`, '2']);
  });
});
