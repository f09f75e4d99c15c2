/** A program for bind4 under our license may call every helper in our table, and gets the documented result. */

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { HELPERS, type Helper } from '../../src/bpf/helpers.ts';
import { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 } from '../../src/bpf/instruction.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { RingBuffer } from '../../src/host/linux/ring-buffer.ts';
import { possibleProcessors } from '../../src/host/linux/sys/bpf-map.ts';
import { HOOKS } from '../../src/host/linux/sys/bpf-program.ts';
import type { Report } from '../support/binder.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

const BIND = { socket: 'tcp4', address: '127.0.0.1', port: 4000 } as const;
const ALICE = 1000;
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;

const tested = new Set<Helper>();

/** What a program left in its four 64-bit places, and what the process that made it run reports. */
interface Seen {
  readonly values: readonly bigint[];
  readonly report: Report;
  readonly fixture: KernelFixture;
}

/**
 * Runs a program that has the context in R6 and the address of four places in R9, and returns 1. A helper counts as
 * tested when a program that calls it has run.
 */
async function observe(
  t: TestContext,
  helpers: readonly Helper[],
  write: (p: Assembler) => void,
): Promise<Seen> {
  for (const helper of helpers) tested.add(helper);
  const fixture = KernelFixture.open(t);
  const values = fixture.map({ type: 'array', valueBytes: 32 });
  const p = new Assembler('observe');
  p.mov(R6, R1);
  p.loadMapValue(R9, 'values', 0);
  write(p);
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble(), { values });
  const report = await fixture.report({ uid: ALICE, binds: [BIND] });
  assert.equal(report.bound[0]?.error, null);
  const bytes = values.lookup(new Uint8Array(4)) ?? assert.fail();
  return { values: [...new BigUint64Array(bytes.buffer)], report, fixture };
}

/** Calls a helper without arguments or with the context, and stores the result. */
const kept =
  (helper: Helper, place = 0) =>
  (p: Assembler): void => {
    p.mov(R1, R6);
    p.call(helper);
    p.store('u64', R9, place * 8, R0);
  };

test('get_current_pid_tgid, get_current_uid_gid, get_current_comm: the identity of the caller', async (t) => {
  if (!kernelReady(t)) return;
  const { values, report } = await observe(
    t,
    ['get_current_pid_tgid', 'get_current_uid_gid', 'get_current_comm'],
    (p) => {
      kept('get_current_pid_tgid', 0)(p);
      kept('get_current_uid_gid', 1)(p);
      p.mov(R1, R10);
      p.add(R1, -16);
      p.mov(R2, 16);
      p.call('get_current_comm');
      p.load('u64', R1, R10, -16);
      p.store('u64', R9, 16, R1);
      p.load('u64', R1, R10, -8);
      p.store('u64', R9, 24, R1);
    },
  );
  assert.equal((values[0] ?? 0n) >> 32n, BigInt(report.pid));
  assert.equal(values[1], (BigInt(ALICE) << 32n) | BigInt(ALICE));
  const comm = Buffer.from(new BigUint64Array(values.slice(2)).buffer).toString('latin1');
  assert.equal(comm.replace(/\0.*$/, ''), 'MainThread');
});

test('get_current_cgroup_id, get_current_ancestor_cgroup_id: the inode of the directory', async (t) => {
  if (!kernelReady(t)) return;
  const { values, fixture } = await observe(
    t,
    ['get_current_cgroup_id', 'get_current_ancestor_cgroup_id'],
    (p) => {
      kept('get_current_cgroup_id', 0)(p);
      for (const [level, place] of [
        [0, 1],
        [1, 2],
        [2, 3],
      ] as const) {
        p.mov(R1, level);
        p.call('get_current_ancestor_cgroup_id');
        p.store('u64', R9, place * 8, R0);
      }
    },
  );
  const root = statSync(cgroupRoot(), { bigint: true }).ino;
  // The tests' cgroup is just below the root; there is none below it.
  assert.deepEqual(values, [fixture.id, root, fixture.id, 0n]);
});

test('get_socket_cookie, get_netns_cookie: the same as by getsockopt(2)', async (t) => {
  if (!kernelReady(t)) return;
  const { values, report } = await observe(t, ['get_socket_cookie', 'get_netns_cookie'], (p) => {
    kept('get_socket_cookie', 0)(p);
    kept('get_netns_cookie', 1)(p);
  });
  const [bound] = report.bound;
  assert.deepEqual(values.slice(0, 2).map(String), [bound?.cookie, bound?.netnsCookie]);
  assert.notEqual(bound?.netnsCookie, '0');
});

test('ktime_get_ns, ktime_get_boot_ns: CLOCK_MONOTONIC and CLOCK_BOOTTIME', async (t) => {
  if (!kernelReady(t)) return;
  const before = process.hrtime.bigint();
  const upBefore = uptime();
  const { values } = await observe(t, ['ktime_get_ns', 'ktime_get_boot_ns'], (p) => {
    kept('ktime_get_ns', 0)(p);
    kept('ktime_get_boot_ns', 1)(p);
  });
  const [monotonic = 0n, boot = 0n] = values;
  assert.ok(monotonic > before && monotonic < process.hrtime.bigint());
  assert.ok(boot >= upBefore && boot < uptime() + 10_000_000n);
});

