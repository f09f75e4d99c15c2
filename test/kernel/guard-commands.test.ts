// The commands of the guard on the real kernel, in a cgroup and a directory of bpffs of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { PORTREEVE } from '../support/daemon.ts';
import { needs, probe } from '../support/probe.ts';

/** Two users who are on every host of ours, by their jobs. */
const NOBODY = 65534;
const ROOT_UID = 0;

interface Desk {
  readonly run: (line: string) => {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  };
  /** What bind(2) of a TCP port says to a user in the guarded cgroup: "ok", or the name of the errno. */
  readonly bind: (uid: number, port: number) => string;
  readonly write: (name: string, text: string) => void;
}

const BINDER = `
import errno, os, socket, sys
open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
os.setgroups([]); os.setuid(int(sys.argv[2]))
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(('127.0.0.1', int(sys.argv[3])))
    print('ok')
except OSError as e:
    print(errno.errorcode[e.errno])
`;

function desk(t: TestContext): Desk | undefined {
  for (const each of [probe.root(), probe.cgroup2(), probe.bpf(), probe.command('python3')]) {
    if (!needs(t, each)) return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-guard-'));
  const cgroup = join(cgroupRoot(), `portreeve-test-${process.pid}`);
  const pins = `/sys/fs/bpf/portreeve-test-${process.pid}`;
  mkdirSync(cgroup);
  const place = ['--pins', pins];
  const run = (line: string) => {
    const words = line.split(' ').map((word) => word.replace(/^@/, `${directory}/`));
    const own = line === 'guard' ? [] : ['--state', join(directory, 'state')];
    const args = [...words, ...place, ...own];
    const { status, stdout, stderr } = spawnSync(PORTREEVE, args, { encoding: 'utf8' });
    return { code: status, stdout, stderr };
  };
  t.after(() => {
    run('guard off');
    rmdirSync(cgroup);
    rmSync(directory, { recursive: true });
    assert.deepEqual(
      readdirSync('/sys/fs/bpf').filter((name) => pins.endsWith(name)),
      [],
    );
  });
  const bind = (uid: number, port: number) => {
    const args = ['-c', BINDER, cgroup, `${uid}`, `${port}`];
    return spawnSync('python3', args, { encoding: 'utf8' }).stdout.trim();
  };
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const started = (line: string) =>
    run(line.startsWith('guard e') || line.startsWith('guard ob') ? `${line} --cgroup ${cgroup}` : line);
  return { run: started, bind, write };
}

const [PORT, OTHER_PORT] = [23_451, 23_452];

test('a profile is enforced, observed, and taken out again', (t) => {
  const at = desk(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY ${OTHER_PORT} TCP RESERVED`);
  assert.equal(run('guard').code, 1);
  assert.match(run('guard enforce').stderr, /there is no profile that could be enforced/);
  assert.match(run('apply @first').stdout, /recorded as revision 1; nothing enforces it: the guard is off/);
  assert.equal(bind(ROOT_UID, PORT), 'ok');

  assert.equal(run('guard enforce').code, 0);
  assert.deepEqual(
    [bind(NOBODY, PORT), bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)],
    ['ok', 'EACCES', 'EACCES'],
  );
  const { code, stdout } = run('guard');
  assert.equal(code, 0);
  assert.match(stdout, /enforces the profile\nprofile {3}revision 1.*\nbinds {5}1 allowed, 2 refused\n/);

  assert.equal(run('guard observe').code, 0);
  assert.deepEqual([bind(ROOT_UID, PORT), bind(ROOT_UID, OTHER_PORT)], ['ok', 'ok']);
  assert.match(
    run('guard').stdout,
    /observes: everything is allowed\n.*\nbinds {5}1 allowed, 4 would have been refused\n/,
  );

  assert.equal(run('guard off').stdout, 'the guard is off\n');
  assert.equal(run('guard off').stdout, 'the guard was off already\n');
  assert.equal(bind(ROOT_UID, OTHER_PORT), 'ok');
});

test('apply and obey change what the kernel goes by at once', (t) => {
  const at = desk(t);
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

test('a trial goes back by itself, with nothing of ours running, or stays when it is confirmed', (t) => {
  const at = desk(t);
  if (!at) return;
  const { run, bind, write } = at;
  write('first', `PORT ${PORT} TCP NOBODY`);
  write('second', `PORT ${PORT} TCP ROOT`);
  assert.match(run('apply @first --try 1s').stderr, /the guard is not in the kernel/);
  run('apply @first');
  run('guard enforce');
  assert.match(
    run('apply @second --try 12s').stdout,
    /for 12 s, and goes back unless you say: portreeve confirm/,
  );
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
  assert.match(run('apply @first').stderr, /a profile is on trial/);
  const end = performance.now() + 60_000;
  while (bind(NOBODY, PORT) !== 'ok') assert.ok(performance.now() < end, 'it goes back');
  assert.equal(bind(ROOT_UID, PORT), 'EACCES');
  assert.match(run('guard').stdout, /it was not confirmed: what was before it is in force/);
  assert.equal(run('confirm').code, 1);

  const again = run('apply @second --try 60s');
  assert.match(again.stderr, /what was before it is recorded as revision 3/);
  assert.match(again.stdout, /\n1 added, 1 removed\nrecorded as revision 4;/);
  assert.equal(run('confirm').stdout, 'revision 4 stays in force\n');
  assert.deepEqual([bind(ROOT_UID, PORT), bind(NOBODY, PORT)], ['ok', 'EACCES']);
});
