// A hostile user and ports of other jobs, in every place that a guard covers; each attack has a permitted twin.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE } from '../support/daemon.ts';
import type { GuardDaemon } from '../support/guard-daemon.ts';
import {
  ALICE,
  asAttacker,
  attempts,
  BY_CHOICE,
  BY_NUMBER,
  each,
  hostilePlace,
  PLACES,
  type Place,
  WEB,
} from '../support/hostile.ts';
import { LOOK_ALIKES, makeLookAlike } from '../support/imitations.ts';
import { JobFixture, ALICE as USER } from '../support/job-fixture.ts';
import { needs, probe } from '../support/probe.ts';
import { until } from '../support/sandbox.ts';

const [RESERVED, OF_WEB, FREE, LOW] = [40_001, 40_003, 40_005, 83];
const PROFILE = `PORT
 ${RESERVED} TCP RESERVED
 ${RESERVED} UDP RESERVED
 ${OF_WEB} TCP WEB
 ${OF_WEB} UDP WEB
 ${LOW} TCP WEB
`;
const SUPPORT = join(import.meta.dirname, '../support');
const CHOICES = Object.keys(BY_CHOICE);

/** The output of a program of an ordinary user there. */
async function outputOf(
  { fixture }: GuardDaemon,
  { path }: Place,
  uid: number,
  ...argv: readonly string[]
): Promise<string> {
  const { stdout, stderr } = await fixture.run(asAttacker({ uid, path }, argv));
  return (stdout + stderr).trim();
}

/** A C program of test/support that every user may run in the sandbox; undefined where it cannot be built. */
function compiled(t: TestContext, { fixture }: GuardDaemon, name: string): string | undefined {
  if (!needs(t, probe.cc())) return undefined;
  const flags = ['-std=c17', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];
  execFileSync('cc', [...flags, '-o', fixture.sandbox.path(`/run/${name}`), join(SUPPORT, `${name}.c`)]);
  return `/run/${name}`;
}

for (const place of PLACES) {
  const { where, path } = place;
  const open = (t: TestContext) => hostilePlace(t, place, PROFILE);

  test(`${where}: only its job gets a port that is requested by number, in any way`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const by = (uid: number, port: number, ways: readonly string[] = BY_NUMBER) =>
      attempts(at, { uid, path }, port, ways);
    for (const port of [RESERVED, OF_WEB]) assert.deepEqual(await by(ALICE, port), each(BY_NUMBER, 'EACCES'));
    assert.deepEqual(await by(WEB, RESERVED), each(BY_NUMBER, 'EACCES'));
    assert.deepEqual(await by(WEB, OF_WEB), each(BY_NUMBER, OF_WEB));
    assert.deepEqual(await by(ALICE, FREE), each(BY_NUMBER, FREE));
    // Only root may bind an address that is not this host's; a port of another job is equally out of reach.
    assert.deepEqual(await by(ALICE, FREE, ['transparent']), { transparent: 'EPERM' });
    assert.deepEqual(await by(0, OF_WEB, ['transparent']), { transparent: 'EACCES' });
    assert.deepEqual(await by(0, FREE, ['transparent']), { transparent: `${FREE}` });
    assert.deepEqual(await by(ALICE, LOW, ['plain', 'mapped']), { plain: 'EACCES', mapped: 'EACCES' });
    assert.deepEqual(await by(WEB, LOW, ['plain', 'mapped']), { plain: `${LOW}`, mapped: `${LOW}` });
  });

  test(`${where}: no reserved port is assigned, in any way`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const by = (uid: number, port: number, ways: readonly string[] = CHOICES) =>
      attempts(at, { uid, path }, port, ways);
    for (const port of [RESERVED, OF_WEB]) assert.deepEqual(await by(ALICE, port), BY_CHOICE);
    assert.deepEqual(await by(ALICE, FREE), each(CHOICES, FREE));
    // The job that owns a port requests it by number.
    assert.deepEqual(await by(WEB, OF_WEB), BY_CHOICE);
    const narrow = 'sysctl -qw "net.ipv4.ip_local_port_range=40000 40009"';
    assert.equal(await outputOf(at, place, 0, 'sh', '-c', narrow), '');
    assert.deepEqual(await by(ALICE, RESERVED, ['many']), { many: 'none' });
    assert.deepEqual(await by(ALICE, FREE, ['many']), { many: `${FREE}` });
  });

  test(`${where}: the judged address is the one that is bound`, async (t) => {
    const at = await open(t);
    const program = at && compiled(t, at, 'port-flip');
    if (!at || program === undefined) return;
    const flip = (uid: number) => outputOf(at, place, uid, program, `${OF_WEB}`, `${FREE}`, '50000');
    assert.equal(await flip(ALICE), '0 other refused');
    assert.match(await flip(WEB), /^[1-9][0-9]* other -$/);
  });

  test(`${where}: a socket that is passed on is judged by the process that binds it`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const givers = (owner: number, grantee: number) =>
      outputOf(
        at,
        place,
        0,
        'python3',
        join(SUPPORT, 'socket-givers.py'),
        `${owner}`,
        `${grantee}`,
        `${OF_WEB}`,
      );
    assert.equal(await givers(WEB, ALICE), `EACCES ok ${OF_WEB}`);
    assert.equal(await givers(ALICE, WEB), 'ok EACCES 0');
  });

  test(`${where}: io_uring does not bypass the guard`, async (t) => {
    const at = await open(t);
    const program = at && compiled(t, at, 'io-uring-bind');
    if (!at || program === undefined) return;
    const bind = (uid: number, port: number, ...how: string[]) =>
      outputOf(at, place, uid, program, `${port}`, ...how);
    const first = await bind(ALICE, FREE);
    if (first !== 'bound') return t.skip(`needs a kernel with IORING_OP_BIND: ${first}`);
    for (const how of [[], ['async']]) {
      assert.equal(await bind(ALICE, OF_WEB, ...how), 'Permission denied');
      assert.equal(await bind(WEB, OF_WEB, ...how), 'bound');
      assert.equal(await bind(WEB, LOW, ...how), 'bound');
      assert.equal(await bind(WEB, LOW + 1, ...how), 'Permission denied');
    }
  });
}

