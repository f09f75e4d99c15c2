// Tests of parsing /proc/PID/cgroup (cgroups(7)).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroupOf } from './cgroup.ts';

test('version 2 is the line with hierarchy ID 0 and no controllers', () => {
  assert.equal(parseCgroupOf('0::/system.slice/ssh.service\n'), '/system.slice/ssh.service');
  assert.equal(parseCgroupOf('9:name=systemd:/a\n1:cpu:/b\n0::/c\n'), '/c');
  assert.equal(parseCgroupOf('0::/\n'), '/');
  assert.equal(parseCgroupOf('9:name=systemd:/0::/c\n10::/d\n'), undefined);
  assert.equal(parseCgroupOf(''), undefined);
});

test('a removed cgroup is not returned', () => {
  assert.equal(parseCgroupOf('0::/a.service (deleted)\n'), undefined);
  assert.equal(parseCgroupOf('0::/a.service(deleted)\n'), '/a.service(deleted)');
});

test('a name may contain spaces and colons', () => {
  assert.equal(parseCgroupOf('0::/a b:0::/c\n'), '/a b:0::/c');
});
