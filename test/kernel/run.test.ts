// The daemon and the guard: `run` gives a job that the kernel knows at once, and portmap is bound as the job PORTMAP.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { walkCgroups } from '../../src/host/linux/cgroup.ts';
import { NO_PEERS, PORTREEVE, portreeve, status } from '../support/daemon.ts';
import { GuardStage, guardReady } from '../support/guard.ts';
import { ALICE, BOB } from '../support/job-stage.ts';
import { bringPeers } from '../support/peers.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { type Running, until } from '../support/world.ts';

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

/** A socket that holds port 111 (proc_pid_net(5)): one that listens (0A), or one of UDP (07). */
const HOLDS = /^ *\d+: [0-9A-F]+:006F \S+ (0A|07) /m;

interface Scene {
  readonly stage: GuardStage;
  readonly place: readonly string[];
  serve(): Promise<Running>;
  /** What bind(2) of a TCP port gives in the guarded cgroup, by itself or behind other words. */
  bind(port: number, uid?: number, ...prefix: string[]): Promise<string>;
}

/** A world in which a profile is enforced, and where no daemon has been yet. */
async function scene(t: TestContext): Promise<Scene | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'), ONLY_PORTREEVE)) return undefined;
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return undefined;
  const stage = await GuardStage.open(t, { peers });
  chmodSync(stage.place.cgroup, 0o755);
  for (const [path, text] of Object.entries(FILES)) await stage.world.write(path, text);
  const place = ['--state', '/run/state', '--pins', stage.place.pins];
  const applied = await portreeve(stage.world, ['apply', '/run/profile', ...place]);
  assert.match(applied.stdout, /recorded as revision 1/, applied.stderr);
  stage.kernel.setMode('enforce');
  const serve = async () => {
    const running = stage.start([PORTREEVE, 'serve', ...place], {}, { env: NO_PEERS });
    await running.waitForOutput(/portmap is ready/);
    return running;
  };
  const bind = async (port: number, uid = 0, ...prefix: string[]) => {
    const who = uid === 0 ? {} : { uid };
    const { stdout, stderr } = await stage.run([...prefix, ...BIND, `${port}`], who, { env: NO_PEERS });
    return `${stdout}${stderr}`.trim();
  };
  return { stage, place, serve, bind };
}

/** Whether there is a port mapper that answers over TCP. */
const answers = async ({ world }: GuardStage, port = 111): Promise<boolean> =>
  (await portreeve(world, ['portmap', 'list', `127.0.0.1:${port}`])).code === 0;

test('with 111 reserved for PORTMAP portreeve starts, and rpcbind does not', async (t) => {
  const at = await scene(t);
  if (!at) return;
  const { stage } = at;
  assert.equal(await at.bind(111), 'EACCES');
  const daemon = await at.serve();
  assert.ok(await answers(stage));
  const { guard, pid } = await status(stage.world);
  assert.deepEqual([guard.mode, guard.revision, guard.missing], ['enforce', 1, []]);

  // Its sockets are still known as those of that job, and nobody is told that they would be refused.
  const restarts = await portreeve(stage.world, ['guard', '--restarts', '--json', ...at.place]);
  const { sockets, kept } = JSON.parse(restarts.stdout);
  assert.deepEqual(sockets, [], restarts.stderr);
  assert.ok(kept > 0);
  const jobCgroups = () =>
    [...walkCgroups(stage.place.cgroup)].filter(({ directory }) => /PORTMAP/.test(directory));
  assert.equal(jobCgroups().length, 1);

  // What it binds later is bound as that job, too.
  await stage.world.write('/etc/portreeve/portreeve.toml', '[portmap]\nport = 112\n');
  await stage.world.run(['kill', '-HUP', `${pid}`]);
  await daemon.waitForOutput(/the settings were read again; portmap listens on .*:112/);
  assert.ok(await answers(stage, 112));
  // It has been in that cgroup for a moment only: what it starts is not that job.
  const { stdout } = await stage.run(['cat', `/proc/${pid}/cgroup`]);
  assert.doesNotMatch(stdout, /portreeve-job/);
  assert.equal(jobCgroups().length, 1);
  await daemon.stop();
  assert.equal(jobCgroups().length, 0);

  const rpcbindHolds = async () => {
    const rpcbind = stage.start(['rpcbind', '-f']);
    // Its Unix socket is open last, whatever became of the others.
    await until('rpcbind to be ready', async () => (await stage.world.run(['rpcinfo', '-s'])).code === 0);
    const { stdout: sockets } = await stage.run(['sh', '-c', 'cat /proc/net/[tu][cd]p*']);
    await rpcbind.stop('SIGKILL');
    return HOLDS.test(sockets);
  };
  assert.equal(await rpcbindHolds(), false);
  stage.kernel.setMode('off');
  assert.equal(await rpcbindHolds(), true);
});

