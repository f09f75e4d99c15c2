// The effect of [guard] in portreeve.toml on the kernel: the errno of a refusal, and the judged cgroup.
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { portreeve } from '../support/daemon.ts';
import { type GuardDaemon, guardDaemon } from '../support/guard-daemon.ts';
import { ALICE } from '../support/job-fixture.ts';
import { until } from '../support/sandbox.ts';

const [PORT, LOW_PORT, LOWER_PORT] = [4000, 700, 113];
const PROFILE = `PORT
  ${PORT} TCP ALICE
  ${LOW_PORT} TCP ALICE
  ${LOWER_PORT} TCP ALICE
`;

/** The results for the three ports, for root and for the user who may have them. */
async function results({ bind }: GuardDaemon): Promise<string> {
  const ports = [PORT, LOW_PORT, LOWER_PORT];
  assert.deepEqual(await Promise.all(ports.map((port) => bind(port, ALICE))), ['ok', 'ok', 'ok']);
  return (await Promise.all(ports.map((port) => bind(port)))).join(' ');
}

test('a refusal has the errno in the settings, with commands', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  assert.equal(await results(at), 'EACCES EADDRINUSE EACCES');
  await at.settings('[guard]\nerrno = "EPERM"\nerrno_low = "EACCES"\n');
  assert.equal((await at.guard('enforce')).code, 0);
  assert.equal(await results(at), 'EPERM EACCES EPERM');
  await at.settings('[guard]\nerrno = "EADDRINUSE"\n');
  await at.fixture.sandbox.write('/run/other', `${PROFILE}  4001 TCP ALICE\n`);
  assert.equal((await at.apply('/run/other')).code, 0);
  assert.equal(await results(at), 'EADDRINUSE EADDRINUSE EADDRINUSE');
});

test('the daemon uses the same settings when it rebuilds the tables', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  await at.settings('[guard]\nerrno = "EPERM"\nerrno_low = "EACCES"\n');
  const daemon = await at.serve();
  assert.equal(await results(at), 'EPERM EACCES EPERM');

  // It was not notified of these, and rebuilds the tables as soon as another process has replaced them.
  await at.settings('[guard]\nerrno = "EADDRINUSE"\nerrno_low = "EPERM"\n');
  assert.equal((await at.guard('enforce')).code, 0);
  await daemon.waitForOutput(/reloaded the settings of the guard and of jobs/);
  await until('them to be in force', async () => (await at.bind(PORT)) === 'EADDRINUSE');
  assert.equal(await results(at), 'EADDRINUSE EPERM EADDRINUSE');

  await at.settings('[guard]\nerrno = "EPERM"\n');
  await at.fixture.sandbox.run(['kill', '-HUP', `${await innerPid(at)}`]);
  await until('these to be in force', async () => (await at.bind(PORT)) === 'EPERM');
  assert.equal(await results(at), 'EPERM EADDRINUSE EPERM');
});

/** The process number of the daemon in its sandbox. */
async function innerPid({ fixture }: GuardDaemon): Promise<number> {
  const { stdout } = await portreeve(fixture.sandbox, ['status', '--json']);
  return JSON.parse(stdout).pid;
}

test('a file with an error changes nothing', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  await at.settings('[guard]\nerrno = "ENOENT"\n');
  const { code, stderr } = await at.guard('enforce');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /guard\.errno is "ENOENT"; it must be the name of an errno: EACCES, EPERM or EADDRINUSE/,
  );
  assert.equal(await results(at), 'EACCES EADDRINUSE EACCES');
});

/** A cgroup below the root, next to that of the guard. */
function siblingCgroup(t: TestContext): string {
  const directory = join(cgroupRoot(), `portreeve-test-settings-${process.pid}`);
  mkdirSync(directory);
  t.after(() => rmdirSync(directory));
  return directory;
}

test('the cgroup in the settings is judged, and a guard of another cgroup is not used for it', async (t) => {
  const at = await guardDaemon(t, PROFILE);
  if (!at) return;
  await at.settings(`[guard]\ncgroup = "${siblingCgroup(t)}"\n`);
  const { code, stderr } = await at.guard('enforce');
  assert.equal(code, 1);
  assert.match(stderr, /judges another cgroup than .*\nRemove it first: portreeve guard off\./);

  await at.settings(`[guard]\ncgroup = "${at.fixture.place.cgroup}"\n`);
  assert.equal((await at.guard('enforce')).code, 0);
  await at.guard('off');
  assert.equal(await at.bind(PORT), 'ok');
  assert.equal((await at.guard('enforce')).code, 0);
  assert.equal(await at.bind(PORT), 'EACCES');
  const other = ['sh', '-c', 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"', 'enter', cgroupRoot()];
  assert.equal(await at.bind(PORT, 0, ...other), 'ok');
});
