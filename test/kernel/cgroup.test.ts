/** Control groups on the kernel: numbers, walking the tree, and the cgroup of a process. */

import assert from 'node:assert/strict';
import { closeSync, mkdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { cgroupId, cgroupRoot, openCgroup, walkCgroups } from '../../src/host/linux/cgroup.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

test('a walk yields each cgroup once, with its number, ancestors first', (t) => {
  if (!kernelReady(t)) return;
  const { directory, id } = KernelFixture.open(t);
  const below = ['a', 'a/x', 'b'].map((name) => join(directory, name));
  for (const name of below) mkdirSync(name);
  const walked = [...walkCgroups(directory)];
  assert.deepEqual(
    walked.map((cgroup) => cgroup.directory),
    [directory, ...below],
  );
  assert.equal(walked[0]?.id, id);
  assert.equal(new Set(walked.map((cgroup) => cgroup.id)).size, 4);
  assert.ok([...walkCgroups(cgroupRoot())].some((cgroup) => cgroup.id === id));
});

test('a cgroup that is removed during a walk is omitted', (t) => {
  if (!kernelReady(t)) return;
  const { directory } = KernelFixture.open(t);
  const [stays, goes] = [join(directory, 'a'), join(directory, 'b')];
  mkdirSync(stays);
  mkdirSync(goes);
  const seen: string[] = [];
  for (const cgroup of walkCgroups(directory)) {
    if (cgroup.directory === directory) rmdirSync(goes);
    seen.push(cgroup.directory);
  }
  assert.deepEqual(seen, [directory, stays]);
  assert.deepEqual([...walkCgroups(goes)], []);
});

test('a missing cgroup has no number and cannot be opened', (t) => {
  if (!kernelReady(t)) return;
  const { directory, id } = KernelFixture.open(t);
  const missing = { kind: 'environment', code: 'CGROUP_GONE' };
  assert.throws(() => cgroupId(join(directory, 'none')), missing);
  assert.throws(() => openCgroup(join(directory, 'none')), missing);
  assert.equal(cgroupId(directory), id);
  closeSync(openCgroup(directory));
  for (const other of ['/', '/proc', '/sys/fs']) {
    assert.throws(() => openCgroup(other), { kind: 'usage', code: 'CGROUP_INVALID' }, other);
  }
});

test('the cgroup of a process is its path below the root', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const { stdout } = await fixture.run(['cat', '/proc/self/cgroup']);
  assert.match(stdout, new RegExp(`^0::/${basename(fixture.directory)}$`, 'm'));
});