/** proc_uptime(5), in nanoseconds; its resolution is a hundredth of a second. */
function uptime(): bigint {
  const [digits = ''] = readFileSync('/proc/uptime', 'latin1').split(' ');
  return BigInt(digits.replace('.', '')) * 10_000_000n;
}

test('get_smp_processor_id, get_prandom_u32: an existing CPU, and different numbers', async (t) => {
  if (!kernelReady(t)) return;
  const { values } = await observe(t, ['get_smp_processor_id', 'get_prandom_u32'], (p) => {
    kept('get_smp_processor_id', 0)(p);
    kept('get_prandom_u32', 1)(p);
    kept('get_prandom_u32', 2)(p);
    kept('get_prandom_u32', 3)(p);
  });
  const [processor = 0n, ...random] = values;
  assert.ok(processor < BigInt(possibleProcessors()));
  assert.ok(random.every((number) => number < 2n ** 32n));
  assert.ok(new Set(random).size > 1);
});

test('setsockopt, getsockopt: an option of the socket that is bound', async (t) => {
  if (!kernelReady(t)) return;
  const argumentsOf = (p: Assembler): void => {
    p.mov(R1, R6);
    p.mov(R2, SOL_SOCKET);
    p.mov(R3, SO_REUSEPORT);
    p.mov(R4, R10);
    p.add(R4, -4);
    p.mov(R5, 4);
  };
  const { values, report } = await observe(t, ['setsockopt', 'getsockopt'], (p) => {
    p.store('u32', R10, -4, 0);
    argumentsOf(p);
    p.call('getsockopt');
    p.store('u64', R9, 0, R0);
    p.load('u32', R1, R10, -4);
    p.store('u64', R9, 8, R1, 'the earlier value');
    p.store('u32', R10, -4, 1);
    argumentsOf(p);
    p.call('setsockopt');
    p.store('u64', R9, 16, R0);
  });
  assert.deepEqual(values.slice(0, 3), [0n, 0n, 0n]);
  assert.equal(report.bound[0]?.reusePort, 1);
});

test('get_retval, set_retval: the errno of bind(2)', async (t) => {
  if (!kernelReady(t)) return;
  const { values, fixture } = await observe(t, ['get_retval', 'set_retval'], (p) => {
    kept('get_retval', 0)(p);
    p.mov(R1, -98);
    p.call('set_retval');
    p.store('u64', R9, 8, R0);
    kept('get_retval', 2)(p);
    p.mov(R1, 0);
    p.call('set_retval', 'allowed after all');
  });
  assert.deepEqual(values.slice(0, 3), [0n, 0n, BigInt.asUintN(64, -98n)]);
  // An answer of 1 does not revert what was set.
  const p = new Assembler('retval');
  p.mov(R1, -98);
  p.call('set_retval');
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble());
  const [bound] = await fixture.bind(BIND);
  assert.equal(bound?.error, 'EADDRINUSE');
});

test('map_lookup_elem, map_update_elem, map_delete_elem', async (t) => {
  if (!kernelReady(t)) return;
  for (const helper of ['map_lookup_elem', 'map_update_elem', 'map_delete_elem'] as const) tested.add(helper);
  const fixture = KernelFixture.open(t);
  const table = fixture.map({ type: 'hash', entries: 8 });
  const key = (number: number): Uint8Array => Uint8Array.of(number, 0, 0, 0);
  const value = (number: number): Uint8Array => Uint8Array.of(number, 0, 0, 0, 0, 0, 0, 0);
  table.update(key(1), value(40));
  table.update(key(2), value(50));
  const p = new Assembler('tables');
  const pointKey = (number: number): void => {
    p.store('u32', R10, -4, number);
    p.loadMap(R1, 'table');
    p.mov(R2, R10);
    p.add(R2, -4);
  };
  pointKey(1);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'out');
  p.load('u64', R7, R0, 0);
  p.add(R7, 2);
  p.store('u64', R10, -16, R7);
  pointKey(3);
  p.mov(R3, R10);
  p.add(R3, -16);
  p.mov(R4, 0);
  p.call('map_update_elem');
  pointKey(2);
  p.call('map_delete_elem');
  p.label('out');
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble(), { table });
  await fixture.bind(BIND);
  assert.deepEqual(
    [1, 2, 3].map((number) => table.lookup(key(number))?.[0]),
    [40, undefined, 42],
  );
});

