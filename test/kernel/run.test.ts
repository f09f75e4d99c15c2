// The daemon and the guard: `run` assigns a job that the kernel knows at once, and portmap binds as the job PORTMAP.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { walkCgroups } from '../../src/host/linux/cgroup.ts';
import { NO_PEERS, PORTREEVE, portreeve, status } from '../support/daemon.ts';
import { GuardFixture, guardReady } from '../support/guard.ts';
import { ALICE, BOB } from '../support/job-fixture.ts';
import { bringPeers } from '../support/peers.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { type Running, until } from '../support/sandbox.ts';

const BIND = ['python3', join(import.meta.dirname, '../support/job-bind.py'), 'plainly'];
const PROFILE = `
PORTRANGE 111 2 TCP PORTMAP
PORTRANGE 111 2 UDP PORTMAP
PORT
  4000 TCP WEB
  4001 TCP ALICE
  4002 TCP OTHER
`;
const FILES = {
  '/etc/passwd': `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n_rpc:x:102:65534::/:/bin/false\n`,
  '/etc/portreeve/portreeve.toml': '[job.WEB]\nusers = ["alice"]\n',
  '/run/profile': PROFILE,
};

/** A socket that holds port 111 (proc_pid_net(5)): a listening one (0A), or one of UDP (07). */
const HOLDS = /^ *\d+: [0-9A-F]+:006F \S+ (0A|07) /m;

interface Setup {
  readonly fixture: GuardFixture;
  readonly place: readonly string[];
  serve(): Promise<Running>;
  /** The result of bind(2) of a TCP port in the guarded cgroup, optionally after a command prefix. */
  bind(port: number, uid?: number, ...prefix: string[]): Promise<string>;
}

/** A sandbox in which a profile is enforced, without a daemon yet. */
async function setup(t: TestContext): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'), ONLY_PORTREEVE)) return undefined;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return undefined;
  const fixture = await GuardFixture.open(t, { peers });
  chmodSync(fixture.place.cgroup, 0o755);
  for (const [path, text] of Object.entries(FILES)) await fixture.sandbox.write(path, text);
  const place = ['--state', '/run/state', '--pins', fixture.place.pins];
  const applied = await portreeve(fixture.sandbox, ['apply', '/run/profile', ...place]);
  assert.match(applied.stdout, /recorded as revision 1/, applied.stderr);
  fixture.kernel.setMode('enforce');
  const serve = async () => {
    const running = fixture.start([PORTREEVE, 'serve', ...place], {}, { env: NO_PEERS });
    await running.waitForOutput(/portmap is ready/);
    return running;
  };
  const bind = async (port: number, uid = 0, ...prefix: string[]) => {
    const who = uid === 0 ? {} : { uid };
    const { stdout, stderr } = await fixture.run([...prefix, ...BIND, `${port}`], who, { env: NO_PEERS });
    return `${stdout}${stderr}`.trim();
  };
  return { fixture, place, serve, bind };
}

/** Whether a port mapper answers over TCP. */
const answers = async ({ sandbox }: GuardFixture, port = 111): Promise<boolean> =>
  (await portreeve(sandbox, ['portmap', 'list', `127.0.0.1:${port}`])).code === 0;

test('with 111 reserved for PORTMAP portreeve starts, and rpcbind does not', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  assert.equal(await at.bind(111), 'EACCES');
  const daemon = await at.serve();
  assert.ok(await answers(fixture));
  const { guard, pid } = await status(fixture.sandbox);
  assert.deepEqual([guard.mode, guard.revision, guard.missing], ['enforce', 1, []]);

  // Its sockets still belong to that job, and are not reported as refused.
  const restarts = await portreeve(fixture.sandbox, ['guard', '--restarts', '--json', ...at.place]);
  const { sockets, kept } = JSON.parse(restarts.stdout);
  assert.deepEqual(sockets, [], restarts.stderr);
  assert.ok(kept > 0);
  const jobCgroups = () =>
    [...walkCgroups(fixture.place.cgroup)].filter(({ directory }) => /PORTMAP/.test(directory));
  assert.equal(jobCgroups().length, 1);

  // What it binds later also has that job.
  await fixture.sandbox.write('/etc/portreeve/portreeve.toml', '[portmap]\nport = 112\n');
  await fixture.sandbox.run(['kill', '-HUP', `${pid}`]);
  await daemon.waitForOutput(/reloaded the settings; portmap listens on .*:112/);
  assert.ok(await answers(fixture, 112));
  // It was in that cgroup only for a moment: what it starts does not have that job.
  const { stdout } = await fixture.run(['cat', `/proc/${pid}/cgroup`]);
  assert.doesNotMatch(stdout, /portreeve-job/);
  assert.equal(jobCgroups().length, 1);
  await daemon.stop();
  assert.equal(jobCgroups().length, 0);

  const rpcbindHolds = async () => {
    const rpcbind = fixture.start(['rpcbind', '-f']);
    // Its Unix socket is opened last, whatever the result of the others.
    await until('rpcbind to be ready', async () => (await fixture.sandbox.run(['rpcinfo', '-s'])).code === 0);
    const { stdout: sockets } = await fixture.run(['sh', '-c', 'cat /proc/net/[tu][cd]p*']);
    await rpcbind.stop('SIGKILL');
    return HOLDS.test(sockets);
  };
  assert.equal(await rpcbindHolds(), false);
  fixture.kernel.setMode('off');
  assert.equal(await rpcbindHolds(), true);
});

