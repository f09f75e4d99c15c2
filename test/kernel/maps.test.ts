/** BPF maps of every type that we use, on the kernel: values are stored, batched and replaced. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { R0, R1, R2, R10 } from '../../src/bpf/instruction.ts';
import { bpf, MAP_ELEMENT } from '../../src/host/linux/sys/bpf.ts';
import { BpfMap, possibleProcessors } from '../../src/host/linux/sys/bpf-map.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const u64 = (...values: readonly bigint[]): Uint8Array => new Uint8Array(new BigUint64Array(values).buffer);
const numbers = (bytes: Uint8Array): number[] => [...new Uint32Array(bytes.slice().buffer)];
/** Makes a map read-only for every process; programs still write. */
const freeze = ({ fd }: BpfMap) => bpf('MAP_FREEZE', MAP_ELEMENT, { map_fd: fd });
const BIND = { socket: 'tcp4', address: '127.0.0.1', port: 4000 } as const;

test('a hash: elements are added, changed and removed', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'hash', entries: 4 });
  assert.equal(map.lookup(u32(1)), undefined);
  assert.equal(map.update(u32(1), u64(10n), 'present'), false);
  assert.equal(map.update(u32(1), u64(11n), 'absent'), true);
  assert.equal(map.update(u32(1), u64(12n), 'absent'), false);
  assert.deepEqual(map.lookup(u32(1)), u64(11n));
  assert.equal(map.update(u32(1), u64(13n), 'present'), true);
  assert.equal(map.update(u32(2), u64(20n)), true);
  assert.deepEqual([...map.keys()].map((key) => numbers(key)[0]).sort(), [1, 2]);
  assert.equal(map.delete(u32(1)), true);
  assert.equal(map.delete(u32(1)), false);
  assert.deepEqual([map.lookup(u32(1)), map.lookup(u32(2))], [undefined, u64(20n)]);
});

test('a full hash refuses, and an LRU hash does not', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const full = fixture.map({ type: 'hash', entries: 2 });
  const forgetful = fixture.map({ type: 'lru_hash', entries: 2 });
  for (const key of [1, 2]) full.update(u32(key), u64(1n));
  assert.throws(() => full.update(u32(3), u64(1n)), {
    code: 'BPF_CALL',
    kind: 'environment',
    data: { command: 'MAP_UPDATE_ELEM', errno: 'E2BIG' },
  });
  for (let key = 0; key < 1000; key++) forgetful.update(u32(key), u64(1n));
  assert.deepEqual(forgetful.lookup(u32(999)), u64(1n));
  assert.equal(forgetful.lookup(u32(0)), undefined);
});

test('an array has all its elements from the start, and no others', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'array', entries: 3 });
  assert.deepEqual(map.lookup(u32(2)), u64(0n));
  assert.equal(map.lookup(u32(3)), undefined);
  assert.equal(map.update(u32(2), u64(7n)), true);
  assert.throws(() => map.update(u32(3), u64(7n)), { data: { command: 'MAP_UPDATE_ELEM', errno: 'E2BIG' } });
  assert.throws(() => map.delete(u32(2)), { data: { command: 'MAP_DELETE_ELEM', errno: 'EINVAL' } });
  assert.deepEqual(
    [...map.keys()].map((key) => numbers(key)[0]),
    [0, 1, 2],
  );
});

test('a per-CPU array has a value for each CPU', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'percpu_array', valueBytes: 4, entries: 2 });
  const processors = possibleProcessors();
  const values = Array.from({ length: processors }, (_, i) => BigInt(i + 1));
  assert.equal(map.lookup(u32(1))?.length, 8 * processors);
  map.update(u32(1), u64(...values));
  assert.deepEqual(map.lookup(u32(1)), u64(...values));
});

test('possible CPUs are counted from the list of the kernel', () => {
  assert.equal(possibleProcessors('0-3\n'), 4);
  assert.equal(possibleProcessors('0\n'), 1);
  assert.equal(possibleProcessors('0-1,4-7,9\n'), 7);
  for (const text of ['', 'a', '3-1', '0-']) {
    assert.throws(() => possibleProcessors(text), { code: 'PROCESSORS_UNKNOWN' });
  }
});

test('keys and values of a wrong length are a bug, before the kernel reads beyond them', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'hash', entries: 4 });
  const wrong = { kind: 'bug', code: 'BPF_LENGTH' };
  assert.throws(() => map.lookup(new Uint8Array(3)), wrong);
  assert.throws(() => map.update(u32(1), new Uint8Array(7)), wrong);
  assert.throws(() => map.delete(new Uint8Array(5)), wrong);
  assert.throws(() => map.nextKey(new Uint8Array(0)), wrong);
  assert.throws(() => map.updateBatch(new Uint8Array(7), new Uint8Array(8)), wrong);
  assert.throws(() => map.updateBatch(new Uint8Array(8), new Uint8Array(8)), wrong);
  map.updateBatch(new Uint8Array(4), new Uint8Array(8));
  map.updateBatch(new Uint8Array(0), new Uint8Array(0));
  assert.deepEqual(map.lookup(u32(0)), u64(0n));
});

test('a name that the kernel would not accept is a bug', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  for (const name of ['a'.repeat(16), 'a-b', 'a b', 'ä']) {
    assert.throws(() => fixture.map({ type: 'array', name }), { kind: 'bug', code: 'BPF_NAME' });
  }
  assert.equal(fixture.map({ type: 'array', name: 'a_b.c0123456789' }).info.name, 'a_b.c0123456789');
});

