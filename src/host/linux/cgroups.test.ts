// Tests of cgroups for jobs: their mark cannot be forged, and operations never affect a replacement of the same name.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ownCgroup } from '../../../test/support/own-cgroup.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { until } from '../../../test/support/sandbox.ts';
import { cgroupId, cgroupRoot } from './cgroup.ts';
import { LinuxCgroups } from './cgroups.ts';

interface Fixture {
  readonly cgroups: LinuxCgroups;
  /** The cgroup of the test, and its directory. */
  readonly path: string;
  readonly directory: string;
}

function fixture(t: TestContext): Fixture | undefined {
  if (!needs(t, probe.root(), probe.cgroup2())) return undefined;
  const directory = ownCgroup(t);
  return { cgroups: new LinuxCgroups(), path: `/${basename(directory)}`, directory };
}

/** Runs a shell command as uid 1000. Returns its exit code. */
const asUser = (command: string): number | null =>
  spawnSync('setpriv', ['--reuid=1000', '--regid=1000', '--clear-groups', 'sh', '-c', command]).status;

/** A process in a cgroup until the test ends. */
async function processIn(t: TestContext, directory: string): Promise<number> {
  const child = spawn('sh', [
    '-c',
    'echo $$ >"$1/cgroup.procs" && echo in && exec sleep 60',
    'sh',
    directory,
  ]);
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

test('cgroups are found by path and by name, with their owner', (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  for (const name of [
    'a.slice',
    'a.slice/b.service',
    'a.slice/b.service/c.service',
    'd.scope',
    'e.service',
  ]) {
    mkdirSync(join(directory, name));
  }
  chownSync(join(directory, 'e.service'), 1000, 1000);
  const pick = (name: string) =>
    name.endsWith('.slice') ? 'enter' : name.endsWith('.service') ? 'take' : 'leave';
  const found = cgroups.list(path, pick).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  assert.deepEqual(
    found,
    [
      ['a.slice', 0],
      ['a.slice/b.service', 0],
      ['e.service', 1000],
    ].map(([name, uid]) => ({ path: `${path}/${name}`, id: cgroupId(`${directory}/${name}`), uid })),
  );
  assert.deepEqual(cgroups.at(`${path}/e.service`), found[2]);
  assert.ok(cgroups.list('/', () => 'take').some((each) => each.path === path));
  assert.equal(cgroups.at('/')?.id, cgroupId(cgroupRoot()));
  assert.deepEqual([cgroups.at(`${path}/f`), cgroups.list(`${path}/f`, pick)], [undefined, []]);
});

test('a job cgroup is marked, also for another process, until it is removed', (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  const made = cgroups.make(path, 'WEB-7', 'WEB', 1000);
  const own = () => new LinuxCgroups().marked().filter((each) => each.path.startsWith(path));
  assert.deepEqual(made, {
    path: `${path}/portreeve-job-WEB-7`,
    id: cgroupId(`${directory}/portreeve-job-WEB-7`),
    uid: 0,
    job: 'WEB',
    grantee: 1000,
  });
  assert.deepEqual(own(), [made]);
  const second = cgroups.make(path, 'WEB-7', 'WEB', 0);
  assert.equal(second.path, `${path}/portreeve-job-WEB-7.2`);
  assert.deepEqual([cgroups.remove(made), cgroups.remove(second), own()], [true, true, []]);
});

test('a name is not a mark: neither root nor a user can forge one with it', (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  mkdirSync(join(directory, 'portreeve-job-A-1'));
  chownSync(directory, 1000, 1000);
  assert.equal(asUser(`mkdir ${directory}/portreeve-job-B-1`), 0);
  const set = (name: string) => {
    const args = ['--input-type=module', '-e', SET_AS_USER, `${directory}/portreeve-job-B-1`, name];
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
  };
  assert.deepEqual([set('user.portreeve.job'), set('trusted.portreeve.job')], ['set', 'EPERM']);
  assert.deepEqual(
    cgroups.marked().filter((each) => each.path.startsWith(path)),
    [],
  );
});

test('only root can write to a job cgroup, regardless of the umask', (t) => {
  const at = fixture(t);
  if (!at) return;
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const made = at.cgroups.make(at.path, 'WEB-7', 'WEB', 1000);
  assert.equal(statSync(join(at.directory, basename(made.path))).mode & 0o777, 0o755);
  assert.equal(at.cgroups.remove(made), true);
});

test('a cgroup replaced by another user before it is marked is rejected', (t) => {
  const at = fixture(t);
  if (!at) return;
  // The created directory belongs to root, which is another user here.
  const { getuid } = process;
  Object.assign(process, { getuid: () => 1000 });
  try {
    assert.throws(() => at.cgroups.make(at.path, 'WEB-7', 'WEB', 1000), {
      code: 'CGROUP_FAILED',
      message: /is not the one that was created$/,
    });
  } finally {
    Object.assign(process, { getuid });
  }
  assert.deepEqual(
    at.cgroups.list(at.path, () => 'take'),
    [],
  );
  assert.equal(at.cgroups.remove(at.cgroups.make(at.path, 'WEB-7', 'WEB', 1000)), true);
});

test('a process is not moved into a cgroup through a link', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'a'));
  symlinkSync(join(root, 'a'), join(root, 'b'));
  const cgroups = new LinuxCgroups(root);
  const a = cgroups.at('/a') ?? assert.fail();
  assert.throws(() => cgroups.move(1, { ...a, path: '/b' }), { message: /ELOOP|ENOTDIR/ });
  assert.deepEqual(readdirSync(join(root, 'a')), []);
});