test('the first bind of a command has its job, and so have the jobs that an earlier daemon assigned', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  const daemon = await at.serve();
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  for (let i = 0; i < 3; i++) assert.equal(await at.bind(4000, ALICE, ...run), 'ok');
  assert.deepEqual(
    [await at.bind(4001, ALICE, ...run), await at.bind(4001, ALICE), await at.bind(4000, ALICE)],
    ['EACCES', 'ok', 'EACCES'],
  );
  assert.match(await at.bind(4000, BOB, ...run), /uid 1001 may not take the job WEB/);
  assert.equal(await at.bind(4002, 0, PORTREEVE, 'run', '--job', 'OTHER', '--'), 'ok');

  const holder = fixture.start(
    [...run, 'sh', '-c', `echo in; read line; exec ${BIND.join(' ')} 4000`],
    { uid: ALICE },
    {
      env: NO_PEERS,
      input: '',
    },
  );
  await holder.waitForOutput(/in/);
  await daemon.stop('SIGKILL');
  const { stdout } = await holder.ended;
  assert.equal(stdout, 'in\nok\n');
});

test('during a trial jobs are assigned, followed, and kept by a daemon that starts', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  const daemon = await at.serve();
  await fixture.sandbox.write('/run/second', `${PROFILE}\n  4003 TCP WEB\n  4004 TCP BOB\n`);
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  const applied = await portreeve(fixture.sandbox, ['apply', '/run/second', '--try', '60s', ...at.place]);
  assert.match(applied.stdout, /for 60 s/, applied.stderr);
  assert.equal(await at.bind(4003, ALICE, ...run), 'ok');
  assert.deepEqual([await at.bind(4003, ALICE), await at.bind(4004, BOB)], ['EACCES', 'EACCES']);
  await fixture.sandbox.write('/etc/passwd', `${FILES['/etc/passwd']}bob:x:${BOB}:${BOB}::/:/bin/sh\n`);
  await until('the new user', async () => (await at.bind(4004, BOB)) === 'ok');

  // The port mapper of another daemon also has the job PORTMAP, and it assigns jobs.
  await daemon.stop('SIGKILL');
  await at.serve();
  assert.ok(await answers(fixture));
  assert.equal(await at.bind(4003, ALICE, ...run), 'ok');
  assert.equal(await at.bind(4004, BOB), 'ok');

  // The earlier profile was also updated, and is in force again.
  const { kernel } = fixture;
  assert.equal(kernel.revert(), true);
  assert.deepEqual([await at.bind(4000, ALICE, ...run), await at.bind(4000, ALICE)], ['ok', 'EACCES']);
});

test('an unconfirmed trial is recorded by the daemon when it ends', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  const daemon = await at.serve();
  await fixture.sandbox.write('/run/second', 'PORT 4000 TCP ALICE\n');
  const applied = await portreeve(fixture.sandbox, ['apply', '/run/second', '--try', '1s', ...at.place]);
  assert.match(applied.stdout, /revision 2; the kernel enforces it for 1 s/, applied.stderr);
  await daemon.waitForOutput(/the profile before it was recorded again, as revision 3/);
  const { trialMs, hasReverted, revision } = fixture.kernel.state();
  assert.deepEqual([trialMs, hasReverted, revision], [undefined, false, 1]);
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  assert.deepEqual([await at.bind(4000, ALICE, ...run), await at.bind(4000, ALICE)], ['ok', 'EACCES']);
});
