/** Links and pins: what is attached to a cgroup, what persists without its process, and how it ends. */

import assert from 'node:assert/strict';
import { closeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { R0, R1, R7 } from '../../src/bpf/instruction.ts';
import { encode, taggedBytes } from '../../src/bpf/program.ts';
import { openCgroup } from '../../src/host/linux/cgroup.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { detachLink, linkInfo, updateLink } from '../../src/host/linux/sys/bpf-link.ts';
import { openObject, openPinned, pinObject } from '../../src/host/linux/sys/bpf-object.ts';
import { programInfo } from '../../src/host/linux/sys/bpf-program.ts';
import { attachedPrograms, objectIds } from '../support/bpf-queries.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

const BIND = { socket: 'tcp4', address: '127.0.0.1', port: 4000 } as const;

function answer(value: number, name = 'answer') {
  const p = new Assembler(name);
  p.mov(R0, value);
  p.exit();
  return p.assemble();
}

const bindError = async (fixture: KernelFixture): Promise<string | null | undefined> =>
  (await fixture.bind(BIND))[0]?.error;

test('a link reports its cgroup, and releases everything when it is detached', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const program = fixture.load('bind4', answer(0));
  const link = fixture.link('bind4', program);
  const { id } = programInfo(program);
  assert.deepEqual(linkInfo(link).cgroup, { id: fixture.id, hook: 'bind4' });
  assert.equal(linkInfo(link).programId, id);
  assert.deepEqual(attachedPrograms(fixture.cgroupFd, 'bind4'), [id]);
  assert.deepEqual(attachedPrograms(fixture.cgroupFd, 'bind6'), []);
  assert.equal(await bindError(fixture), 'EPERM');

  detachLink(link);
  assert.equal(await bindError(fixture), null);
  assert.deepEqual(attachedPrograms(fixture.cgroupFd, 'bind4'), []);
  // The link itself exists as long as it is open.
  assert.equal(linkInfo(link).cgroup?.id, 0n);
});

test('a link that is closed everywhere removes its program', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const program = fixture.load('bind4', answer(0));
  const kept = fixture.link('bind4', program);
  const { id } = linkInfo(kept);
  const again = openObject('link', id) ?? assert.fail();
  closeSync(again);
  assert.equal(await bindError(fixture), 'EPERM');
  assert.ok([...objectIds('link')].includes(id));
});

test('all programs run, in the order in which they were attached', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const programs = [1, 0, 1].map((value) => fixture.load('bind4', answer(value)));
  const links = programs.map((program) => fixture.link('bind4', program));
  const ids = programs.map((program) => programInfo(program).id);
  assert.deepEqual(attachedPrograms(fixture.cgroupFd, 'bind4'), ids);
  // They are also effective in the cgroups below, where none is attached.
  mkdirSync(join(fixture.directory, 'below'));
  const below = openCgroup(join(fixture.directory, 'below'));
  assert.deepEqual(attachedPrograms(below, 'bind4'), []);
  assert.ok(ids.every((id) => attachedPrograms(below, 'bind4', 'effective').includes(id)));
  closeSync(below);
  assert.equal(await bindError(fixture), 'EPERM');
  detachLink(links[1] ?? assert.fail());
  assert.equal(await bindError(fixture), null);
});

test('a link accepts another program if it still has the expected one', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const [first, second, third] = [0, 1, 1].map((value) => fixture.load('bind4', answer(value)));
  assert.ok(first && second && third);
  const link = fixture.link('bind4', first);
  updateLink(link, second, first);
  assert.equal(await bindError(fixture), null);
  assert.throws(() => updateLink(link, third, first), { data: { command: 'LINK_UPDATE', errno: 'EPERM' } });
  assert.equal(linkInfo(link).programId, programInfo(second).id);
  updateLink(link, first);
  assert.equal(await bindError(fixture), 'EPERM');
});

test('what the kernel reports about a program', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const map = fixture.map({ type: 'array' });
  const p = new Assembler('with_map');
  p.loadMapValue('r1', 'map', 0);
  p.load('u8', 'r0', 'r1', 0);
  p.and('r0', 1);
  p.exit();
  const [one, same, other] = [p.assemble(), p.assemble(), answer(1)].map((program) =>
    programInfo(fixture.load('bind4', program, { map })),
  );
  assert.ok(one && same && other);
  assert.equal(one.name, 'with_map');
  assert.equal(one.type, 18);
  assert.deepEqual([one.mapIds, other.mapIds], [[map.info.id], []]);
  assert.match(one.tag, /^[0-9a-f]{16}$/);
  assert.equal(one.tag, same.tag);
  assert.notEqual(one.tag, other.tag);
  assert.equal(one.createdByUid, 0);
  assert.ok(one.loadTime <= same.loadTime && one.loadTime > 0n);
  assert.ok(one.translatedBytes >= 5 * 8);
});

