// A hostile user against ports that are not his, in every place in which a guard holds; each attack has its twin.
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

/** What a program of an ordinary user says there. */
async function said(
  { fixture }: GuardDaemon,
  { path }: Place,
  uid: number,
  ...argv: readonly string[]
): Promise<string> {
  const { stdout, stderr } = await fixture.run(asAttacker({ uid, path }, argv));
  return (stdout + stderr).trim();
}

/** A program of ours in C that everybody may run in the world; undefined where it cannot be made. */
function compiled(t: TestContext, { fixture }: GuardDaemon, name: string): string | undefined {
  if (!needs(t, probe.cc())) return undefined;
  const flags = ['-std=c17', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];
  execFileSync('cc', [...flags, '-o', fixture.sandbox.path(`/run/${name}`), join(SUPPORT, `${name}.c`)]);
  return `/run/${name}`;
}

for (const place of PLACES) {
  const { where, path } = place;
  const open = (t: TestContext) => hostilePlace(t, place, PROFILE);

  test(`${where}: a port that is named is got by its job alone, in whatever way`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const by = (uid: number, port: number, ways: readonly string[] = BY_NUMBER) =>
      attempts(at, { uid, path }, port, ways);
    for (const port of [RESERVED, OF_WEB]) assert.deepEqual(await by(ALICE, port), each(BY_NUMBER, 'EACCES'));
    assert.deepEqual(await by(WEB, RESERVED), each(BY_NUMBER, 'EACCES'));
    assert.deepEqual(await by(WEB, OF_WEB), each(BY_NUMBER, OF_WEB));
    assert.deepEqual(await by(ALICE, FREE), each(BY_NUMBER, FREE));
    // Root alone may have an address that is not this host's; a port that is not his is as far away.
    assert.deepEqual(await by(ALICE, FREE, ['transparent']), { transparent: 'EPERM' });
    assert.deepEqual(await by(0, OF_WEB, ['transparent']), { transparent: 'EACCES' });
    assert.deepEqual(await by(0, FREE, ['transparent']), { transparent: `${FREE}` });
    assert.deepEqual(await by(ALICE, LOW, ['plain', 'mapped']), { plain: 'EACCES', mapped: 'EACCES' });
    assert.deepEqual(await by(WEB, LOW, ['plain', 'mapped']), { plain: `${LOW}`, mapped: `${LOW}` });
  });

  test(`${where}: no reserved port is assigned, in whatever way`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const by = (uid: number, port: number, ways: readonly string[] = CHOICES) =>
      attempts(at, { uid, path }, port, ways);
    for (const port of [RESERVED, OF_WEB]) assert.deepEqual(await by(ALICE, port), BY_CHOICE);
    assert.deepEqual(await by(ALICE, FREE), each(CHOICES, FREE));
    // Whose port it is asks for it by its number.
    assert.deepEqual(await by(WEB, OF_WEB), BY_CHOICE);
    const narrow = 'sysctl -qw "net.ipv4.ip_local_port_range=40000 40009"';
    assert.equal(await said(at, place, 0, 'sh', '-c', narrow), '');
    assert.deepEqual(await by(ALICE, RESERVED, ['many']), { many: 'none' });
    assert.deepEqual(await by(ALICE, FREE, ['many']), { many: `${FREE}` });
  });

  test(`${where}: the address that is judged is the one that is bound`, async (t) => {
    const at = await open(t);
    const program = at && compiled(t, at, 'port-flip');
    if (!at || program === undefined) return;
    const flip = (uid: number) => said(at, place, uid, program, `${OF_WEB}`, `${FREE}`, '50000');
    assert.equal(await flip(ALICE), '0 other refused');
    assert.match(await flip(WEB), /^[1-9][0-9]* other -$/);
  });

  test(`${where}: a socket that is passed on is judged by who binds it`, async (t) => {
    const at = await open(t);
    if (!at) return;
    const givers = (owner: number, grantee: number) =>
      said(at, place, 0, 'python3', join(SUPPORT, 'socket-givers.py'), `${owner}`, `${grantee}`, `${OF_WEB}`);
    assert.equal(await givers(WEB, ALICE), `EACCES ok ${OF_WEB}`);
    assert.equal(await givers(ALICE, WEB), 'ok EACCES 0');
  });

  test(`${where}: io_uring is no way around`, async (t) => {
    const at = await open(t);
    const program = at && compiled(t, at, 'io-uring-bind');
    if (!at || program === undefined) return;
    const bind = (uid: number, port: number, ...how: string[]) =>
      said(at, place, uid, program, `${port}`, ...how);
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

test('no cgroup that a user or a container makes is the job of another', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const cgroups = LOOK_ALIKES.map((one) => makeLookAlike(fixture, one, USER));
  // Who has told the kernel of a unit that comes later has seen these.
  const unit = fixture.unit('nginx.service');
  await until('the unit', async () => (await fixture.bind('NGINX', { uid: USER, cgroup: unit })) === 'ok');
  for (const [i, cgroup] of cgroups.entries()) {
    const { given, made } = LOOK_ALIKES[i] ?? assert.fail('no such look-alike');
    for (const job of ['NGINX', 'WEB', 'ROOT'] as const)
      assert.equal(await fixture.bind(job, { uid: USER, cgroup }), 'EACCES', `${job} in ${given}/${made}`);
  }
  assert.equal(new Set(cgroups).size, 16);
  // The cgroup of a unit is root's, and lets nobody else in.
  const moved = { way: 'moved', uid: USER, cgroup: cgroups[0] ?? '', env: { CGROUP: unit } };
  assert.equal(await fixture.bind('NGINX', moved), 'EACCES EACCES');
});

/** Runs a shell script there as a user, which must succeed. */
async function script({ fixture }: GuardDaemon, uid: number, text: string): Promise<void> {
  const { code, stderr } = await fixture.run(asAttacker({ uid }, ['sh', '-ec', text]));
  assert.equal(code, 0, stderr);
}

test('what others have put where a runtime directory is looked for is not believed', async (t) => {
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
  // In a directory of his own he is asked whom he has put there.
  await planted.stop('SIGKILL');
  await script(at, WEB, 'mkdir /run/session/portreeve');
  const own = at.fixture.start(
    asAttacker({ uid: WEB }, ['python3', daemon, '/run/session/portreeve/status.sock']),
  );
  await own.waitForOutput(/ready/);
  const asked = await at.fixture.run([...victim, '--json'], {}, { env });
  assert.match(asked.stdout, /"6\.6\.6"/, asked.stderr);
});

test('a name that another user has made in the BPF file system first is not used', async (t) => {
  const at = await hostilePlace(t, PLACES[2], PROFILE);
  if (!at) return;
  const { cgroup } = at.fixture;
  // As "mount -t bpf" makes it where no mode is given: everybody may make names.
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
  assert.match(first.stderr, /there is something at \/sys\/fs\/bpf\/planted already/);
  const below = await enforce(`${pins}/guard`);
  assert.notEqual(below.code, 0);
  assert.match(below.stderr, /another user can remove the contents of \/sys\/fs\/bpf\/planted,/);
  await script(at, 0, `rmdir ${pins}`);
  // What is not finished has another name; below it somebody may have made more.
  await script(at, ALICE, `mkdir -p ${pins}-new/deeper/still`);
  assert.equal((await enforce()).code, 0);
  const { stdout } = await at.fixture.run(['stat', '-c', '%u %a', pins]);
  assert.equal(stdout, '0 700\n');
  await at.fixture.run(guard('off', pins), {}, { env: NO_PEERS });
});
