// The commands of the guard on the real kernel, with their own cgroup and directory of bpffs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOBODY, ROOT_UID, workspace } from '../support/guard-workspace.ts';

const [PORT, OTHER_PORT] = [23_451, 23_452];

test('a profile is enforced, observed, and removed again', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY ${OTHER_PORT} TCP RESERVED`);
  assert.equal(run('guard').code, 1);
  assert.match(run('guard enforce').stderr, /no profile has been applied/);
  assert.match(run('apply @first').stdout, /recorded as revision 1; nothing enforces it: the guard is off/);
  assert.equal(bind(ROOT_UID, PORT), 'ok');

  assert.equal(run('guard enforce').code, 0);
  assert.deepEqual(
    [bind(NOBODY, PORT), bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)],
    ['ok', 'EACCES', 'EACCES'],
  );
  const { code, stdout } = run('guard');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /enforces the profile\nprofile {3}revision 1.*\nbinds {5}1 allowed by the profile, 2 not allowed\n/,
  );

  assert.equal(run('guard observe').code, 0);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)], ['ok', 'ok']);
  assert.match(
    run('guard').stdout,
    /observes the profile: every bind is allowed\n.*\nbinds {5}1 allowed by the profile, 4 not allowed\n/,
  );

  assert.equal(run('guard off').stdout, 'the guard is off\n');
  assert.equal(run('guard off').stdout, 'the guard was already off\n');
  assert.equal(bind(ROOT_UID, OTHER_PORT), 'ok');
});

test('apply and obey change the profile in the kernel at once', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY`);
  write('more', `PORT ${OTHER_PORT} TCP NOBODY\nDELETE PORT ${PORT} TCP NOBODY`);
  run('apply @first');
  run('guard enforce');
  assert.deepEqual([bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)], ['EACCES', 'ok']);
  assert.match(run('obey @more').stdout, /recorded as revision 2; the kernel enforces it\n$/);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)], ['ok', 'EACCES']);
  assert.match(run('apply --revision 1').stdout, /recorded as revision 3; the kernel enforces it\n$/);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)], ['EACCES', 'ok']);
});

test('a trial reverts by itself, without a process of portreeve, or is permanent when it is confirmed', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY`);
  write('second', `PORT ${PORT} TCP ROOT`);
  assert.match(run('apply @first --try 1s').stderr, /the guard is not in the kernel/);
  run('apply @first');
  run('guard enforce');
  assert.match(
    run('apply @second --try 12s').stdout,
    /for 12 s, then reverts unless you run: portreeve confirm/,
  );
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
  assert.match(run('apply @first').stderr, /a profile is on trial/);
  const end = performance.now() + 60_000;
  while (bind(NOBODY, PORT) !== 'ok') assert.ok(performance.now() < end, 'it reverts');
  assert.equal(bind(ROOT_UID, PORT), 'EACCES');
  assert.match(run('guard').stdout, /not confirmed; the profile before it is in force again/);
  assert.equal(run('confirm').code, 1);

  const again = run('apply @second --try 60s');
  assert.match(again.stderr, /the profile before it was recorded again, as revision 3/);
  assert.match(again.stdout, /\n1 added, 1 removed\nrecorded as revision 4;/);
  assert.equal(run('confirm').stdout, 'revision 4 remains in force\n');
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
});

test('a trial that is interrupted by the removal of the guard, as by a reboot, is not in force afterwards', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY`);
  write('second', `PORT ${PORT} TCP ROOT`);
  run('apply @first');
  run('guard enforce');
  assert.equal(run('apply @second --try 60s').code, 0);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
  run('guard off');
  assert.match(run('guard enforce').stderr, /the profile before it was recorded again, as revision 3\n/);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['EACCES', 'ok']);

  // What was confirmed is kept.
  run('apply @second --try 60s');
  assert.equal(run('confirm').code, 0);
  run('guard off');
  const again = run('guard enforce');
  assert.doesNotMatch(again.stderr, /trial/);
  assert.match(again.stdout, /\nprofile {3}revision 4,/);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
});