test('a program that the verifier refuses is reported with its log', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  assert.throws(() => fixture.load('bind4', answer(4)), {
    message:
      'answer: At program exit the register R0 has smin=4 smax=4 should have been in [0, 3], at 1: exit',
  });
  assert.ok(fixture.load('bind4', answer(3)) > 0);
});

test('nothing is pinned outside bpffs, and what is not pinned is not found', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const map = fixture.map({ type: 'array' });
  const path = join(fixture.directory, 'map');
  assert.throws(() => pinObject(map.fd, path), {
    code: 'BPF_CALL',
    data: { command: 'OBJ_PIN', errno: 'EPERM' },
  });
  assert.equal(openPinned(path), undefined);
});

/**
 * Each step is a separate process; they share a mount namespace, and the pins are removed with it. The pins of
 * the host are not visible there.
 */
const STEPS = `
node=$1 pinner=$2 binder=$3 task=$4 cgroup=$5
umount /sys/fs/bpf 2>/dev/null
bind() { "$node" "$binder" "$task"; echo; }
"$node" "$pinner" create "$cgroup"; echo "$?"
bind
"$node" "$pinner" take-over; bind
"$node" "$pinner" replace; bind
"$node" "$pinner" unpin; bind
`;

test('pins persist when the process is killed, and another process uses them', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const files = ['pinner.ts', 'binder.ts'].map((name) => join(import.meta.dirname, '../support', name));
  const argv = ['sh', '-c', STEPS, 'steps', process.execPath, ...files, JSON.stringify({ binds: [BIND] })];
  const { stdout, stderr } = await fixture.run([...argv, fixture.directory], ['--net', '--mount']);
  const steps = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const [created, code, refused, takenOver, allowed, replaced, refusedAgain, unpinned, free] = steps;
  assert.ok(created, stderr);
  for (const kind of ['map', 'program', 'link'] as const) fixture.watch(kind, created[kind]);
  assert.deepEqual([created.before, created.mounted], [false, [true, false]]);
  assert.equal(code, 128 + 9);
  assert.equal(refused.bound[0].error, 'EPERM');

  assert.equal(takenOver.map.id, created.map);
  assert.equal(takenOver.map.name, 'answers');
  assert.deepEqual([takenOver.program.id, takenOver.program.name], [created.program, 'pinned']);
  assert.deepEqual(takenOver.program.mapIds, [created.map]);
  assert.deepEqual(takenOver.link, { id: created.link, programId: created.program });
  assert.deepEqual(takenOver.cgroup, { id: `${fixture.id}`, hook: 'bind4' });
  assert.equal(allowed.bound[0].error, null);

  assert.equal(replaced.linked, replaced.program);
  assert.notEqual(replaced.program, created.program);
  assert.equal(refusedAgain.bound[0].error, 'EPERM');
  assert.deepEqual(unpinned, { left: true });
  assert.equal(free.bound[0].error, null);
});

test('the tag of a program is known before it is loaded, with any maps', (t) => {
  if (!kernelReady(t)) return;
  const bpf = new LinuxBpf();
  const p = new Assembler('tagged');
  p.loadMap(R1, 'values');
  p.loadMapValue(R7, 'values', 8);
  p.mov(R0, 1);
  p.exit();
  const program = p.assemble();
  const other = answer(1, 'tagged');
  const tags = [1, 2].map(() => {
    const map = bpf.createMap({ type: 'array', name: 'values', keyBytes: 4, valueBytes: 16, entries: 1 });
    const loaded = bpf.loadProgram(
      'tagged',
      'bind4',
      encode(program, () => map.fd),
    );
    t.after(() => {
      loaded.close();
      map.close();
    });
    return loaded.tag;
  });
  assert.equal(tags[0], tags[1]);
  assert.ok(bpf.tags(taggedBytes(program)).includes(tags[0] ?? ''));
  assert.ok(!bpf.tags(taggedBytes(other)).includes(tags[0] ?? ''));
});
