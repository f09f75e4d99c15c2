// Tests of parsing proc_pid_mountinfo(5) and finding the cgroup2 hierarchy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroup2MountPoint, parseMountinfo } from './mountinfo.ts';

const UNIFIED = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 25 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
30 25 0:27 / /sys/fs/bpf rw,nosuid,nodev,noexec,relatime shared:11 - bpf bpf rw,mode=700
`;
const HYBRID = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

test('a mount has a root, a mount point and a type after any optional fields', () => {
  const text =
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n';
  assert.deepEqual(parseMountinfo(text), [{ root: '/mnt1', mountPoint: '/mnt2', type: 'ext3' }]);
  assert.equal(parseMountinfo(UNIFIED).length, 3);
});

// proc_pid_mountinfo(5): spaces, tabs, newlines and backslashes are \040, \011, \012, \134.
test('octal escapes are decoded', () => {
  const text = '36 35 98:0 /a\\040b /c\\134040\\011d rw - ext3 x rw\n';
  assert.deepEqual(parseMountinfo(text), [{ root: '/a b', mountPoint: '/c\\040\td', type: 'ext3' }]);
});

test('an invalid line is skipped', () => {
  for (const line of ['', 'a', '36 35 98:0 /mnt1 /mnt2 rw', '36 35 98:0 - ext3 x rw', '1 2 3 / /a rw - ']) {
    assert.deepEqual(parseMountinfo(`${line}\n`), []);
  }
});

test('cgroup2 is found in both layouts, and reported if missing', () => {
  assert.equal(cgroup2MountPoint(parseMountinfo(UNIFIED)), '/sys/fs/cgroup');
  assert.equal(cgroup2MountPoint(parseMountinfo(HYBRID)), '/sys/fs/cgroup/unified');
  assert.equal(cgroup2MountPoint(parseMountinfo(HYBRID.replace(/^41.*$/m, ''))), undefined);
});

test('a partial mount of the hierarchy is not accepted', () => {
  const part = '50 31 0:38 /a.slice /run/part rw - cgroup2 cgroup2 rw\n';
  assert.equal(cgroup2MountPoint(parseMountinfo(part + HYBRID)), '/sys/fs/cgroup/unified');
  assert.equal(cgroup2MountPoint(parseMountinfo(part)), undefined);
});