test('no cgroup that a user or a container creates has the job of another', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const cgroups = LOOK_ALIKES.map((one) => makeLookAlike(fixture, one, USER));
  // The follower that informs the kernel of later units has seen these.
  const unit = fixture.unit('nginx.service');
  await until('the unit', async () => (await fixture.bind('NGINX', { uid: USER, cgroup: unit })) === 'ok');
  for (const [i, cgroup] of cgroups.entries()) {
    const { delegated, created } = LOOK_ALIKES[i] ?? assert.fail('no such look-alike');
    for (const job of ['NGINX', 'WEB', 'ROOT'] as const)
      assert.equal(
        await fixture.bind(job, { uid: USER, cgroup }),
        'EACCES',
        `${job} in ${delegated}/${created}`,
      );
  }
  assert.equal(new Set(cgroups).size, 16);
  // The cgroup of a unit belongs to root, and no other process may enter it.
  const moved = { way: 'moved', uid: USER, cgroup: cgroups[0] ?? '', env: { CGROUP: unit } };
  assert.equal(await fixture.bind('NGINX', moved), 'EACCES EACCES');
});

/** Runs a shell script there as a user, which must succeed. */
async function script({ fixture }: GuardDaemon, uid: number, text: string): Promise<void> {
  const { code, stderr } = await fixture.run(asAttacker({ uid }, ['sh', '-ec', text]));
  assert.equal(code, 0, stderr);
}

test('a runtime directory of another user is not trusted', async (t) => {
  const at = await hostilePlace(t, PLACES[2], PROFILE);
  if (!at) return;
  await script(at, 0, 'mkdir -m 1777 /run/session && mkdir -m 777 /run/planted');
  const daemon = join(SUPPORT, 'false-daemon.py');
  const planted = at.fixture.start(
    asAttacker({ uid: ALICE }, ['python3', daemon, '/run/planted/status.sock']),
  );
  await planted.waitForOutput(/ready/);
  const victim = asAttacker({ uid: WEB }, [PORTREEVE, 'status']);
  const env = { ...NO_PEERS, XDG_RUNTIME_DIR: '/run/session' };
  const ways = [
    `mkdir /run/session/portreeve && ln -s /run/planted/status.sock /run/session/portreeve/status.sock`,
    'ln -s /run/planted /run/session/portreeve',
    'mkfifo /run/session/portreeve',
    'echo >/run/session/portreeve',
  ];
  for (const way of ways) {
    await script(at, ALICE, way);
    const { code, stdout, stderr } = await at.fixture.run(victim, {}, { env });
    assert.deepEqual([code, stdout], [3, ''], way);
    assert.match(
      stderr,
      new RegExp(`/run/session/portreeve (?:belongs to uid ${ALICE}|is not a directory)`),
      way,
    );
    const serve = [PORTREEVE, 'serve', '--runtime', '/run/session/portreeve'];
    const served = await at.fixture.run(asAttacker({ uid: WEB }, serve), {}, { env });
    assert.notEqual(served.code, 0, way);
    await script(at, 0, 'rm -r /run/session/portreeve');
  }
  // In its own directory, the user who put the socket there is checked.
  await planted.stop('SIGKILL');
  await script(at, WEB, 'mkdir /run/session/portreeve');
  const own = at.fixture.start(
    asAttacker({ uid: WEB }, ['python3', daemon, '/run/session/portreeve/status.sock']),
  );
  await own.waitForOutput(/ready/);
  const shown = await at.fixture.run([...victim, '--json'], {}, { env });
  assert.match(shown.stdout, /"6\.6\.6"/, shown.stderr);
});

test('a name in the BPF file system that another user created first is not used', async (t) => {
  const at = await hostilePlace(t, PLACES[2], PROFILE);
  if (!at) return;
  const { cgroup } = at.fixture;
  // As "mount -t bpf" creates it without a mode: every user may create names.
  await script(at, 0, 'mount -t bpf bpf /sys/fs/bpf && chmod 1777 /sys/fs/bpf');
  const pins = '/sys/fs/bpf/planted';
  const guard = (mode: string, where: string) => [
    ...[PORTREEVE, 'guard', mode, '--pins', where],
    ...['--state', '/run/state'],
  ];
  const enforce = (where = pins) =>
    at.fixture.run([...guard('enforce', where), '--cgroup', cgroup], {}, { env: NO_PEERS });
  await script(at, ALICE, `mkdir ${pins}`);
  const first = await enforce();
  assert.notEqual(first.code, 0);
  assert.match(first.stderr, /\/sys\/fs\/bpf\/planted already exists/);
  const below = await enforce(`${pins}/guard`);
  assert.notEqual(below.code, 0);
  assert.match(below.stderr, /another user can remove the contents of \/sys\/fs\/bpf\/planted,/);
  await script(at, 0, `rmdir ${pins}`);
  // What is unfinished has another name, below which another user may have created more.
  await script(at, ALICE, `mkdir -p ${pins}-new/deeper/still`);
  assert.equal((await enforce()).code, 0);
  const { stdout } = await at.fixture.run(['stat', '-c', '%u %a', pins]);
  assert.equal(stdout, '0 700\n');
  await at.fixture.run(guard('off', pins), {}, { env: NO_PEERS });
});