/** Becomes uid 1000, and sets an attribute of a file. */
const SET_AS_USER = `
import { openSync } from 'node:fs';
import { setAttribute } from '${new URL('./sys/xattr.ts', import.meta.url)}';
process.setgroups([]);
process.setgid(1000);
process.setuid(1000);
const [, path, name] = process.argv;
process.stdout.write(setAttribute(openSync(path), name, Buffer.from('B 0')) ?? 'set');`;

test('a process is moved, and a non-empty cgroup is not removed', async (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  const made = cgroups.make(path, 'WEB-7', 'WEB', 0);
  const inner = cgroups.make(made.path, 'B-8', 'B', 0);
  const pid = await processIn(t, directory);
  cgroups.move(pid, inner);
  assert.deepEqual([cgroups.members(made), cgroups.members(inner)], [[], [pid]]);
  assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(`^0::${inner.path}$`, 'm'));
  assert.deepEqual([cgroups.remove(made), cgroups.remove(inner)], [false, false]);
  const home = cgroups.at(path) ?? assert.fail();
  cgroups.move(pid, home);
  assert.deepEqual([cgroups.remove(made), cgroups.remove(inner), cgroups.remove(made)], [false, true, true]);
  // A removed cgroup has no members, and its removal succeeds.
  assert.deepEqual([cgroups.members(made), cgroups.remove(made)], [[], true]);
  assert.throws(() => cgroups.move(pid, made), { code: 'CGROUP_FAILED' });
  assert.throws(() => cgroups.make(made.path, 'A-1', 'A', 0), { code: 'CGROUP_FAILED' });
});

test('a cgroup held by another root process is not removed', (t) => {
  const at = fixture(t);
  if (!at) return;
  const made = at.cgroups.make(at.path, 'WEB-7', 'WEB', 0);
  const held = at.cgroups.hold(made);
  assert.equal(new LinuxCgroups().remove(made), false);
  assert.ok(at.cgroups.at(made.path));
  held.release();
  assert.equal(new LinuxCgroups().remove(made), true);
  const again = at.cgroups.make(at.path, 'WEB-7', 'WEB', 0);
  // A user's lock could hold it forever.
  assert.notEqual(asUser(`flock --nonblock ${at.directory}/portreeve-job-WEB-7/cgroup.kill true`), 0);
  assert.equal(at.cgroups.remove(again), true);
});

test('operations do not affect another cgroup of the same name', async (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  const made = cgroups.make(path, 'WEB-7', 'WEB', 0);
  chownSync(directory, 1000, 1000);
  const own = join(directory, 'portreeve-job-WEB-7');
  assert.equal(asUser(`rmdir ${own} && mkdir ${own}`), 0);
  const pid = await processIn(t, directory);
  assert.throws(() => cgroups.move(pid, made), { code: 'CGROUP_FAILED' });
  assert.equal(cgroups.remove(made), true);
  assert.equal(cgroups.at(made.path)?.uid, 1000);
});

test('creation and removal in watched cgroups are reported', async (t) => {
  const at = fixture(t);
  if (!at) return;
  const { cgroups, path, directory } = at;
  mkdirSync(join(directory, 'a.slice'));
  let reported = 0;
  const watch = cgroups.watch([path, `${path}/nosuch`], () => reported++);
  t.after(() => watch.close());
  for (const change of [mkdirSync, rmdirSync]) {
    const before = reported;
    change(join(directory, 'b.service'));
    await until('the change to be reported', () => reported > before);
  }
});