test('ringbuf_output, ringbuf_reserve, ringbuf_submit, ringbuf_discard', async (t) => {
  if (!kernelReady(t)) return;
  const helpers = ['ringbuf_output', 'ringbuf_reserve', 'ringbuf_submit', 'ringbuf_discard'] as const;
  for (const helper of helpers) tested.add(helper);
  const fixture = KernelFixture.open(t);
  const events = fixture.map({ type: 'ringbuf', keyBytes: 0, valueBytes: 0, entries: 4096 });
  const p = new Assembler('events');
  p.loadMap(R1, 'events');
  p.mov(R2, 8);
  p.mov(R3, 0);
  p.call('ringbuf_reserve');
  p.jump('eq', R0, 0, 'out');
  p.store('u64', R0, 0, 7);
  p.mov(R1, R0);
  p.mov(R2, 0);
  p.call('ringbuf_discard');
  p.store('u64', R10, -8, 8);
  p.loadMap(R1, 'events');
  p.mov(R2, R10);
  p.add(R2, -8);
  p.mov(R3, 8);
  p.mov(R4, 0);
  p.call('ringbuf_output');
  p.loadMap(R1, 'events');
  p.mov(R2, 8);
  p.mov(R3, 0);
  p.call('ringbuf_reserve');
  p.jump('eq', R0, 0, 'out');
  p.store('u64', R0, 0, 9);
  p.mov(R1, R0);
  p.mov(R2, 0);
  p.call('ringbuf_submit');
  p.label('out');
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble(), { events });
  await fixture.bind(BIND);
  using ring = new RingBuffer(events);
  const numbers: bigint[] = [];
  ring.drain((record) => numbers.push(record.getBigUint64(0, true)));
  assert.deepEqual(numbers, [8n, 9n]);
});

test('tail_call: another program replaces the first', async (t) => {
  if (!kernelReady(t)) return;
  tested.add('tail_call');
  const fixture = KernelFixture.open(t);
  const programs = fixture.map({ type: 'prog_array', valueBytes: 4, entries: 2 });
  const refuse = new Assembler('refuse');
  refuse.mov(R0, 0);
  refuse.exit();
  const next = new Uint8Array(new Uint32Array([fixture.load('bind4', refuse.assemble())]).buffer);
  const p = new Assembler('first');
  p.loadMap(R2, 'programs');
  p.mov(R3, 1);
  p.call('tail_call');
  p.mov(R0, 1, 'only if there is none');
  p.exit();
  fixture.attach('bind4', p.assemble(), { programs });
  const [before] = await fixture.bind(BIND);
  programs.update(Uint8Array.of(1, 0, 0, 0), next);
  const [after] = await fixture.bind(BIND);
  assert.deepEqual([before?.error, after?.error], [null, 'EPERM']);
});

test('bind: a client gets the source port that the program chose, at connect4', async (t) => {
  if (!kernelReady(t)) return;
  tested.add('bind');
  const fixture = KernelFixture.open(t);
  const p = new Assembler('source');
  p.mov(R6, R1);
  p.store('u64', R10, -16, 0);
  p.store('u64', R10, -8, 0);
  p.store('u16', R10, -16, 2, 'AF_INET');
  p.mov(R7, 4321);
  p.swap('be16', R7);
  p.store('u16', R10, -14, R7);
  p.mov(R1, R6);
  p.mov(R2, R10);
  p.add(R2, -16);
  p.mov(R3, 16);
  p.call('bind');
  p.mov(R8, R0);
  p.mov(R0, 1);
  p.jump('eq', R8, 0, 'out');
  p.mov(R0, 0);
  p.label('out');
  p.exit();
  fixture.attach('connect4', p.assemble());
  const program = `
    const server = require('node:net').createServer((socket) => {
      process.stdout.write(String(socket.remotePort));
      process.exit();
    });
    server.listen(4000, '127.0.0.1', () => require('node:net').connect(4000, '127.0.0.1'));`;
  const { stdout, stderr } = await fixture.run([process.execPath, '-e', program]);
  assert.equal(stdout, '4321', stderr);
});

test('sk_storage_get: the verifier knows it, and requires its map', (t) => {
  if (!kernelReady(t)) return;
  tested.add('sk_storage_get');
  const fixture = KernelFixture.open(t);
  const p = new Assembler('storage');
  p.mov(R2, 0);
  p.mov(R3, 0);
  p.mov(R4, 0);
  p.call('sk_storage_get');
  p.mov(R0, 1);
  p.exit();
  assert.throws(() => fixture.load('bind4', p.assemble()), /R1 type=ctx expected=map_ptr/);
});

test('every hook accepts a program', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  for (const hook of Object.keys(HOOKS) as (keyof typeof HOOKS)[]) {
    const p = new Assembler('hook');
    p.mov(R0, 1);
    p.exit();
    assert.ok(fixture.attach(hook, p.assemble()) > 0, hook);
  }
});

test('probe_read_kernel_str is for GPL programs, and cgroup programs are not', (t) => {
  if (!kernelReady(t)) return;
  tested.add('probe_read_kernel_str');
  const fixture = KernelFixture.open(t);
  const p = new Assembler('reader');
  p.mov(R1, R10);
  p.add(R1, -8);
  p.mov(R2, 8);
  p.mov(R3, 0);
  p.call('probe_read_kernel_str');
  p.mov(R0, 1);
  p.exit();
  assert.throws(() => fixture.attach('bind4', p.assemble()), /cannot call GPL-restricted function/);
});

test('every helper is covered', (t) => {
  if (!kernelReady(t)) return;
  assert.deepEqual(
    Object.keys(HELPERS).filter((name) => ![...tested].some((helper) => helper === name)),
    [],
  );
});
