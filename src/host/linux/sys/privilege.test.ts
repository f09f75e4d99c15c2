// Tests of determining why a privileged operation was refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bpfErrorIn } from './bpf.ts';
import { obstacleIn, type Privilege } from './privilege.ts';

const ALL = '000001ffffffffff';
/** Without bit 39, without bit 12, without bit 21. */
const WITHOUT = {
  bpf: '0000017fffffffff',
  netAdmin: '000001ffffffefff',
  sysAdmin: '000001ffffdfffff',
} as const;
const FREE: Privilege = statusOf(ALL);

function statusOf(effective: string, seccomp = 0): Privilege {
  const lines = ['Name:\tnode', `CapPrm:\t${ALL}`, `CapEff:\t${effective}`, `Seccomp:\t${seccomp}`, ''];
  const status = lines.join('\n');
  return { status, uidMap: '         0          0 4294967295\n', lockdown: '' };
}

test('a missing capability is reported, unless CAP_SYS_ADMIN includes it', () => {
  const docker = '00000000a80425fb';
  assert.match(
    obstacleIn(statusOf(docker)).why,
    /^this process lacks CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN$/,
  );
  assert.equal(obstacleIn(statusOf(WITHOUT.sysAdmin)).why, 'this process lacks CAP_SYS_ADMIN');
  for (const effective of [WITHOUT.bpf, WITHOUT.netAdmin, ALL]) {
    assert.equal(obstacleIn(statusOf(effective)).why, '', effective);
  }
  assert.match(obstacleIn(statusOf(docker)).hint, /--cap-add/);
});

test('a user namespace is reported, even if root has every capability in it', () => {
  const inside = { ...FREE, uidMap: '         0     100000      65536\n' };
  assert.match(obstacleIn(inside).why, /in a user namespace/);
  assert.match(obstacleIn({ ...inside, ...statusOf('0'), uidMap: inside.uidMap }).why, /in a user namespace/);
});

test('both kinds of lockdown are reported', () => {
  for (const [lockdown, why] of [
    ['none [integrity] confidentiality\n', 'the kernel is locked down (integrity)'],
    ['none integrity [confidentiality]\n', 'the kernel is locked down (confidentiality)'],
    ['[none] integrity confidentiality\n', ''],
  ] as const) {
    assert.equal(obstacleIn({ ...FREE, lockdown }).why, why);
  }
});

test('a seccomp filter is reported', () => {
  assert.equal(obstacleIn(statusOf(ALL, 2)).why, 'a seccomp filter is in force');
  assert.equal(obstacleIn(statusOf(ALL, 1)).why, '');
});

test('without a known obstacle, the hint names possible ones', () => {
  for (const reported of [FREE, { status: '', uidMap: '', lockdown: '' }]) {
    assert.deepEqual([obstacleIn(reported).why, /SELinux/.test(obstacleIn(reported).hint)], ['', true]);
  }
});

test('the error of bpf(2) states the obstacle and what to do', () => {
  const locked = obstacleIn({ ...FREE, lockdown: 'none [integrity] confidentiality\n' });
  const { kind, code, message, hint, data } = bpfErrorIn('PROG_LOAD', 1, 'program a', locked);
  assert.deepEqual([kind, code, data], ['environment', 'BPF_CALL', { command: 'PROG_LOAD', errno: 'EPERM' }]);
  assert.equal(message, 'bpf(2) PROG_LOAD failed on program a: EPERM: the kernel is locked down (integrity)');
  assert.match(hint, /without lockdown=/);
  const unsupported = bpfErrorIn('PROG_LOAD', 38, '', locked);
  assert.equal(unsupported.message, 'bpf(2) PROG_LOAD failed: ENOSYS');
  assert.match(unsupported.hint, /built without BPF/);
});