test('the first bind of a command is judged as its job, and so is what an earlier daemon has given', async (t) => {
  const at = await scene(t);
  if (!at) return;
  const { stage } = at;
  const daemon = await at.serve();
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  for (let i = 0; i < 3; i++) assert.equal(await at.bind(4000, ALICE, ...run), 'ok');
  assert.deepEqual(
    [await at.bind(4001, ALICE, ...run), await at.bind(4001, ALICE), await at.bind(4000, ALICE)],
    ['EACCES', 'ok', 'EACCES'],
  );
  assert.match(await at.bind(4000, BOB, ...run), /uid 1001 may not take the job WEB/);
  assert.equal(await at.bind(4002, 0, PORTREEVE, 'run', '--job', 'OTHER', '--'), 'ok');

  const holder = stage.start(
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

test('while a profile is on trial jobs are given, followed, and kept by a daemon that starts anew', async (t) => {
  const at = await scene(t);
  if (!at) return;
  const { stage } = at;
  const daemon = await at.serve();
  await stage.world.write('/run/second', `${PROFILE}\n  4003 TCP WEB\n  4004 TCP BOB\n`);
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  const applied = await portreeve(stage.world, ['apply', '/run/second', '--try', '60s', ...at.place]);
  assert.match(applied.stdout, /for 60 s/, applied.stderr);
  assert.equal(await at.bind(4003, ALICE, ...run), 'ok');
  assert.deepEqual([await at.bind(4003, ALICE), await at.bind(4004, BOB)], ['EACCES', 'EACCES']);
  await stage.world.write('/etc/passwd', `${FILES['/etc/passwd']}bob:x:${BOB}:${BOB}::/:/bin/sh\n`);
  await until('the new user', async () => (await at.bind(4004, BOB)) === 'ok');

  // The port mapper of another daemon is PORTMAP, too, and gives jobs.
  await daemon.stop('SIGKILL');
  await at.serve();
  assert.ok(await answers(stage));
  assert.equal(await at.bind(4003, ALICE, ...run), 'ok');
  assert.equal(await at.bind(4004, BOB), 'ok');

  // What was before is told, too, and is in force again.
  const { kernel } = stage;
  assert.equal(kernel.goBack(), true);
  assert.deepEqual([await at.bind(4000, ALICE, ...run), await at.bind(4000, ALICE)], ['ok', 'EACCES']);
});

test('a trial that is not confirmed is recorded by the daemon when it ends', async (t) => {
  const at = await scene(t);
  if (!at) return;
  const { stage } = at;
  const daemon = await at.serve();
  await stage.world.write('/run/second', 'PORT 4000 TCP ALICE\n');
  const applied = await portreeve(stage.world, ['apply', '/run/second', '--try', '1s', ...at.place]);
  assert.match(applied.stdout, /revision 2; the kernel enforces it for 1 s/, applied.stderr);
  await daemon.waitForOutput(/what was before it is recorded as revision 3/);
  const { trialMs, hasGoneBack, revision } = stage.kernel.state();
  assert.deepEqual([trialMs, hasGoneBack, revision], [undefined, false, 1]);
  const run = [PORTREEVE, 'run', '--job', 'WEB', '--'];
  assert.deepEqual([await at.bind(4000, ALICE, ...run), await at.bind(4000, ALICE)], ['ok', 'EACCES']);
});