const MANY = 60_000;

for (const type of ['array', 'hash'] as const) {
  test(`${MANY} elements of type ${type} are stored with one call`, (t) => {
    if (!kernelReady(t)) return;
    const map = KernelFixture.open(t).map({ type, entries: 65536 });
    const keys = new Uint32Array(MANY).map((_, i) => i);
    const values = new BigUint64Array(MANY).map((_, i) => BigInt(i) * 3n);
    map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer));
    assert.deepEqual(map.lookup(u32(59_999)), u64(179_997n));
    const count = type === 'array' ? 65536 : MANY;
    const table = new Map([...map.keys()].map((key) => [numbers(key)[0], map.lookup(key)]));
    assert.equal(table.size, count);
    for (let key = 0; key < MANY; key++) assert.deepEqual(table.get(key), u64(BigInt(key) * 3n));
  });
}

test('the values of an array are memory that the program sees at once', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const answers = fixture.map({ type: 'array', flags: ['mmapable'] });
  const p = new Assembler('answer');
  p.loadMapValue(R1, 'answers', 0);
  p.load('u8', R0, R1, 0);
  p.and(R0, 1, 'the verifier requires proof that it is an answer');
  p.exit();
  fixture.attach('bind4', p.assemble(), { answers });
  const memory = answers.memory('read and write');
  assert.equal((await fixture.bind(BIND))[0]?.error, 'EPERM');
  memory.u8[0] = 1;
  assert.equal((await fixture.bind(BIND))[0]?.error, null);
  assert.deepEqual(answers.lookup(u32(0)), u64(1n));
  assert.throws(() => freeze(answers), { data: { command: 'MAP_FREEZE', errno: 'EBUSY' } });
  memory.close();
  assert.equal(memory.u8.length, 0);
});

test('a frozen map can be read, but not changed by any process', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'array', flags: ['mmapable', 'rdonly_prog'] });
  map.update(u32(0), u64(5n));
  freeze(map);
  assert.throws(() => map.update(u32(0), u64(6n)), { data: { command: 'MAP_UPDATE_ELEM', errno: 'EPERM' } });
  assert.throws(() => map.memory('read and write'), {
    code: 'MEMORY_NOT_MAPPED',
    data: { errno: 'EPERM', bytes: 4096 },
  });
  const memory = map.memory('read');
  assert.equal(memory.u8[0], 5);
  memory.close();
});

test('an array without the flag cannot be mapped', (t) => {
  if (!kernelReady(t)) return;
  const map = KernelFixture.open(t).map({ type: 'array' });
  assert.throws(() => map.memory('read'), { code: 'MEMORY_NOT_MAPPED' });
});

/** Returns the first byte of element 0 of the map that is in the array of maps. */
function outerProgram() {
  const p = new Assembler('outer');
  p.store('u32', R10, -4, 0);
  p.loadMap(R1, 'tables');
  p.mov(R2, R10);
  p.add(R2, -4);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'out');
  p.mov(R1, R0);
  p.mov(R2, R10);
  p.add(R2, -4);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'out');
  p.load('u8', R0, R0, 0);
  p.and(R0, 1);
  p.label('out');
  p.exit();
  return p.assemble();
}

test('an inner map is replaced atomically, and the old one is freed', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const flags = ['mmapable', 'inner_map'] as const;
  const refusing = fixture.map({ type: 'array', name: 'refusing', flags, entries: 1 });
  // Of any size: `inner_map` in the template permits it.
  const allowing = fixture.map({ type: 'array', name: 'allowing', flags, entries: 500 });
  allowing.update(u32(0), u64(1n));
  const tables = fixture.map({ type: 'array_of_maps', valueBytes: 4, entries: 1, innerMap: refusing });
  fixture.attach('bind4', outerProgram(), { tables });
  assert.equal((await fixture.bind(BIND))[0]?.error, 'EPERM', 'there is no inner map');
  tables.update(u32(0), u32(allowing.fd));
  assert.equal((await fixture.bind(BIND))[0]?.error, null);
  tables.update(u32(0), u32(refusing.fd));
  assert.equal((await fixture.bind(BIND))[0]?.error, 'EPERM');
  tables.update(u32(0), u32(allowing.fd));
  assert.equal((await fixture.bind(BIND))[0]?.error, null);

  const id = numbers(tables.lookup(u32(0)) ?? assert.fail())[0] ?? 0;
  using found = BpfMap.byId(id) ?? assert.fail();
  assert.deepEqual([found.info.name, found.info.entries, found.lookup(u32(0))], ['allowing', 500, u64(1n)]);
});

test('an inner map of another shape is refused', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const pattern = fixture.map({ type: 'array', entries: 4 });
  const tables = fixture.map({ type: 'array_of_maps', valueBytes: 4, innerMap: pattern });
  const refused = { data: { command: 'MAP_UPDATE_ELEM', errno: 'EINVAL' } };
  assert.throws(() => tables.update(u32(0), u32(fixture.map({ type: 'array', entries: 5 }).fd)), refused);
  assert.throws(() => tables.update(u32(0), u32(fixture.map({ type: 'hash', entries: 4 }).fd)), refused);
  assert.equal(tables.update(u32(0), u32(fixture.map({ type: 'array', entries: 4 }).fd)), true);
});

test('an object that is not a map cannot be found by its id', (t) => {
  if (!kernelReady(t)) return;
  assert.equal(BpfMap.byId(2 ** 31), undefined);
});
