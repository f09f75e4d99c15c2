// The commands with guards of other versions, and guards whose programs are no longer called.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GUARD_ABI } from '../../src/guard/bpf/layout.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { NOBODY, ROOT_UID, type Workspace, workspace } from '../support/guard-workspace.ts';
import { installOlder, type OlderGuard } from '../support/older-guard.ts';

/** The port of the recorded guard that belongs to WEB. */
const PORT = 4000;
const PROFILE = `PORT ${PORT} TCP NOBODY\n`;
const MINUTE_NS = 60_000_000_000n;

/** An older guard without a user with the job WEB, and the same profile in the archive. */
function withOlder(at: Workspace, more: Partial<OlderGuard> = {}): void {
  at.write('first', PROFILE);
  assert.match(at.run('apply @first').stdout, /recorded as revision 1; nothing enforces it/);
  const users = [[NOBODY, 'WEB']] as const;
  const home = at.network;
  installOlder(new LinuxBpf(), at.place, { mode: 'enforce', users, namespaces: [], home, ...more });
}

const holders = ({ bind }: Workspace) => [bind(NOBODY, PORT), bind(ROOT_UID, PORT)];
const GUARDED = ['ok', 'EACCES'];

test('the guard of an older portreeve is shown, and not changed', (t) => {
  const at = workspace(t);
  if (!at) return;
  withOlder(at);
  assert.deepEqual(holders(at), GUARDED);
  const { code, stdout } = at.run('guard');
  assert.equal(code, 0);
  assert.match(stdout, /^guard {5}was installed by an older portreeve, and enforces revision 1\n/);
  assert.match(stdout, /\nbinds {5}1 allowed by the profile, 1 not allowed\n/);
  assert.match(stdout, /\nto do {5}portreeve guard enforce \(or observe\) replaces it without a gap/);
  const { version, layout, mode, counters } = JSON.parse(at.run('guard --json').stdout);
  assert.deepEqual([version, layout, mode, counters.judged], ['older', 2, 'enforce', '1']);
  assert.equal(at.run('guard off').stdout, 'the guard is off\n');
  assert.deepEqual(holders(at), ['ok', 'ok']);
});

for (const [line, mode, revision] of [
  ['guard enforce', 'enforces the profile', 1],
  ['guard observe', 'observes the profile: every bind is allowed', 1],
  ['apply @second', 'enforces the profile', 2],
] as const) {
  test(`${line} replaces it`, (t) => {
    const at = workspace(t);
    if (!at) return;
    withOlder(at);
    assert.deepEqual(holders(at), GUARDED);
    at.write('second', `${PROFILE}\nPORT ${PORT + 1} TCP RESERVED\n`);
    const { code, stderr } = at.run(line);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^replaced the guard of an older portreeve; its counters continue\n/);
    const { stdout } = at.run('guard');
    assert.match(stdout, new RegExp(`^guard {5}${mode}\nprofile {3}revision ${revision},`));
    assert.match(stdout, /binds {5}1 allowed by the profile, 1 not allowed/);
    assert.deepEqual(holders(at), line === 'guard observe' ? ['ok', 'ok'] : GUARDED);
    assert.equal(at.run('guard off').stdout, 'the guard is off\n');
  });
}

test('a trial of an older guard continues, and is confirmed or recorded as any other', (t) => {
  const at = workspace(t);
  if (!at) return;
  at.write('second', `PORT ${PORT} TCP ROOT\n`);
  withOlder(at);
  assert.match(at.run('apply @second').stdout, /recorded as revision 2; the kernel enforces it/);
  assert.equal(at.run('guard off').code, 0);

  const bpf = new LinuxBpf();
  const older = (trialUntil: bigint) =>
    installOlder(bpf, at.place, {
      mode: 'enforce',
      users: [[NOBODY, 'WEB']],
      namespaces: [],
      home: at.network,
      trialUntil,
    });
  // The second set of the recorded guard reserves nothing; what is recorded of it takes its place.
  older(bpf.bootNow() + MINUTE_NS);
  assert.deepEqual(holders(at), ['ok', 'ok']);
  assert.equal(at.run('confirm').stdout, 'revision 2 remains in force\n');
  assert.deepEqual(holders(at), ['EACCES', 'ok']);
  assert.equal(at.run('guard off').code, 0);

  older(bpf.bootNow());
  assert.deepEqual(holders(at), GUARDED);
  const enforced = at.run('guard enforce');
  assert.match(
    enforced.stderr,
    /a trial was not confirmed; the profile before it was recorded again, as revision 3\n/,
  );
  assert.deepEqual(holders(at), GUARDED);
});

test('the guard of a newer portreeve is shown, and not changed', (t) => {
  const at = workspace(t);
  if (!at) return;
  withOlder(at, { abi: GUARD_ABI + 1 });
  const { code, stdout } = at.run('guard');
  assert.equal(code, 0);
  assert.match(stdout, /^guard {5}was installed by a newer portreeve, and enforces a profile\n/);
  assert.match(stdout, /\nto do {5}use that version of portreeve/);
  for (const line of ['guard enforce', 'guard observe', 'guard off', 'apply @first', 'confirm']) {
    const refused = at.run(line);
    assert.equal(refused.code, 1, line);
    assert.match(
      refused.stderr,
      /a newer portreeve installed the guard at .*\nUse that version, or remove the guard with it/,
      line,
    );
  }
  assert.deepEqual(holders(at), GUARDED);
  new LinuxBpf().removeDirectory(at.place.pins);
});

test('a guard whose programs were detached is shown as such, and installed again', (t) => {
  const at = workspace(t);
  if (!at) return;
  at.write('first', PROFILE);
  at.run('apply @first');
  assert.equal(at.run('guard enforce').code, 0);
  assert.deepEqual(holders(at), GUARDED);
  const link = new LinuxBpf().openLink(`${at.place.pins}/bind4`) ?? assert.fail('no link');
  link.detach();
  link.close();
  assert.deepEqual(holders(at), ['ok', 'ok']);
  const { code, stdout } = at.run('guard');
  assert.equal(code, 1);
  assert.match(stdout, /^guard {5}does not work: its cgroup is gone, or its programs were detached\n/);
  const applied = at.run('apply @first');
  assert.equal(applied.code, 1);
  assert.match(applied.stderr, /does not work: .*\nTo start it again: portreeve guard enforce/);
  assert.equal(at.run('guard enforce').code, 0);
  assert.deepEqual(holders(at), GUARDED);
  assert.equal(at.run('guard').code, 0);
});
