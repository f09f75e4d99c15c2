// The jobs of programs that know nothing of it: by cgroup, then by unit, then by user.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { profileOf, tablesOf } from '../support/guard.ts';
import { ALICE, BOB, JobFixture, type KnownJob, PORTS, ROOT } from '../support/job-fixture.ts';
import { needs, probe } from '../support/probe.ts';
import { until } from '../support/sandbox.ts';

const PROGRAM = join(import.meta.dirname, '../support/job-bind.py');

/** The ports of these jobs that it gets: all but one are refused. */
async function isOnly(
  fixture: JobFixture,
  job: KnownJob,
  who: Parameters<JobFixture['bind']>[1],
): Promise<void> {
  const others = (['ROOT', 'ALICE', 'NGINX', 'WEB', 'FOO'] as const).filter((other) => other !== job);
  assert.equal(await fixture.bind(job, who), 'ok', job);
  for (const other of others)
    assert.equal(await fixture.bind(other, who), 'EACCES', `${other}, being ${job}`);
}

test('the assigned job comes first, then the system unit, then the user', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const unit = fixture.unit('nginx.service');
  const inner = fixture.guard.below('worker', unit);
  const given = fixture.job('WEB', unit);
  for (const uid of [ROOT, ALICE]) {
    await isOnly(fixture, uid === ROOT ? 'ROOT' : 'ALICE', { uid });
    await isOnly(fixture, 'NGINX', { uid, cgroup: unit });
    await isOnly(fixture, 'NGINX', { uid, cgroup: inner });
    await isOnly(fixture, 'WEB', { uid, cgroup: given });
  }
});

test('scopes, slices and services that a user creates are not units', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  for (const name of ['nginx.scope', 'nginx.slice', 'nginx']) {
    await isOnly(fixture, 'ALICE', { uid: ALICE, cgroup: fixture.unit(name) });
  }
  const outside = fixture.guard.below('nginx.service');
  await isOnly(fixture, 'ALICE', { uid: ALICE, cgroup: outside });
});

test('what happens before bind(2) does not matter: threads, daemons, other names', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const given = fixture.job('WEB');
  for (const way of ['by_thread', 'by_daemon', 'renamed']) {
    await isOnly(fixture, 'WEB', { way, cgroup: given });
    await isOnly(fixture, 'ALICE', { way, uid: ALICE });
  }
});

/** What su(1) and sudo(8) need so that root may use them. */
const PAM =
  'auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\n';

for (const [command, argv] of [
  ['su', (line: string) => ['su', '-s', '/bin/sh', 'alice', '-c', line]],
  ['sudo', (line: string) => ['sudo', '-u', 'alice', 'sh', '-c', line]],
  ['setpriv', (line: string) => ['setpriv', `--reuid=${ALICE}`, '--clear-groups', 'sh', '-c', line]],
] as const) {
  test(`${command}: the job changes with the user, but not an assigned job`, async (t) => {
    if (!needs(t, probe.command(command))) return;
    const fixture = await JobFixture.open(t);
    if (!fixture) return;
    const { sandbox } = fixture.guard;
    await sandbox.write('/etc/passwd', `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n`);
    await sandbox.write('/etc/sudoers', 'root ALL=(ALL) ALL\n');
    for (const name of ['su', 'sudo']) await sandbox.write(`/etc/pam.d/${name}`, PAM);
    const bind = (job: KnownJob, cgroup?: string) =>
      fixture.outputOf(
        argv(`python3 ${PROGRAM} plainly ${PORTS[job]}`),
        cgroup === undefined ? {} : { cgroup },
      );
    assert.deepEqual([await bind('ALICE'), await bind('ROOT')], ['ok', 'EACCES']);
    const given = fixture.job('WEB');
    assert.deepEqual([await bind('WEB', given), await bind('ALICE', given)], ['ok', 'EACCES']);
    const unit = fixture.unit('nginx.service');
    assert.deepEqual([await bind('NGINX', unit), await bind('ROOT', unit)], ['ok', 'EACCES']);
  });
}

/** A program owned by root that every user runs as root. */
function setuidProgram(t: TestContext): string | undefined {
  if (!needs(t, probe.cc())) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-setuid-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = join(directory, 'setuid-bind');
  const source = join(import.meta.dirname, '../support/setuid-bind.c');
  const { status, stderr } = spawnSync('cc', ['-o', program, source], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  chmodSync(directory, 0o755);
  chmodSync(program, 0o4755);
  return program;
}

test('a setuid program has the job of the user who started it', async (t) => {
  const program = setuidProgram(t);
  const fixture = program && (await JobFixture.open(t));
  if (!fixture) return;
  const bind = (job: KnownJob, cgroup?: string) =>
    fixture.outputOf([program, `${PORTS[job]}`], { uid: ALICE, ...(cgroup === undefined ? {} : { cgroup }) });
  assert.equal(await bind('ALICE'), `ok as uid 0 for ${ALICE}`);
  assert.equal(await bind('ROOT'), `EACCES as uid 0 for ${ALICE}`);
  const given = fixture.job('WEB');
  assert.equal(await bind('WEB', given), `ok as uid 0 for ${ALICE}`);
  assert.equal(await bind('ROOT', given), `EACCES as uid 0 for ${ALICE}`);
});

test('a process cannot leave its cgroup, or enter another job', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const [given, unit] = [fixture.job('WEB'), fixture.unit('nginx.service')];
  const tries = (job: KnownJob, target: string, cgroup: string) =>
    fixture.bind(job, { way: 'moved', uid: ALICE, cgroup, env: { CGROUP: target } });
  for (const target of [unit, fixture.slice, fixture.guard.place.cgroup]) {
    assert.equal(await tries('WEB', target, given), 'EACCES ok');
  }
  assert.equal(await tries('WEB', given, unit), 'EACCES EACCES');
  assert.equal(await tries('NGINX', given, unit), 'EACCES ok');
});

