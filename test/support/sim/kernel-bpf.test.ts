// Tests that the simulated BPF behaves like the kernel where the guard depends on it: lifetimes of objects, and errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../../src/base/errors.ts';
import type { KernelMapSpec } from '../../../src/host/host.ts';
import { Killed, SIM_CGROUPS, SimBpf } from './kernel-bpf.ts';

const HASH: KernelMapSpec = { type: 'hash', name: 'one', keyBytes: 4, valueBytes: 4, entries: 2 };
const DIRECTORY = '/sys/fs/bpf/here';
const word = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
const EXIT = Uint8Array.from([0x95, 0, 0, 0, 0, 0, 0, 0]);

function outerOf(bpf: SimBpf, inner: KernelMapSpec) {
  const innerMap = bpf.createMap(inner);
  const outer = bpf.createMap({ ...HASH, type: 'array_of_maps', name: 'outer', innerMap });
  return { innerMap, outer };
}

test('an object exists while it is open, pinned, or needed by another object', () => {
  const bpf = new SimBpf();
  const { innerMap, outer } = outerOf(bpf, HASH);
  const { id } = innerMap.info;
  outer.update(word(1), word(innerMap.fd));
  bpf.makeDirectory(DIRECTORY);
  bpf.pin(outer, `${DIRECTORY}/outer`);
  for (const map of [innerMap, outer]) map.close();
  assert.deepEqual(outer.info.name, 'outer');
  assert.equal(bpf.mapById(id)?.info.id, id);
  bpf.end();
  const next = new SimBpf(bpf.kernel);
  const again = next.openMap(`${DIRECTORY}/outer`) ?? assert.fail();
  assert.deepEqual(again.lookup(word(1)), word(id));
  assert.equal(again.delete(word(1)), true);
  assert.equal(next.mapById(id), undefined);
  assert.throws(() => innerMap.lookup(word(0)), /EBADF/);
});

test('a program is attached while its link exists, to one cgroup only', () => {
  const bpf = new SimBpf();
  const program = bpf.loadProgram('one', 'bind4', EXIT);
  const link = bpf.attach(program, SIM_CGROUPS, 'bind4');
  program.close();
  const called = () => bpf.kernel.attached(SIM_CGROUPS, 'bind4').map(({ name }) => name);
  assert.deepEqual([called(), bpf.kernel.attached(SIM_CGROUPS, 'bind6')], [['one'], []]);
  bpf.makeDirectory(DIRECTORY);
  bpf.pin(link, `${DIRECTORY}/link`);
  link.close();
  assert.deepEqual(called(), ['one']);
  bpf.unpin(`${DIRECTORY}/link`);
  assert.deepEqual(called(), []);
  assert.throws(() => bpf.attach(bpf.loadProgram('six', 'bind6', EXIT), SIM_CGROUPS, 'bind4'), /EINVAL/);
});

const refused: readonly (readonly [errno: string, what: string, act: (bpf: SimBpf) => unknown])[] = [
  ['ENOENT', 'a pin in a missing directory', (bpf) => bpf.pin(bpf.createMap(HASH), `${DIRECTORY}-2/map`)],
  ['EEXIST', 'a duplicate pin', (bpf) => [1, 2].map(() => bpf.pin(bpf.createMap(HASH), `${DIRECTORY}/map`))],
  ['ENOENT', 'an exchange with a missing directory', (bpf) => bpf.exchange(DIRECTORY, `${DIRECTORY}-2`)],
  [
    'EPERM',
    'a mapping of a map that is not mmapable',
    (bpf) => bpf.createMap({ ...HASH, type: 'array' }).memory('read'),
  ],
  [
    'E2BIG',
    'an element beyond the size of a map',
    (bpf) => {
      const map = bpf.createMap(HASH);
      for (const key of [1, 2, 3]) map.update(word(key), word(key));
    },
  ],
  [
    'EINVAL',
    'an inner map that does not match the template',
    (bpf) => outerOf(bpf, HASH).outer.update(word(0), word(bpf.createMap({ ...HASH, valueBytes: 8 }).fd)),
  ],
];
for (const [errno, what, act] of refused) {
  test(`is refused with ${errno}: ${what}`, () => {
    const bpf = new SimBpf();
    bpf.makeDirectory(DIRECTORY);
    assert.throws(
      () => act(bpf),
      (thrown) => thrown instanceof PortreeveError && thrown.data['errno'] === errno,
    );
  });
}

test('a rename keeps the contents of a directory and its lock', () => {
  const bpf = new SimBpf();
  const other = '/sys/fs/bpf/other';
  for (const path of [DIRECTORY, other]) bpf.makeDirectory(path);
  bpf.pin(bpf.createMap(HASH), `${DIRECTORY}/map`);
  const held = bpf.hold(DIRECTORY);
  assert.equal(bpf.rename(other, DIRECTORY), false);
  bpf.exchange(DIRECTORY, other);
  assert.deepEqual(bpf.kernel.bpffs.paths(), [DIRECTORY, other, `${other}/map`]);
  assert.throws(() => bpf.hold(other), { code: 'BPF_BUSY' });
  held?.release();
  assert.equal(bpf.rename(other, DIRECTORY), true);
  assert.deepEqual(bpf.kernel.bpffs.paths(), [DIRECTORY, `${DIRECTORY}/map`]);
});

test('one call fails, and a killed process makes no further call and holds nothing', () => {
  const bpf = new SimBpf();
  bpf.makeDirectory(DIRECTORY);
  bpf.failAt(1);
  bpf.createMap(HASH);
  assert.throws(() => bpf.createMap(HASH), { code: 'BPF_CALL' });
  bpf.createMap(HASH);
  bpf.hold(DIRECTORY);
  bpf.dieAt(0);
  for (let i = 0; i < 2; i++) assert.throws(() => bpf.unpin(`${DIRECTORY}/map`), Killed);
  bpf.end();
  assert.deepEqual(bpf.kernel.objects(), []);
  assert.ok(new SimBpf(bpf.kernel).hold(DIRECTORY));
});