test('a user whose unit delegates cgroups can leave a job for the job without it, and enter none', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const unit = fixture.unit('foo.service', ALICE);
  const given = fixture.job('WEB', unit);
  const tries = (job: KnownJob, target: string, cgroup: string, uid = ALICE) =>
    fixture.bind(job, { way: 'moved', uid, cgroup, env: { CGROUP: target } });
  assert.equal(await tries('FOO', unit, given), 'in ok');
  assert.equal(await tries('WEB', unit, given), 'in EACCES');
  assert.equal(await tries('WEB', given, unit), 'EACCES EACCES');
  // Root may go everywhere: the refusals above are the kernel's.
  assert.equal(await tries('WEB', given, unit, ROOT), 'in ok');
});

test('a cgroup that a user creates has the job of its parent, whatever its name', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const unit = fixture.unit('foo.service', ALICE);
  for (const name of ['nginx.service', 'NGINX.service', 'system.slice', 'portreeve-job-WEB-1']) {
    for (const job of ['NGINX', 'WEB', 'FOO'] as const) {
      const who = { way: 'below', uid: ALICE, cgroup: unit, env: { CGROUP: join(unit, name) } };
      assert.equal(await fixture.bind(job, who), job === 'FOO' ? 'in ok' : 'in EACCES', `${name} for ${job}`);
      fixture.follower.tick();
      assert.equal(await fixture.bind('NGINX', { uid: ALICE, cgroup: join(unit, name) }), 'EACCES');
      rmdirSync(join(unit, name));
    }
  }
  // A daemon that starts does not recognize it as created by portreeve either.
  mkdirSync(join(unit, 'portreeve-job-WEB-2'));
  const own = fixture.cgroups.marked().filter(({ path }) => path.startsWith(fixture.pathOf(unit)));
  assert.deepEqual(own, []);
});

test('users and units are followed', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  assert.equal(await fixture.bind('BOB', { uid: BOB }), 'EACCES');
  fixture.users({ root: ROOT, alice: ALICE, bob: BOB });
  await until('bob', async () => (await fixture.bind('BOB', { uid: BOB })) === 'ok');
  fixture.users({ root: ROOT, bob: ALICE });
  await until('bob to be another user', async () => (await fixture.bind('BOB', { uid: ALICE })) === 'ok');
  await until('bob to have no job', async () => (await fixture.bind('BOB', { uid: BOB })) === 'EACCES');

  const unit = fixture.unit('nginx.service');
  await until('the unit', async () => (await fixture.bind('NGINX', { cgroup: unit })) === 'ok');
  rmdirSync(unit);
  mkdirSync(unit);
  await until('the unit again', async () => (await fixture.bind('NGINX', { cgroup: unit })) === 'ok');
  fixture.unit('a.slice');
  const nested = fixture.unit('a.slice/foo.service');
  await until('one in a slice', async () => (await fixture.bind('FOO', { cgroup: nested })) === 'ok');
});

test('a unit that starts is known before its program binds', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  // The follower that updates the kernel was notified by the kernel.
  for (let i = 0; i < 5; i++) {
    const unit = fixture.unit('nginx.service');
    assert.equal(await fixture.bind('NGINX', { cgroup: unit }), 'ok');
    await until('its processes to be gone', () => {
      try {
        rmdirSync(unit);
        return true;
      } catch {
        return false;
      }
    });
  }
});

test('tables that another process has put in force get the jobs', async (t) => {
  const fixture = await JobFixture.open(t);
  if (!fixture) return;
  const given = fixture.job('WEB');
  const { kernel, bpf, place } = fixture.guard;
  const none = { cgroups: new Map(), users: new Map() };
  const other = GuardKernel.open(bpf, place.pins) ?? assert.fail('no guard');
  // It may have the same time, and the same profile.
  other.swap(tablesOf(profileOf(`PORT ${PORTS.WEB} TCP WEB`)), () => none, kernel.state().since);
  other.close();
  assert.equal(kernel.knowsTables, false);
  await until('the job', async () => (await fixture.bind('WEB', { cgroup: given })) === 'ok');
});
